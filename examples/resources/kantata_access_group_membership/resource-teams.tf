resource "kantata_access_group_membership" "team" {
  for_each           = provider::kantata::memberships(yamldecode(file("teams.yaml")))
  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}
