# The .tf files of the same directory require and configure the provider.

# Every membership of the account.
list "kantata_access_group_membership" "all" {
  provider = kantata
  limit    = 10000
}

# The memberships of one access group, with all their attributes.
list "kantata_access_group_membership" "finance" {
  provider         = kantata
  limit            = 1000
  include_resource = true

  config {
    access_group_id = "340001"
  }
}
