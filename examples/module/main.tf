terraform {
  required_version = ">= 1.8" # functions of providers

  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

variable "teams" {
  description = "The members of each access group, as e-mail addresses or user IDs, by access group ID."
  type        = map(set(string))
}

locals {
  memberships = provider::kantata::memberships(var.teams)
}

resource "kantata_access_group_membership" "team" {
  for_each = local.memberships

  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}

output "memberships" {
  description = "The keys of all memberships of this module."
  value       = keys(kantata_access_group_membership.team)
}
