terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

locals {
  # Some spreadsheets write a byte order mark at the beginning of the file.
  rows = csvdecode(trimprefix(file("${path.module}/teams.csv"), "\ufeff"))

  memberships = { for row in local.rows : "${trimspace(row.access_group_id)}/${lower(trimspace(row.user_email_address))}" => row }
}

resource "kantata_access_group_membership" "team" {
  for_each = local.memberships

  access_group_id    = trimspace(each.value.access_group_id)
  user_email_address = each.value.user_email_address
}
