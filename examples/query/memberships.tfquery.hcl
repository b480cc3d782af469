list "kantata_access_group_membership" "finance" {
  provider = kantata
  limit    = 1000

  config {
    access_group_id = "340001"
  }
}
