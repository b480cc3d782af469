mock_provider "kantata" {
  mock_data "kantata_users" {
    defaults = {
      ids_by_email_address = {
        "jane@example.com" = "12000001"
      }
    }
  }
}

run "the_person_who_was_found" {
  assert {
    condition     = kantata_access_group_membership.finance_approvers["jane@example.com"].user_id == "12000001"
    error_message = "got ${jsonencode(kantata_access_group_membership.finance_approvers)}"
  }
}
