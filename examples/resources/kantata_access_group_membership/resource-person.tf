resource "kantata_access_group_membership" "jane_finance" {
  access_group_id = "340001"   # Finance Approvers
  user_id         = "12000001" # Jane Doe
}
