terraform {
  required_version = ">= 1.8" # functions of providers, for_each in import blocks

  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

locals {
  memberships = provider::kantata::memberships(yamldecode(file("${path.module}/teams.yaml")))
}

resource "kantata_access_group_membership" "team" {
  for_each = local.memberships

  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}

# The rest is for the first apply only: it imports the memberships that exist, and Terraform creates the others.

data "kantata_access_group_memberships" "existing" {
  include_email_addresses = true
}

locals {
  existing = flatten([
    for m in data.kantata_access_group_memberships.existing.memberships : [
      "${m.access_group_id}/${m.user_id}",
      "${m.access_group_id}/${m.user_email_address == null ? "" : lower(m.user_email_address)}",
    ]
  ])
}

import {
  for_each = setintersection(keys(local.memberships), local.existing)

  to = kantata_access_group_membership.team[each.key]
  id = each.key
}
