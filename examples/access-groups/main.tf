terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

provider "kantata" {}

data "kantata_access_groups" "all" {}

output "access_group_ids" {
  value = data.kantata_access_groups.all.ids_by_name
}
