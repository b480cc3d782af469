terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

# A team. The keys are the addresses, so the plan shows who joins and who leaves.
resource "kantata_access_group_membership" "resource_managers" {
  for_each = toset(["amir@example.com", "chloe@example.com"])

  access_group_id    = "340002" # Resource Managers
  user_email_address = each.key
}

# One person, by user ID.
resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"   # Finance Approvers
  user_id         = "12000001" # Jane Doe
}
