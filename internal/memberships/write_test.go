package memberships

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var jane = kantata.Pair{AccessGroupID: "7", UserID: "42"}

// createOf is what a test of Create expects.
type createOf struct {
	name    string
	arrange func(f *fake)
	adopt   bool
	// err is a pointer to the type of the expected error, or the error itself; nil means success.
	err error
	// id is the ID in the result, rows the IDs that exist at the end, and posts the number of POSTs.
	id    kantata.ID
	rows  string
	posts int
}

func TestCreate(t *testing.T) {
	t.Parallel()
	fault := func(err error, afterward bool, attempts ...int) func(f *fake) {
		return func(f *fake) {
			hook := func(op string, n int) error {
				for _, attempt := range attempts {
					if op == opPost && n == attempt {
						return err
					}
				}
				return nil
			}
			if afterward {
				f.after = hook
			} else {
				f.before = hook
			}
		}
	}
	exists := func(f *fake) { f.add(jane) }
	// someoneElse creates the pair while the POST is in transit.
	someoneElse := func(f *fake) {
		f.before = func(op string, n int) error {
			if op == opPost && n == 1 {
				f.add(jane)
			}
			return nil
		}
	}
	for _, c := range []createOf{
		{name: "absent", id: "1001", rows: "1001", posts: 1},
		{name: "exists", arrange: exists, err: &ExistsError{}, rows: "1001"},
		{name: "exists, adopted", arrange: exists, adopt: true, id: "1001", rows: "1001"},
		{name: "exists twice, adopted", arrange: func(f *fake) { f.add(jane); f.add(jane) }, adopt: true, id: "1001", rows: "1001 1002"},
		{name: "someone else at the same moment", arrange: someoneElse, err: &ExistsError{}, rows: "1001", posts: 1},
		{name: "someone else at the same moment, adopted", arrange: someoneElse, adopt: true, id: "1001", rows: "1001", posts: 1},
		{name: "refused", arrange: fault(errInvalid, false, 1), err: errInvalid, posts: 1},
		{name: "forbidden", arrange: fault(errForbidden, false, 1), err: errForbidden, posts: 1},
		{name: "404 after", arrange: fault(notFound, true, 1), err: &ExistsError{}, rows: "1001", posts: 1},
		{name: "503 before", arrange: fault(errUnavailable, false, 1), id: "1001", rows: "1001", posts: 2},
		{name: "503 after", arrange: fault(errUnavailable, true, 1), id: "1001", rows: "1001", posts: 1},
		{name: "503 before, twice", arrange: fault(errUnavailable, false, 1, 2), id: "1001", rows: "1001", posts: 3},
		{name: "503 before, always", arrange: fault(errUnavailable, false, 1, 2, 3, 4, 5, 6), err: errUnavailable, posts: 5},
		{name: "503 before, then refused", arrange: func(f *fake) {
			f.before = func(op string, n int) error {
				if op != opPost {
					return nil
				}
				return []error{errUnavailable, errInvalid}[n-1]
			}
		}, err: &UncertainError{}, posts: 2},
		{name: "503 late, then refused because it exists", arrange: func(f *fake) {
			f.before = func(op string, n int) error {
				switch {
				case op == opPost && n == 1:
					return errUnavailable
				case op == opPost:
					f.add(jane) // what the first POST does
				}
				return nil
			}
		}, id: "1001", rows: "1001", posts: 2},
		{name: "503 after, refused because it exists, and not visible yet", arrange: func(f *fake) {
			fault(errUnavailable, true, 1)(f)
			f.hide = func(m kantata.Membership) bool { return m.Pair() == jane }
		}, err: &UncertainError{}, rows: "1001", posts: 2},
		{name: "timeout before", arrange: fault(errTimeout, false, 1), err: &UncertainError{}, posts: 1},
		{name: "timeout after", arrange: fault(errTimeout, true, 1), id: "1001", rows: "1001", posts: 1},
		{name: "timeout, appears after 20 seconds", arrange: func(f *fake) {
			f.before = func(op string, _ int) error {
				if op != opPost {
					return nil
				}
				go func() {
					time.Sleep(20 * time.Second)
					f.add(jane)
				}()
				return errTimeout
			}
		}, id: "1001", rows: "1001", posts: 1},
		{name: "503 after, then the lookup fails", arrange: func(f *fake) {
			fault(errUnavailable, true, 1)(f)
			f.before = func(op string, n int) error {
				if op == opPair && n > 1 {
					return errForbidden
				}
				return nil
			}
		}, err: &UncertainError{}, rows: "1001", posts: 1},
		{name: "the lookup before fails", arrange: func(f *fake) { f.before = fail(errUnavailable, opPair) }, err: errUnavailable},
		{name: "a row with a lower ID after an inconclusive POST", arrange: func(f *fake) {
			f.add(jane)
			f.add(testPair(1))
			shown := false
			f.hide = func(m kantata.Membership) bool { return m.Pair() == jane && !shown }
			f.before = func(op string, _ int) error {
				if op == opPost {
					shown = true
					return errUnavailable
				}
				return nil
			}
		}, err: &UncertainError{}, rows: "1001 1002", posts: 1},
		{name: "Kantata returns the existing row", arrange: func(f *fake) {
			f.duplicate = "existing"
			f.add(jane)
			f.add(testPair(1))
			f.hide = func(m kantata.Membership) bool { return m.Pair() == jane }
		}, err: &ExistsError{}, rows: "1001 1002", posts: 1},
		{name: "Kantata returns the existing row, adopted", arrange: func(f *fake) {
			f.duplicate = "existing"
			f.add(jane)
			f.add(testPair(1))
			f.hide = func(m kantata.Membership) bool { return m.Pair() == jane }
		}, adopt: true, id: "1001", rows: "1001 1002", posts: 1},
	} {
		bubble(t, c.name, func(t *testing.T) {
			f := newFake(0)
			if c.arrange != nil {
				c.arrange(f)
			}
			s := newStore(f)
			for _, m := range s.mustList(t) {
				_ = m // the store has seen every ID that lists show
			}
			began := time.Now()
			created, err := s.Create(t.Context(), jane, c.adopt)
			checkError(t, err, c.err)
			if c.err == nil && (created.Membership.ID != c.id || created.Adopted != c.adopt) {
				t.Errorf("got %s, adopted %v, want %s, %v", created.Membership.ID, created.Adopted, c.id, c.adopt)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("got a duration of %v, want at most a minute", took)
			}
			f.checkRows(t, c.rows)
			if got := f.count(opPost); got != c.posts {
				t.Errorf("got %d POSTs, want %d", got, c.posts)
			}
		})
	}
}

