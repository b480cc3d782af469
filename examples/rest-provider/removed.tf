removed {
  from = restapi_object.jane_finance

  lifecycle {
    destroy = false
  }
}

import {
  to = kantata_access_group_membership.jane_finance
  id = "56000101"
}

resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"
  user_id         = "12000001"
}
