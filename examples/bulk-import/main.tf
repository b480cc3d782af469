terraform {
  required_version = ">= 1.7" # for_each in import blocks

  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

provider "kantata" {}

variable "access_group_id" {
  description = "The id of the access group whose memberships are taken over, for example 340001."
  type        = string
}

data "kantata_access_group_memberships" "existing" {
  access_group_id = var.access_group_id
}

locals {
  existing = {
    for m in data.kantata_access_group_memberships.existing.memberships :
    "${m.access_group_id}/${m.user_id}" => m
  }
}

import {
  for_each = local.existing

  to = kantata_access_group_membership.existing[each.key]
  id = each.key
}

resource "kantata_access_group_membership" "existing" {
  for_each = local.existing

  access_group_id = each.value.access_group_id
  user_id         = each.value.user_id
}
