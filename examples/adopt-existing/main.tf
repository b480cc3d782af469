resource "kantata_access_group_membership" "resource_managers" {
  for_each           = toset(["amir@example.com", "chloe@example.com"])
  access_group_id    = "340002"
  user_email_address = each.key
  adopt_existing     = true
}
