import {
  to = kantata_access_group_membership.jane_finance
  id = "340001/jane@example.com"
}

resource "kantata_access_group_membership" "jane_finance" {
  access_group_id    = "340001"
  user_email_address = "jane@example.com"
}
