terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

# The pair of IDs stays the same if someone is removed and added again. The membership ID does not.
data "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"
  user_id         = "12000001"
}

output "member_since" {
  value = data.kantata_access_group_membership.jane_finance.created_at
}
