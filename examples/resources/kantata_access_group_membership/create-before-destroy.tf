resource "kantata_access_group_membership" "jane" {
  access_group_id    = "340002"
  user_email_address = "jane@example.com"
  adopt_existing     = true

  lifecycle {
    create_before_destroy = true
  }
}
