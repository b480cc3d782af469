terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

data "kantata_access_group_memberships" "all" {
  include_email_addresses = true
}

locals {
  columns = ["access_group_id", "access_group_name", "user_id", "user_name", "user_email_address", "created_at"]

  rows = [
    for m in data.kantata_access_group_memberships.all.memberships :
    [for column in local.columns : m[column] == null ? "" : "\"${replace(m[column], "\"", "\"\"")}\""]
  ]
}

output "access_review" {
  value = join("", [for row in concat([local.columns], local.rows) : "${join(",", row)}\n"])
}