// An ID that was seen before the POST is not ours, even if it is the highest one (rule 5).
func TestHighestIDSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		response, want error
	}{
		"Kantata returns the existing row":   {nil, &ExistsError{}},
		"the row appears after the POST":     {errUnavailable, &UncertainError{}},
		"the row appears after a timeout":    {errTimeout, &UncertainError{}},
		"the row appears, and it is adopted": {errTimeout, nil},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(0)
			f.duplicate = "existing"
			row, hidden := f.add(jane), true
			f.hide = func(kantata.Membership) bool { return hidden }
			f.before = func(op string, _ int) error {
				if op != opPost {
					return nil
				}
				hidden = false
				return c.response
			}
			s := newStore(f)
			_, err := s.Get(t.Context(), row.ID, kantata.Pair{})
			checkError(t, err, nil)
			created, err := s.Create(t.Context(), jane, c.want == nil)
			checkError(t, err, c.want)
			if c.want == nil && (created.Membership.ID != row.ID || !created.Adopted) {
				t.Errorf("got membership %s, adopted %v, want %s, true", created.Membership.ID, created.Adopted, row.ID)
			}
			if got := f.count(opPost); got != 1 {
				t.Errorf("got %d POSTs, want 1", got)
			}
		})
	}
}

// The lookups after a timeout end because no further one fits into their time, and not because one of them was cut off.
func TestLookupsAfterATimeoutEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		latency time.Duration
		lookups int
		took    time.Duration
	}{
		{200 * time.Millisecond, 6, 32700 * time.Millisecond},
		{2700 * time.Millisecond, 5, 29 * time.Second}, // a sixth lookup would begin exactly at the deadline
	} {
		bubble(t, c.latency.String(), func(t *testing.T) {
			f := newFake(0)
			f.latency = c.latency
			var posted time.Time
			f.before = func(op string, _ int) error {
				if op != opPost {
					return nil
				}
				posted = time.Now()
				return errTimeout
			}
			_, err := newStore(f).Create(t.Context(), jane, false)
			var uncertain *UncertainError
			if !errors.As(err, &uncertain) || uncertain.LookupErr != nil {
				t.Errorf("got the error %v, want an UncertainError without an error of the lookups", err)
			}
			if lookups, took := f.count(opPair)-1, time.Since(posted); lookups != c.lookups || took != c.took {
				t.Errorf("got %d lookups in %v, want %d in %v", lookups, took, c.lookups, c.took)
			}
		})
	}
}

