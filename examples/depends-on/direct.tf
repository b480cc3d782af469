resource "terraform_data" "training" {
  input = "2026"
}

resource "kantata_access_group_membership" "finance" {
  access_group_id    = "340001"
  user_email_address = "jane@example.com"

  depends_on = [terraform_data.training] # this only orders the apply
}
