terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

data "kantata_users" "team" {
  email_addresses = ["jane@example.com"]
}

resource "kantata_access_group_membership" "finance_approvers" {
  for_each = data.kantata_users.team.ids_by_email_address

  access_group_id = "340001"
  user_id         = each.value
}