// Before a second POST, the pair is looked up until lists must show what the first POST created (rule 3).
func TestLookupsBeforeASecondPost(t *testing.T) {
	t.Parallel()
	const want = 2 // the first begins half a second after the first POST, and the second after lag; when they end does not matter
	for _, latency := range []time.Duration{0, 200 * time.Millisecond, time.Second} {
		bubble(t, latency.String(), func(t *testing.T) {
			f := newFake(0)
			f.latency = latency
			lookups := 0
			f.before = func(op string, n int) error {
				switch {
				case op == opPair:
					lookups++
				case op == opPost && n == 1:
					lookups = 0
					return errUnavailable
				}
				return nil
			}
			_, err := newStore(f).Create(t.Context(), jane, false)
			checkError(t, err, nil)
			if posts := f.count(opPost); posts != 2 || lookups != want {
				t.Errorf("got %d POSTs and %d lookups between them, want 2 and %d", posts, lookups, want)
			}
		})
	}
}

// If the pair is shown under an ID that this process has deleted, a GET decides whether the DELETE did anything.
func TestCreateAfterADeleteThatDidNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		get, want error
	}{
		"it still exists":   {nil, &ExistsError{}},
		"it is not known":   {errUnavailable, errUnavailable},
		"it is not allowed": {errForbidden, errForbidden},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(0)
			row := f.add(jane)
			s := newStore(f)
			checkError(t, s.Delete(t.Context(), row.ID, jane), nil)
			f.next--
			f.add(jane)
			if c.get != nil {
				f.before = fail(c.get, opGet)
			}
			_, err := s.Create(t.Context(), jane, false)
			checkError(t, err, c.want)
			if got := f.count(opPost); got != 0 {
				t.Errorf("got %d POSTs, want none", got)
			}
			f.checkRows(t, "1001")
		})
	}
}

// A create that is refused after an attempt with an unknown outcome says why it is in doubt.
func TestErrorAfterSeveralAttempts(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(0)
		f.before = func(op string, n int) error {
			if op != opPost {
				return nil
			}
			return []error{errUnavailable, errInvalid}[n-1]
		}
		_, err := newStore(f).Create(t.Context(), jane, false)
		checkError(t, err, &UncertainError{})
		if !errors.Is(err, errUnavailable) || !errors.Is(err, errInvalid) || kantata.OutcomeOf(err) != kantata.OutcomeNotDone {
			t.Errorf("got the error %v, want one that wraps %v and then %v", err, errInvalid, errUnavailable)
		}
	})
}

// A POST that waits at the rate limit is not sent because of a lookup that is more than ten seconds old (rule 5).
func TestEvidenceIsFresh(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		gate    time.Duration
		lookups int
		err     error
	}{
		{"a short wait", 5 * time.Second, 1, nil},
		{"a long wait, and someone else creates the pair", 11 * time.Second, 2, &ExistsError{}},
	} {
		bubble(t, c.name, func(t *testing.T) {
			f := newFake(0)
			f.duplicate, f.gate = "existing", c.gate
			if c.err != nil {
				go func() {
					time.Sleep(5 * time.Second)
					f.add(jane)
				}()
			}
			created, err := newStore(f).Create(t.Context(), jane, false)
			checkError(t, err, c.err)
			if got := f.count(opPair); created.Adopted || got != c.lookups {
				t.Errorf("got %d lookups and adopted %v, want %d and false", got, created.Adopted, c.lookups)
			}
			f.checkRows(t, "1001")
		})
	}
}

