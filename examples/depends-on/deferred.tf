resource "terraform_data" "training" {
  input = "2026"
}

data "kantata_users" "finance" {
  email_addresses = ["jane@example.com"]

  depends_on = [terraform_data.training] # Terraform may read the data source only during apply
}

resource "kantata_access_group_membership" "finance" {
  access_group_id = "340001"
  user_id         = data.kantata_users.finance.ids_by_email_address["jane@example.com"]
}
