removed {
  from = kantata_access_group_membership.resource_managers

  lifecycle {
    destroy = false
  }
}
