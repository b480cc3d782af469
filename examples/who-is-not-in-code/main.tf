terraform {
  required_version = ">= 1.8" # functions of providers

  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

locals {
  memberships = provider::kantata::memberships(yamldecode(file("${path.module}/teams.yaml")))
}

resource "kantata_access_group_membership" "team" {
  for_each = local.memberships

  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}

data "kantata_access_group_memberships" "actual" {
  include_email_addresses = true
}

locals {
  # Kantata derives the members of these groups from the account permissions.
  account_default_groups = [
    "Reports Viewer With Cost", "Reports Viewer", "Project Lead", "Project Creator", "Collaborator", "Punch Clock",
  ]

  actual = {
    for m in data.kantata_access_group_memberships.actual.memberships : "${m.access_group_id}/${m.user_id}" =>
    "${coalesce(m.user_email_address, m.user_name, m.user_id)} in ${coalesce(m.access_group_name, m.access_group_id)}"...
    if !contains(local.account_default_groups, coalesce(m.access_group_name, "unnamed"))
  }

  in_code     = [for m in kantata_access_group_membership.team : "${m.access_group_id}/${m.user_id}"]
  not_in_code = [for key in setsubtract(keys(local.actual), local.in_code) : local.actual[key][0]]
}

# Every plan warns about members who are not in teams.yaml. The check removes no one.
check "everyone_is_in_code" {
  assert {
    condition     = length(local.not_in_code) == 0
    error_message = "Not in teams.yaml: ${join(", ", local.not_in_code)}."
  }
}
