terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

provider "kantata" {}

locals {
  finance_approvers = "340001"
  resource_managers = "340002"

  memberships = {
    "Jane Doe approves finances"     = { access_group_id = local.finance_approvers, user_id = "12000001" }
    "Amir Haddad manages resources"  = { access_group_id = local.resource_managers, user_id = "12000002" }
    "Chloe Martin manages resources" = { access_group_id = local.resource_managers, user_id = "12000003" }
  }
}

resource "kantata_access_group_membership" "this" {
  for_each = local.memberships

  access_group_id = each.value.access_group_id
  user_id         = each.value.user_id
}
