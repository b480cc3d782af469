terraform {
  required_version = ">= 1.10" # ephemeral variables

  required_providers {
    kantata = {
      source  = "kantata-community/kantata"
      version = "~> 0.1"
    }
  }
}

variable "kantata_access_token" {
  type      = string
  ephemeral = true # neither the state nor a saved plan contains the value
}

provider "kantata" {
  access_token = var.kantata_access_token
}
