resource "restapi_object" "jane_finance" {
  path         = "/access_group_memberships"
  id_attribute = "results/0/id"
  data = jsonencode({
    access_group_membership = { access_group_id = 340001, user_id = 12000001 }
  })
}