// A row of a list that is more than ten seconds old is no reason to refuse a create, or to adopt the row (rule 5).
func TestEvidenceFromAList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age  time.Duration
		err  error
		rows string
	}{
		{10 * time.Second, &ExistsError{}, ""}, // at this age, the list need not show that the row was removed
		{10*time.Second + 1, nil, "1002"},
	} {
		bubble(t, c.age.String(), func(t *testing.T) {
			f := newFake(0)
			row := f.add(jane)
			s := newStore(f)
			_, err := s.completeRows(t.Context(), groupOf(jane))
			checkError(t, err, nil)
			f.remove(row.ID)
			s.list(groupOf(jane)).began = time.Now().Add(-c.age)
			_, err = s.Create(t.Context(), jane, false)
			checkError(t, err, c.err)
			f.checkRows(t, c.rows)
		})
	}
}

// An ID from the state or from a user need not exist in the account. Because of such an ID, a create must not mistake its own row for an
// older one.
func TestIDsThatDoNotExist(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(ctx context.Context, s *Store) error{
		"lookup": func(ctx context.Context, s *Store) error {
			if _, err := s.Get(ctx, "9000000", kantata.Pair{}); !errors.Is(err, ErrAbsent) {
				return fmt.Errorf("got %w, want ErrAbsent", err)
			}
			return nil
		},
		"delete": func(ctx context.Context, s *Store) error { return s.Delete(ctx, "9000000", testPair(1)) },
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(0)
			s := newStore(f)
			checkError(t, before(t.Context(), s), nil)
			created, err := s.Create(t.Context(), jane, false)
			checkError(t, err, nil)
			if created.Membership.ID != "1001" {
				t.Errorf("got membership %q, want 1001", created.Membership.ID)
			}
		})
	}
}

func (f *fake) checkRows(t *testing.T, want string) {
	t.Helper()
	got := ""
	for i, m := range f.all() {
		if i > 0 {
			got += " "
		}
		got += m.ID.String()
	}
	if got != want {
		t.Errorf("got rows %q, want %q", got, want)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	before := func(hook func(f *fake, n int) error) func(f *fake) {
		return func(f *fake) {
			f.before = func(op string, n int) error {
				if op == opDelete {
					return hook(f, n)
				}
				return nil
			}
		}
	}
	for _, c := range []struct {
		name    string
		arrange func(f *fake)
		err     error
		rows    string
		deletes int
	}{
		{name: "exists", deletes: 1},
		{name: "already gone", arrange: func(f *fake) { f.remove("1001") }, deletes: 1},
		{name: "under a new ID", arrange: func(f *fake) { f.remove("1001"); f.add(jane) }, deletes: 2},
		{name: "404 is false", arrange: before(func(*fake, int) error { return notFound }), err: &NotDeletedError{}, rows: "1001", deletes: 1},
		{name: "404 is false and GET agrees", arrange: func(f *fake) { f.before = fail(notFound, opDelete, opGet) },
			err: &NotDeletedError{}, rows: "1001", deletes: 1},
		{name: "forbidden", arrange: before(func(*fake, int) error { return errForbidden }), err: errForbidden, rows: "1001", deletes: 1},
		{name: "503 before", arrange: before(func(*fake, int) error { return errUnavailable }), err: errUnavailable, rows: "1001", deletes: 1},
		{name: "503 after", arrange: func(f *fake) { f.after = fail(errUnavailable, opDelete) }, deletes: 1},
		{name: "timeout, and GET fails", arrange: func(f *fake) {
			f.before = func(op string, _ int) error { return map[string]error{opDelete: errTimeout, opGet: errUnavailable}[op] }
		}, err: errTimeout, rows: "1001", deletes: 1},
		{name: "404, and the lookup fails", arrange: func(f *fake) {
			f.remove("1001")
			f.before = fail(errUnavailable, opPair)
		}, err: errUnavailable, deletes: 1},
		{name: "404, and the row vanishes from lists after a second", arrange: func(f *fake) {
			began := time.Now()
			f.before = func(op string, _ int) error {
				if time.Since(began) > time.Second {
					f.remove("1001")
				}
				if op == opDelete || op == opGet {
					return notFound
				}
				return nil
			}
		}, deletes: 1},
		{name: "added again each time", arrange: before(func(f *fake, n int) error {
			f.remove(testID(1000 + n))
			f.add(jane)
			return nil
		}), err: errEndless, rows: "1006", deletes: 5},
	} {
		bubble(t, c.name, func(t *testing.T) {
			f := newFake(0)
			f.add(jane)
			if c.arrange != nil {
				c.arrange(f)
			}
			err := newStore(f).Delete(t.Context(), "1001", jane)
			checkError(t, err, c.err)
			f.checkRows(t, c.rows)
			if got := f.count(opDelete); got != c.deletes {
				t.Errorf("got %d DELETEs, want %d", got, c.deletes)
			}
		})
	}
}

// After a delete that failed, a list that was read before does not say that the row is gone, although a GET of its ID did.
func TestListsAfterADeleteThatDidNothing(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(0)
		row := f.add(jane)
		s := newStore(f)
		_, err := s.completeRows(t.Context(), groupOf(jane))
		checkError(t, err, nil)
		f.before = fail(notFound, opDelete, opGet)
		checkError(t, s.Delete(t.Context(), row.ID, jane), &NotDeletedError{})
		rows, err := s.completeRows(t.Context(), groupOf(jane))
		checkError(t, err, nil)
		if !slices.Contains(rows, row) {
			t.Errorf("got %v, want %v among them", rows, row)
		}
	})
}

