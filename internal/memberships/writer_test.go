package memberships

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var (
	reset     = &kantata.Error{Outcome: kantata.OutcomeUnknown, Err: errors.New("connection reset")}
	timeout   = &kantata.Error{StatusCode: http.StatusGatewayTimeout, Outcome: kantata.OutcomePending}
	forbidden = &kantata.Error{StatusCode: http.StatusForbidden, Outcome: kantata.OutcomeNotDone}
)

// at answers the first n requests of a kind with err.
func at(op string, n int, err error) func(string, int) error {
	return func(got string, i int) error {
		if got == op && i <= n {
			return err
		}
		return nil
	}
}

func TestCreateAnswers(t *testing.T) {
	const always = 1 << 30
	wanted := testPair(100)
	var exists *ExistsError
	var uncertain *UncertainError
	for name, c := range map[string]struct {
		arrange   func(*fake)
		wantAs    any   // a typed error
		want      error // or an error it wraps
		raced     bool
		posts     int
		rowsAfter int
	}{
		"plain":                      {posts: 1, rowsAfter: 1},
		"exists":                     {arrange: func(f *fake) { f.add(wanted) }, wantAs: &exists, posts: 0, rowsAfter: 1},
		"reset before":               {arrange: func(f *fake) { f.before = at(opPost, 1, reset) }, posts: 2, rowsAfter: 1},
		"reset after":                {arrange: func(f *fake) { f.after = at(opPost, 1, reset) }, posts: 1, rowsAfter: 1},
		"reset always":               {arrange: func(f *fake) { f.before = at(opPost, always, reset) }, want: reset, posts: 5},
		"time-out, done":             {arrange: func(f *fake) { f.after = at(opPost, 1, timeout) }, posts: 1, rowsAfter: 1},
		"time-out, not done":         {arrange: func(f *fake) { f.before = at(opPost, 1, timeout) }, wantAs: &uncertain, want: timeout, posts: 1},
		"forbidden":                  {arrange: func(f *fake) { f.before = at(opPost, 1, forbidden) }, want: forbidden, posts: 1},
		"late commit":                {arrange: lateCommit(wanted, 3), posts: 1, rowsAfter: 1},
		"the look before it fails":   {arrange: func(f *fake) { f.before = at(opLook, 1, reset) }, want: reset, posts: 0},
		"nobody knows":               {arrange: nobodyKnows, wantAs: &uncertain, want: reset, posts: 1},
		"made by another run, 422":   {arrange: raced(wanted, ""), raced: true, posts: 1, rowsAfter: 1},
		"422 after a reset, is ours": {arrange: oursAfterReset(wanted), posts: 2, rowsAfter: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(10)
				if c.arrange != nil {
					c.arrange(api)
				}
				created, err := NewWriter(api, NewReader(api)).Create(t.Context(), wanted)
				m := created.Membership
				if created.Raced != c.raced {
					t.Errorf("raced is %t", created.Raced)
				}
				switch {
				case c.wantAs != nil && !errors.As(err, c.wantAs), c.want != nil && !errors.Is(err, c.want):
					t.Errorf("got %v", err)
				case c.wantAs == nil && c.want == nil && (err != nil || api.of(wanted)[0] != m):
					t.Errorf("got %v, %v", m, err)
				}
				if api.count(opPost) != c.posts || len(api.of(wanted)) != c.rowsAfter {
					t.Errorf("%d POSTs made %d rows, want %d and %d", api.count(opPost), len(api.of(wanted)), c.posts, c.rowsAfter)
				}
			})
		})
	}
}

// lateCommit lets the row appear with the given look.
func lateCommit(pair kantata.Pair, look int) func(*fake) {
	return func(f *fake) {
		f.before = func(op string, n int) error {
			if op == opLook && n == look {
				f.add(pair)
			}
			return at(opPost, 1, timeout)(op, n)
		}
	}
}

