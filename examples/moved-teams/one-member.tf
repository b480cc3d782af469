moved {
  from = kantata_access_group_membership.resource_managers["amir@example.com"]
  to   = kantata_access_group_membership.team["340002/amir@example.com"]
}
