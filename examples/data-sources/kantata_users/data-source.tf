terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

data "kantata_users" "team" {
  email_addresses = ["jane@example.com", "amir@example.com"]
  ignore_missing  = true
}

# One membership for each person who was found.
resource "kantata_access_group_membership" "finance" {
  for_each = data.kantata_users.team.ids_by_email_address

  access_group_id = "340001" # Finance Approvers
  user_id         = each.value
}

output "not_on_the_account" {
  value = data.kantata_users.team.missing_email_addresses
}