func nobodyKnows(f *fake) {
	f.before = func(op string, n int) error {
		if op == opPost || op == opLook && n > 1 {
			return reset
		}
		return nil
	}
}

// raced lets another run create the pair between the look and the POST.
func raced(pair kantata.Pair, duplicates string) func(*fake) {
	return func(f *fake) {
		f.duplicates = duplicates
		f.before = func(op string, _ int) error {
			if op == opPost {
				f.add(pair)
			}
			return nil
		}
	}
}

// oursAfterReset commits the first POST only when the second arrives.
func oursAfterReset(pair kantata.Pair) func(*fake) {
	return func(f *fake) {
		f.before = func(op string, n int) error {
			if op == opPost && n == 2 {
				f.add(pair)
			}
			return at(opPost, 1, reset)(op, n)
		}
	}
}

func TestExistsIsNeverStatedFromASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		reader := NewReader(api)
		listAll(t, reader)
		api.remove("1003")
		if m, err := NewWriter(api, reader).Create(t.Context(), testPair(2)); err != nil || m.Membership.ID != "1011" {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

// What a snapshot lacks may have been created since by somebody else: only a direct look tells a race from that.
func TestRaceIsNeverStatedFromASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		reader := NewReader(api)
		listAll(t, reader)
		api.add(testPair(50))
		var exists *ExistsError
		if _, err := NewWriter(api, reader).Create(t.Context(), testPair(50)); !errors.As(err, &exists) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCreateMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(1600)
		writer := NewWriter(api, NewReader(api))
		inParallel(t, 1000, func(i int) error {
			_, err := writer.Create(t.Context(), testPair(2000+i))
			return err
		})
		if others := api.count() - api.count(opPost); api.count(opPost) != 1000 || others > 20 {
			t.Errorf("%d other requests: %v", others, api.counts)
		}
	})
}

func TestClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		writer := NewWriter(api, NewReader(api))
		pair := testPair(50)
		api.before = at(opPost, 1, forbidden)
		if _, err := writer.Create(t.Context(), pair); !errors.Is(err, forbidden) {
			t.Fatal(err)
		}
		created, err := writer.Create(t.Context(), pair)
		if err != nil {
			t.Fatalf("a failed create kept its claim: %v", err)
		}
		var claimed *ClaimedError
		if _, err := writer.Create(t.Context(), pair); !errors.As(err, &claimed) || claimed.Pair != pair {
			t.Errorf("a second block: %v", err)
		}
		if err := writer.Delete(t.Context(), created.Membership.ID, pair); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Create(t.Context(), pair); err != nil {
			t.Errorf("after the delete: %v", err)
		}
	})
}

func TestCreateCanceled(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration // from the start; the look takes the first 200 ms, the POST the next
		posts int
		there bool
	}{
		"before anything is sent": {after: 0},
		"the POST is in vain":     {after: 250 * time.Millisecond, posts: 1},
		"the POST worked":         {after: 350 * time.Millisecond, posts: 1, there: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(10)
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				began := time.Now()
				created, err := NewWriter(api, NewReader(api)).Create(ctx, testPair(50))
				m := created.Membership
				var uncertain *UncertainError
				switch {
				case c.there:
					if err != nil || m.Pair() != testPair(50) {
						t.Errorf("got %v, %v", m, err)
					}
				case !errors.Is(err, context.DeadlineExceeded), errors.As(err, &uncertain) != (c.posts > 0):
					t.Errorf("got %v", err)
				}
				if api.count(opPost) != c.posts || time.Since(began) > 6*time.Second {
					t.Errorf("%d POSTs, %s", api.count(opPost), time.Since(began))
				}
			})
		})
	}
}

