terraform {
  required_version = ">= 1.5" # check blocks

  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

provider "kantata" {}

variable "access_group_id" {
  description = "The id of the access group that this configuration manages, for example 340001."
  type        = string
}

variable "user_ids" {
  description = "The ids of the people who should be in the access group."
  type        = set(string)
}

resource "kantata_access_group_membership" "managed" {
  for_each = var.user_ids

  access_group_id = var.access_group_id
  user_id         = each.value
}

data "kantata_access_group_memberships" "actual" {
  access_group_id = var.access_group_id
}

locals {
  not_in_code = [
    for m in data.kantata_access_group_memberships.actual.memberships :
    "${coalesce(m.user_name, "user")} (${m.user_id})" if !contains(var.user_ids, m.user_id)
  ]
}

# Warns, on each plan, of everybody who is in the group but not in code. Nobody is removed.
check "nobody_else" {
  assert {
    condition     = length(local.not_in_code) == 0
    error_message = "In the access group but not in code: ${join(", ", local.not_in_code)}."
  }
}