// errEndless has the type of an error without a type of its own.
var errEndless = errors.New("user 42 was added to access group 7 again each time")

// step is one call for the pair in TestOnePairOneWriter.
type step struct {
	// at is when the call begins, after the start of the test.
	at     time.Duration
	create bool
	adopt  bool
	// id is what a delete gets from the state.
	id  kantata.ID
	err error
}

// Rule 11: a create and a delete of the same pair exclude each other, and neither undoes the other.
func TestOnePairOneWriter(t *testing.T) {
	t.Parallel()
	const soon, later = 100 * time.Millisecond, 5 * time.Second
	for _, c := range []struct {
		name    string
		arrange func(f *fake)
		steps   []step
		rows    string
	}{
		{name: "delete, then create", steps: []step{{id: "1001"}, {at: later, create: true}}, rows: "1002"},
		{name: "create while the delete is in progress", steps: []step{{id: "1001"}, {at: soon, create: true}}, rows: "1002"},
		{name: "delete while the create waits", steps: []step{{create: true}, {at: 900 * time.Millisecond, id: "1001"}}, rows: "1002"},
		{name: "delete after the create was refused", steps: []step{{create: true, err: &ExistsError{}}, {at: later,
			id: "1001", err: &RefusedDeleteError{}}}, rows: "1001"},
		{name: "adopt, then delete", steps: []step{{create: true, adopt: true}, {at: later, id: "1001"}}, rows: "1001"},
		{name: "adopt and delete at the same time", steps: []step{{create: true, adopt: true}, {at: soon, id: "1001"}}, rows: "1001"},
		{name: "delete, then adopt", steps: []step{{id: "1001"}, {at: soon, create: true, adopt: true}}, rows: "1002"},
		{name: "adopt under a new ID, then delete the old ID", arrange: func(f *fake) { f.remove("1001"); f.add(jane) },
			steps: []step{{create: true, adopt: true}, {at: later, id: "1001"}}, rows: "1002"},
		{name: "create after removal outside, then delete the old ID", arrange: func(f *fake) { f.remove("1001") },
			steps: []step{{create: true}, {at: later, id: "1001"}}, rows: "1002"},
		{name: "the account has the pair twice: adopt one, delete the other", arrange: func(f *fake) { f.add(jane) },
			steps: []step{{create: true, adopt: true}, {at: later, id: "1002"}}, rows: "1001"},
		{name: "a delete that fails, then create", arrange: func(f *fake) { f.before = fail(errForbidden, opDelete) },
			steps: []step{{id: "1001", err: errForbidden}, {at: later, create: true, err: &FailedDeleteError{}}}, rows: "1001"},
		{name: "a delete in doubt, then adopt", arrange: func(f *fake) {
			f.before = func(op string, _ int) error { return map[string]error{opDelete: errTimeout, opGet: errUnavailable}[op] }
		}, steps: []step{{id: "1001", err: errTimeout}, {at: later, create: true, adopt: true, err: &FailedDeleteError{}}}, rows: "1001"},
		{name: "a create that waits for a delete that fails", arrange: func(f *fake) { f.before = fail(errForbidden, opDelete) },
			steps: []step{{create: true, err: &FailedDeleteError{}}, {at: soon, id: "1001", err: errForbidden}}, rows: "1001"},
		{name: "an uncertain create, then delete of the old ID", arrange: func(f *fake) {
			f.remove("1001")
			f.after = fail(errTimeout, opPost)
			f.before = func(op string, n int) error {
				if op == opPair && n > 1 && n < 8 {
					return errUnavailable
				}
				return nil
			}
		}, steps: []step{{create: true, err: &UncertainError{}}, {at: time.Minute, id: "1001"}}, rows: "1002"},
		{name: "two creates", arrange: func(f *fake) { f.remove("1001") },
			steps: []step{{create: true}, {at: soon, create: true, err: &ClaimedError{}}, {at: later, create: true,
				err: &ClaimedError{}}}, rows: "1002"},
		{name: "two deletes and a create", arrange: func(f *fake) { f.add(jane) },
			steps: []step{{id: "1001"}, {id: "1002"}, {at: soon, create: true}}, rows: "1003"},
		{name: "the account has the pair twice: one delete in doubt, one done, then adopt", arrange: func(f *fake) {
			f.add(jane)
			f.before = func(op string, n int) error {
				if op == opDelete && n == 1 {
					return errTimeout
				}
				return nil
			}
		}, steps: []step{{id: "1001", err: &NotDeletedError{}}, {at: later, id: "1002"},
			{at: 2 * later, create: true, adopt: true, err: &FailedDeleteError{}}}, rows: "1001"},
		{name: "delete, then adopt while lists lag", arrange: func(f *fake) { f.lag(jane, 4*time.Second) },
			steps: []step{{id: "1001"}, {at: soon, create: true, adopt: true}}, rows: "1002"},
		{name: "delete, then create while lists lag", arrange: func(f *fake) { f.lag(jane, 4*time.Second) },
			steps: []step{{id: "1001"}, {at: soon, create: true}}, rows: "1002"},
		{name: "refused create, then another", steps: []step{{create: true, err: &ExistsError{}}, {at: later, create: true,
			err: &ExistsError{}}}, rows: "1001"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			f := newFake(0)
			f.add(jane)
			if c.arrange != nil {
				c.arrange(f)
			}
			s := newStore(f)
			var calls sync.WaitGroup
			for _, step := range c.steps {
				calls.Go(func() {
					time.Sleep(step.at)
					var err error
					if step.create {
						_, err = s.Create(t.Context(), jane, step.adopt)
					} else {
						err = s.Delete(t.Context(), step.id, jane)
					}
					checkError(t, err, step.err)
				})
			}
			calls.Wait()
			f.checkRows(t, c.rows)
		})
	}
}

