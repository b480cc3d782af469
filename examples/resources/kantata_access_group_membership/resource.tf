terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

# Jane Doe may approve what Finance Approvers may.
resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"
  user_id         = "12000001"
}

# A whole team, kept as a map in the reviewed repository.
locals {
  resource_managers = {
    "Amir Haddad"  = "12000002"
    "Chloe Martin" = "12000003"
  }
}

resource "kantata_access_group_membership" "resource_managers" {
  for_each = local.resource_managers

  access_group_id = "340002"
  user_id         = each.value
}
