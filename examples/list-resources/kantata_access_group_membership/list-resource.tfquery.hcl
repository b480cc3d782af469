# In a folder whose .tf files require and configure the provider. To run it: terraform query

# Every membership of the account.
list "kantata_access_group_membership" "all" {
  provider = kantata
  limit    = 1000
}

# Those of one access group, with all their attributes.
list "kantata_access_group_membership" "finance" {
  provider         = kantata
  include_resource = true

  config {
    access_group_id = "340001"
  }
}
