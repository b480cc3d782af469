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
  teams = yamldecode(file("${path.module}/teams.yaml"))
}

resource "kantata_access_group_membership" "team" {
  for_each = provider::kantata::memberships(local.teams)

  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}

data "kantata_access_group_memberships" "actual" {
  include_email_addresses = true
}

locals {
  in_code = [for m in kantata_access_group_membership.team : "${m.access_group_id}/${m.user_id}"]

  not_in_code = [
    for m in data.kantata_access_group_memberships.actual.memberships :
    "${coalesce(m.user_email_address, m.user_name, m.user_id)} in ${coalesce(m.access_group_name, m.access_group_id)}"
    if contains(keys(local.teams), m.access_group_id) && !contains(local.in_code, "${m.access_group_id}/${m.user_id}")
  ]
}

# Every plan warns about members who are not in teams.yaml. The check removes no one.
check "everyone_is_in_code" {
  assert {
    condition     = length(local.not_in_code) == 0
    error_message = "Not in teams.yaml: ${join(", ", local.not_in_code)}."
  }
}
