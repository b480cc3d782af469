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
  memberships = csvdecode(file("${path.module}/teams.csv"))
}

resource "kantata_access_group_membership" "team" {
  for_each = { for m in local.memberships : "${m.access_group_id}/${lower(m.user_email_address)}" => m }

  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
}
