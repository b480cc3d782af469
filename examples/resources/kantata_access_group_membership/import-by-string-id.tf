import {
  to = kantata_access_group_membership.jane_finance
  id = "340001/12000001" # access_group_id/user_id, or a membership id such as "56000101"
}
