moved {
  from = restapi_object.jane_finance
  to   = kantata_access_group_membership.jane_finance
}

resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"
  user_id         = "12000001"
}
