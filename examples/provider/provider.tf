terraform {
  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

# The access token comes from the environment variable KANTATA_ACCESS_TOKEN.
provider "kantata" {}
