terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

# Everybody who is in an access group.
data "kantata_access_group_memberships" "finance" {
  access_group_id = "340001"
}

output "finance_approvers" {
  value = data.kantata_access_group_memberships.finance.memberships[*].user_name
}
