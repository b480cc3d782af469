package memberships

import (
	"errors"
	"fmt"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// ErrAbsent is returned for a membership that is known not to exist.
var ErrAbsent = errors.New("the access group membership does not exist")

// errNoID is the result of a lookup if Kantata returned 404 for its ID.
var errNoID = errors.New("no access group membership has this ID")

// errContradiction is wrapped if responses cannot all be true. They say nothing about what exists.
var errContradiction = errors.New("contradictory responses")

// ExistsError reports that a create was refused because its pair exists (rule 5).
type ExistsError struct{ Membership kantata.Membership }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("user %s is already in access group %s: membership %s", e.Membership.UserID,
		e.Membership.AccessGroupID, e.Membership.ID)
}

// ClaimedError reports a second create of one pair in one process: another resource in this run creates the pair.
type ClaimedError struct{ Pair kantata.Pair }

func (e *ClaimedError) Error() string {
	return fmt.Sprintf("another resource in this run adds user %s to access group %s", e.Pair.UserID, e.Pair.AccessGroupID)
}

// FailedDeleteError reports a create that was not sent, because a delete of its pair failed in this process with Err and may still
// take effect (rule 11).
type FailedDeleteError struct {
	Pair kantata.Pair
	Err  error
}

func (e *FailedDeleteError) Error() string {
	return fmt.Sprintf("the delete of user %s in access group %s failed earlier in this run: %v", e.Pair.UserID, e.Pair.AccessGroupID, e.Err)
}

// Unwrap returns Err.
func (e *FailedDeleteError) Unwrap() error { return e.Err }

// RefusedDeleteError reports a delete that was not sent, because a create of its pair was refused in this process: another resource
// in this configuration manages the membership (rule 11).
type RefusedDeleteError struct{ Pair kantata.Pair }

func (e *RefusedDeleteError) Error() string {
	return fmt.Sprintf("another resource in this configuration manages user %s in access group %s", e.Pair.UserID, e.Pair.AccessGroupID)
}

// NotDeletedError reports a membership that still exists after its DELETE, whatever the response was (rule 6).
type NotDeletedError struct{ ID kantata.ID }

func (e *NotDeletedError) Error() string { return fmt.Sprintf("membership %s still exists", e.ID) }

// UncertainError reports a create that failed with Err and may still have worked (rule 3).
type UncertainError struct {
	Pair kantata.Pair
	Err  error
	// Membership is set if the pair exists now and someone else may have created it (rule 5).
	Membership *kantata.Membership
	// LookupErr is why the lookup that followed failed; nil if it worked.
	LookupErr error
}

func (e *UncertainError) Error() string {
	text := fmt.Sprintf("user %s may have been added to access group %s: %v", e.Pair.UserID, e.Pair.AccessGroupID, e.Err)
	if e.Membership != nil {
		text += fmt.Sprintf("; membership %s exists now, but someone else may have created it", e.Membership.ID)
	}
	if e.LookupErr != nil {
		text += fmt.Sprintf("; the lookup of the membership failed: %v", e.LookupErr)
	}
	return text
}

// Unwrap returns Err and LookupErr.
func (e *UncertainError) Unwrap() []error { return []error{e.Err, e.LookupErr} }
