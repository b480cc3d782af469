terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

provider "kantata" {}

variable "teams" {
  description = "The e-mail addresses of each access group's people, by the group's id."
  type        = map(set(string))
  default = {
    "340001" = ["jane@example.com"]
    "340002" = ["amir@example.com", "chloe@example.com"]
  }
}

data "kantata_users" "everybody" {
  email_addresses = toset(flatten([for people in var.teams : tolist(people)]))
}

locals {
  memberships = merge([
    for access_group_id, people in var.teams : {
      for person in people : "${access_group_id} ${person}" => {
        access_group_id = access_group_id
        user_id         = data.kantata_users.everybody.ids_by_email_address[person]
      }
    }
  ]...)
}

resource "kantata_access_group_membership" "team" {
  for_each = local.memberships

  access_group_id = each.value.access_group_id
  user_id         = each.value.user_id
}
