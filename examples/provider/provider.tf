terraform {
  required_providers {
    kantata = {
      source = "kantata-community/kantata"
    }
  }
}

# The access token is read from the environment variable KANTATA_ACCESS_TOKEN.
provider "kantata" {}
