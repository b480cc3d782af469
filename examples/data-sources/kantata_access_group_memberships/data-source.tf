terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

# Everyone in one access group, whether Terraform manages the membership or not.
data "kantata_access_group_memberships" "finance" {
  access_group_id         = "340001"
  include_email_addresses = true
}

output "finance_approvers" {
  value = { for m in data.kantata_access_group_memberships.finance.memberships : m.user_id => m.user_email_address }
}
