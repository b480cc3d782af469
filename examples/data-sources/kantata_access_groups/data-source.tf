terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

# Someone else fills this group in Kantata, so the group is never empty and can be found.
data "kantata_access_groups" "finance" {
  names = ["Finance Approvers"]
}

data "kantata_access_group_memberships" "finance" {
  access_group_id = data.kantata_access_groups.finance.ids_by_name["Finance Approvers"]
}

output "finance_approvers" {
  value = data.kantata_access_group_memberships.finance.memberships[*].user_name
}
