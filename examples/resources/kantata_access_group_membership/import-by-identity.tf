import {
  to = kantata_access_group_membership.jane_finance
  identity = {
    access_group_id = "340001"
    user_id         = "12000001"
  }
}
