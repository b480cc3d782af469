# By access group ID and user ID.
import {
  to = kantata_access_group_membership.jane_finance
  id = "340001/12000001"
}

# By access group ID and e-mail address.
import {
  to = kantata_access_group_membership.resource_managers["amir@example.com"]
  id = "340002/amir@example.com"
}
