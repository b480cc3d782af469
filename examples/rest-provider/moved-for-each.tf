moved {
  from = restapi_object.resource_managers
  to   = kantata_access_group_membership.resource_managers
}
