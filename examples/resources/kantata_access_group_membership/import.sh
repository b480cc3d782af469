# By access group ID and user ID:
terraform import kantata_access_group_membership.jane_finance 340001/12000001

# By access group ID and e-mail address:
terraform import 'kantata_access_group_membership.resource_managers["amir@example.com"]' 340002/amir@example.com

# By membership ID:
terraform import kantata_access_group_membership.jane_finance 56000101
