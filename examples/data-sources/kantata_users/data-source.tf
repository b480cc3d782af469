terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

data "kantata_users" "team" {
  email_addresses = ["jane@example.com", "amir@example.com"]
}

resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"
  user_id         = data.kantata_users.team.ids_by_email_address["jane@example.com"]
}