// What an uncertain create may have created is not deleted. What was seen before it, even under the highest ID, is (rule 11).
func TestDeleteAfterAnUncertainCreate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seen bool
		rows string
	}{
		"a row that was seen before": {true, ""},
		"a row that was not seen":    {false, "1001"},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(0)
			hidden := true
			f.hide = func(kantata.Membership) bool { return hidden }
			f.before = fail(errTimeout, opPost)
			s := newStore(f)
			row := f.add(jane)
			if c.seen {
				_, err := s.Get(t.Context(), row.ID, kantata.Pair{})
				checkError(t, err, nil)
			}
			_, err := s.Create(t.Context(), jane, false)
			checkError(t, err, &UncertainError{})
			hidden = false
			checkError(t, s.Delete(t.Context(), "999", jane), nil)
			f.checkRows(t, c.rows)
		})
	}
}

// Renaming 300 keys without `moved` blocks is 300 creates and 300 deletes in any order. It takes at most a quarter of a minute longer than
// the POSTs and DELETEs, and each person is in the group or an error names the pair.
func TestRenamedKeys(t *testing.T) {
	t.Parallel()
	for _, parallelism := range []int{1, 10, 40} {
		for _, order := range []string{"creates first", "deletes first", "random"} {
			for _, adopt := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%s, parallelism %d, adopt %v", order, parallelism, adopt), func(t *testing.T) {
					keys := sampled(300, 60)
					f := newFake(keys).randomly(uint64(parallelism))
					rows := f.all()
					calls := rand.New(rand.NewPCG(1, 2)).Perm(2 * keys)
					slices.SortStableFunc(calls, func(a, b int) int {
						return map[string]int{"creates first": a/keys - b/keys, "deletes first": b/keys - a/keys}[order]
					})
					s := newStore(f)
					var mu sync.Mutex // guards named
					named := map[kantata.Pair]bool{}
					began := time.Now()
					inParallel(t, parallelism, len(calls), func(i int) error {
						m := rows[calls[i]%keys]
						var err error
						if calls[i] < keys {
							_, err = s.Create(t.Context(), m.Pair(), adopt)
						} else {
							err = s.Delete(t.Context(), m.ID, m.Pair())
						}
						if err != nil {
							mu.Lock()
							defer mu.Unlock()
							named[m.Pair()] = true
						}
						return nil
					})
					writes := time.Duration(f.count(opPost, opDelete)) * f.latency / time.Duration(parallelism)
					if took, most := time.Since(began), writes*21/20+15*time.Second; took > most {
						t.Errorf("got a duration of %v, want at most %v, of which the POSTs and DELETEs need %v", took, most, writes)
					}
					for _, m := range rows {
						if in := len(f.of(m.Pair())); in != 1 && (in > 0 || !named[m.Pair()]) {
							t.Errorf("got %d memberships of %s without an error, want 1", in, m.Pair())
						}
						if adopt && named[m.Pair()] {
							t.Errorf("got an error for %s, want none: it may be adopted", m.Pair())
						}
					}
					t.Logf("took %v, %d errors, %d requests", time.Since(began), len(named), f.count())
				})
			}
		}
	}
}

