removed {
  from = restapi_object.resource_managers

  lifecycle {
    destroy = false
  }
}

locals {
  resource_managers = toset(["amir@example.com", "chloe@example.com"])
}

import {
  for_each = local.resource_managers

  to = kantata_access_group_membership.resource_managers[each.key]
  id = "340002/${each.key}"
}

resource "kantata_access_group_membership" "resource_managers" {
  for_each = local.resource_managers

  access_group_id    = "340002"
  user_email_address = each.key
}
