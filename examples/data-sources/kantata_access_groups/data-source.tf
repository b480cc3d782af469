terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

data "kantata_access_groups" "managed" {
  names = ["Finance Approvers"]
}

resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = data.kantata_access_groups.managed.ids_by_name["Finance Approvers"]
  user_id         = "12000001"
}
