terraform {
  required_version = ">= 1.8" # functions of providers

  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

locals {
  # Terraform evaluates for_each again for each member, but a local value only once.
  memberships = provider::kantata::memberships(yamldecode(file("${path.module}/teams.yaml")))
}

resource "kantata_access_group_membership" "team" {
  for_each = local.memberships

  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}