// The list of a count has shifted: each resource deletes one person and then adds the next one. Terraform serves calls in the order in
// which they become ready, so a create may find its pair before a delete has a slot. With slow requests, this is not an error.
func TestShiftedCount(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second} {
		for _, count := range []int{30, 100} {
			bubble(t, fmt.Sprintf("%d with requests of %v", count, latency), func(t *testing.T) {
				f := newFake(0).randomly(uint64(count))
				f.latency = latency
				for i := range count {
					f.add(kantata.Pair{AccessGroupID: "7", UserID: testID(50000 + i)})
				}
				rows := f.all()
				s := newStore(f)
				ready := make(chan int, 2*count) // a delete is i, and a create is count+i
				for i := range count {
					ready <- i
				}
				var calls sync.WaitGroup
				var ended atomic.Int32
				for range 10 {
					calls.Go(func() {
						for call := range ready {
							i, isCreate := call%count, call >= count
							var err error
							switch {
							case !isCreate:
								err = s.Delete(t.Context(), rows[i].ID, rows[i].Pair())
								ready <- count + i
							case i+1 < count:
								_, err = s.Create(t.Context(), rows[i+1].Pair(), false)
							}
							checkError(t, err, nil)
							if ended.Add(1) == int32(2*count) {
								close(ready)
							}
						}
					})
				}
				calls.Wait()
				for i, m := range rows {
					if got, want := len(f.of(m.Pair())), min(i, 1); got != want {
						t.Errorf("got %d memberships of %s, want %d", got, m.Pair(), want)
					}
				}
			})
		}
	}
}

