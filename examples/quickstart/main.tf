terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

resource "kantata_access_group_membership" "finance_approvers" {
  for_each = toset(["jane@example.com"])

  access_group_id    = "340001" # Finance Approvers
  user_email_address = each.key
}

resource "kantata_access_group_membership" "resource_managers" {
  for_each = toset(["amir@example.com", "chloe@example.com"])

  access_group_id    = "340002" # Resource Managers
  user_email_address = each.key
}
