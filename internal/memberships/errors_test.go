package memberships

import (
	"errors"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	failed := errors.New("HTTP 503")
	m := kantata.Membership{ID: "1001", AccessGroupID: jane.AccessGroupID, UserID: jane.UserID}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&ExistsError{Membership: m}, "user 42 is already in access group 7: membership 1001"},
		{&ClaimedError{Pair: jane}, "another resource in this run adds user 42 to access group 7"},
		{&FailedDeleteError{Pair: jane, Err: failed}, "the delete of user 42 in access group 7 failed earlier in this run: HTTP 503"},
		{&RefusedDeleteError{Pair: jane}, "another resource in this configuration manages user 42 in access group 7"},
		{&NotDeletedError{ID: "1001"}, "membership 1001 still exists"},
		{&UncertainError{Pair: jane, Err: failed}, "user 42 may have been added to access group 7: HTTP 503"},
		{&UncertainError{Pair: jane, Err: failed, Membership: &m},
			"user 42 may have been added to access group 7: HTTP 503; membership 1001 exists now, but someone else may have created it"},
		{&UncertainError{Pair: jane, Err: failed, LookupErr: errors.New("HTTP 403")},
			"user 42 may have been added to access group 7: HTTP 503; the lookup of the membership failed: HTTP 403"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%T: got %q, want %q", c.err, got, c.want)
		}
	}
}
