terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

data "kantata_access_group_memberships" "all" {
  include_email_addresses = true
}

locals {
  # Kantata does not list the members of Account Administrators, the seventh Account Default group.
  account_default_groups = [
    "Reports Viewer With Cost", "Reports Viewer", "Project Lead", "Project Creator", "Collaborator", "Punch Clock",
  ]

  members_by_group = {
    for m in data.kantata_access_group_memberships.all.memberships : m.access_group_id => m...
    if !contains(local.account_default_groups, coalesce(m.access_group_name, "unnamed"))
  }

  teams = [
    for access_group_id, members in local.members_by_group : join("\n", concat(
      ["\"${access_group_id}\": # ${coalesce(members[0].access_group_name, "unnamed")}"],
      [for m in members : "  - ${coalesce(m.user_email_address, m.user_id)} # ${coalesce(m.user_name, "unnamed")}"],
    ))
  ]
}

# The content of teams.yaml.
output "teams" {
  value = "${join("\n\n", local.teams)}\n"
}
