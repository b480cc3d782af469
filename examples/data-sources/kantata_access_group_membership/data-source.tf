terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

# By the pair, which stays the same when the person is removed and added again by hand.
data "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"
  user_id         = "12000001"
}

output "member_since" {
  value = data.kantata_access_group_membership.jane_finance.created_at
}
