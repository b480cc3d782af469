mock_provider "kantata" {
  override_resource {
    target = kantata_access_group_membership.team
    values = {
      user_id = "12000001"
    }
  }
}

variables {
  teams = {
    "340001" = ["Jane@example.com"]
    "340002" = ["amir@example.com", "chloe@example.com"]
  }
}

run "one_membership_for_each_member" {
  assert {
    condition = toset(output.memberships) == toset([
      "340001/jane@example.com",
      "340002/amir@example.com",
      "340002/chloe@example.com",
    ])
    error_message = "got ${jsonencode(output.memberships)}"
  }

  assert {
    condition     = kantata_access_group_membership.team["340001/jane@example.com"].user_id == "12000001"
    error_message = "got user ${kantata_access_group_membership.team["340001/jane@example.com"].user_id}"
  }
}