func TestDelete(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*fake)
		want    error
		left    int
		deletes int
	}{
		"plain":                    {deletes: 1},
		"gone already":             {arrange: func(f *fake) { f.remove("1003") }, deletes: 1},
		"under a new id":           {arrange: func(f *fake) { f.remove("1003"); f.add(testPair(2)) }, deletes: 2},
		"reset before":             {arrange: func(f *fake) { f.before = at(opDelete, 1, reset) }, want: reset, left: 1, deletes: 1},
		"reset after":              {arrange: func(f *fake) { f.after = at(opDelete, 1, reset) }, deletes: 1},
		"forbidden":                {arrange: func(f *fake) { f.before = at(opDelete, 1, forbidden) }, want: forbidden, left: 1, deletes: 1},
		"gone, but the look fails": {arrange: func(f *fake) { f.remove("1003"); f.before = at(opLook, 1, reset) }, want: reset, deletes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(10)
				if c.arrange != nil {
					c.arrange(api)
				}
				err := NewWriter(api, NewReader(api)).Delete(t.Context(), "1003", testPair(2))
				if !errors.Is(err, c.want) || len(api.of(testPair(2))) != c.left || api.count(opDelete) != c.deletes {
					t.Errorf("got %v, %d left after %d DELETEs", err, len(api.of(testPair(2))), api.count(opDelete))
				}
				if others := len(api.all()) - len(api.of(testPair(2))); others != 9 {
					t.Errorf("%d of 9 others are left", others)
				}
			})
		})
	}
}

// Writes that come after a walk has read its last page are in what it lists and stores: the created row is there, the deleted one is not.
func TestReplayOnAWalk(t *testing.T) {
	for name, filter := range map[string]kantata.MembershipFilter{"all": {}, "a group": {AccessGroupID: "1"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(6000)
				reader := NewReader(api)
				victim := api.all()[20]
				pages := 30
				if filter.AccessGroupID != "" {
					pages = 2
				}
				var created kantata.Membership
				api.after = func(op string, n int) error {
					if op != opLook && n == pages {
						api.remove(victim.ID)
						reader.recordDeleted(victim.ID)
						created = api.add(testPair(8000))
						reader.recordCreated(created)
					}
					return nil
				}
				listed := map[kantata.ID]bool{}
				for m, err := range reader.List(t.Context(), filter) {
					if err != nil {
						t.Fatal(err)
					}
					listed[m.ID] = true
				}
				if !listed[created.ID] || listed[victim.ID] {
					t.Errorf("created listed: %t, deleted listed: %t", listed[created.ID], listed[victim.ID])
				}
			})
		})
	}
}

// A row that was read before we deleted it is no proof that it is there.
func TestDeletedDuringABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		reader := NewReader(api)
		api.after = func(op string, _ int) error {
			if op == opOnly {
				api.remove("1003")
				reader.recordDeleted("1003")
			}
			return nil
		}
		if m, err := reader.Get(t.Context(), "1003", testPair(2)); !errors.Is(err, ErrGone) {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func TestErrorsNameThePair(t *testing.T) {
	t.Parallel()
	look := errors.New("no look")
	for want, err := range map[string]error{
		"user 3 is in access group 2 already: membership 1":                                                         &ExistsError{Membership: kantata.Membership{ID: "1", AccessGroupID: "2", UserID: "3"}},
		"another block of this run manages user 3 in access group 2":                                                &ClaimedError{Pair: kantata.Pair{AccessGroupID: "2", UserID: "3"}},
		"user 3 may have been put into access group 2: connection lost":                                             &UncertainError{Pair: kantata.Pair{AccessGroupID: "2", UserID: "3"}, Err: errors.New("connection lost")},
		"user 3 may have been put into access group 2: connection lost; looking for the membership failed: no look": &UncertainError{Pair: kantata.Pair{AccessGroupID: "2", UserID: "3"}, Err: errors.New("connection lost"), LookErr: look},
	} {
		if err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if err := error(&UncertainError{Err: reset, LookErr: look}); !errors.Is(err, look) || kantata.OutcomeOf(err) != kantata.OutcomeUnknown {
		t.Errorf("%v hides its causes", err)
	}
}
