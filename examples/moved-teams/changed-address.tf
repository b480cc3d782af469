moved {
  from = kantata_access_group_membership.team["340001/jane@example.com"]
  to   = kantata_access_group_membership.team["340001/jane.doe@example.com"]
}