// Rule 9: cancellation ends every wait at once, except that a create in flight may look up its pair once more, for at most 5 seconds.
func TestCanceledWrites(t *testing.T) {
	t.Parallel()
	hang := func(ops ...string) func(f *fake) { return func(f *fake) { f.hang = ops } }
	for _, c := range []struct {
		name    string
		arrange func(f *fake)
		del     bool
		within  time.Duration
		err     error
		rows    string
	}{
		{name: "create, in its lookup", arrange: hang(opPair), err: context.Canceled},
		{name: "create, in its POST", arrange: hang(opPost), within: 5 * time.Second, err: &UncertainError{}},
		{name: "create, which worked", arrange: func(f *fake) {
			f.after = func(op string, _ int) error {
				if op == opPost {
					time.Sleep(time.Second)
					return errTimeout
				}
				return nil
			}
		}, within: 5 * time.Second, rows: "1001"},
		{name: "create, while it waits for a delete", arrange: func(f *fake) { f.add(jane) }, err: context.Canceled, rows: "1001"},
		{name: "create, after a POST that failed", arrange: func(f *fake) { f.before = fail(errUnavailable, opPost) },
			within: 5 * time.Second, err: context.Canceled},
		{name: "create, after a POST that failed, while its lookup hangs", arrange: func(f *fake) {
			f.before = func(op string, _ int) error {
				if op != opPost {
					return nil
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				f.hang = []string{opPair}
				return errUnavailable
			}
		}, within: 5 * time.Second, err: &UncertainError{}},
		{name: "delete, while a list shows what is gone", del: true, arrange: func(f *fake) {
			f.latency = 100 * time.Millisecond
			f.add(jane)
			f.lag(jane, time.Hour)
			f.remove("1001")
		}, err: context.Canceled},
		{name: "delete", del: true, arrange: func(f *fake) { f.add(jane); hang(opDelete)(f) }, err: context.Canceled, rows: "1001"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			f := newFake(0)
			c.arrange(f)
			ctx, cancel := context.WithCancel(t.Context())
			const after = 350 * time.Millisecond
			go func() {
				time.Sleep(after)
				cancel()
			}()
			defer time.Sleep(after)
			began := time.Now()
			var err error
			if c.del {
				err = newStore(f).Delete(ctx, "1001", jane)
			} else {
				_, err = newStore(f).Create(ctx, jane, false)
			}
			checkError(t, err, c.err)
			if took := time.Since(began); took > after+c.within {
				t.Errorf("got a duration of %v after the cancellation, want at most %v", took, c.within)
			}
			f.checkRows(t, c.rows)
		})
	}
	for name, c := range map[string]struct {
		op    string
		write func(ctx context.Context, s *Store) error
	}{
		"delete, while a list is read": {opDelete, func(ctx context.Context, s *Store) error { return s.Delete(ctx, "1001", jane) }},
		"create, while a list in another order is read": {opPost, func(ctx context.Context, s *Store) error {
			_, err := s.completeRows(ctx, kantata.MembershipFilter{})
			checkError(t, err, nil)
			_, err = s.Create(ctx, jane, false)
			return err
		}},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(2)
			f.page = func(_ kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) {
				slices.Reverse(page.Items)
			}
			f.hang = []string{opGroup}
			s := newStore(f)
			list, endList := context.WithCancel(t.Context())
			go func() { _, _ = s.completeRows(list, kantata.MembershipFilter{AccessGroupID: "9"}) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			checkError(t, c.write(ctx, s), context.DeadlineExceeded)
			if took := time.Since(began); took > time.Second || f.count(c.op) != 0 {
				t.Errorf("got %d writes and an end after %v, want none and 1 s", f.count(c.op), took)
			}
			endList()
		})
	}
	bubble(t, "create, waiting for the lock", func(t *testing.T) {
		f := newFake(0)
		f.add(jane)
		f.hang = []string{opDelete}
		s := newStore(f)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.Delete(ctx, "1001", jane) }()
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := s.Create(short, jane, false)
		checkError(t, err, context.DeadlineExceeded)
		cancel()
		time.Sleep(time.Minute)
	})
	bubble(t, "delete, waiting for the lock", func(t *testing.T) {
		f := newFake(0)
		f.latency = time.Hour
		s := newStore(f)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = s.Create(ctx, jane, false) }()
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		checkError(t, s.Delete(short, "1001", jane), context.DeadlineExceeded)
		cancel()
		time.Sleep(time.Minute)
	})
}

// A create that was refused while it was planned counts for rule 11.
func TestRefuseCreate(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(0)
		f.add(jane)
		s := newStore(f)
		s.RefuseCreate(jane)
		checkError(t, s.Delete(t.Context(), "1001", jane), &RefusedDeleteError{})
		f.checkRows(t, "1001")
	})
}

// If two memberships of the pair are found after a create that may have worked, no one knows which of them it created.
func TestTwoNewMembershipsOfAPair(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(10)
		f.after = func(op string, _ int) error {
			if op != opPost {
				return nil
			}
			f.add(testPair(20))
			return errUnavailable
		}
		created, err := newStore(f).Create(t.Context(), testPair(20), false)
		var uncertain *UncertainError
		if !errors.As(err, &uncertain) || uncertain.Membership == nil || len(f.of(testPair(20))) != 2 {
			t.Errorf("got %v and the error %v, want an error that names a membership", created, err)
		}
	})
}
