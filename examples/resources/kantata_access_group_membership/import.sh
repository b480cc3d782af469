# By access_group_id/user_id:
terraform import kantata_access_group_membership.jane_finance 340001/12000001

# By the membership id:
terraform import kantata_access_group_membership.jane_finance 56000101
