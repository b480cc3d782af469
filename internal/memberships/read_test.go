package memberships

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/cost"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func TestGet(t *testing.T) {
	t.Parallel()
	remove := func(f *fake) { f.remove("1003") }
	for _, c := range []struct {
		name    string
		arrange func(f *fake)
		pair    kantata.Pair
		id      kantata.ID
		err     error
	}{
		{name: "exists", id: "1003"},
		{name: "gone", arrange: remove, err: ErrAbsent},
		{name: "under a new ID", arrange: func(f *fake) { f.remove("1003"); f.add(testPair(2)) }, id: "1011"},
		{name: "twice", arrange: func(f *fake) { f.add(testPair(2)) }, id: "1003"},
		{name: "twice, the one in the state gone",
			arrange: func(f *fake) { f.add(testPair(2)); f.add(testPair(2)); f.remove("1003") }, id: "1011"},
		{name: "the ID is of another pair", pair: testPair(3), id: "1004"},
		{name: "the ID is of another pair, and the pair is absent", pair: testPair(99), err: errContradiction},
		{name: "hidden in lists", arrange: func(f *fake) { f.hide = func(m kantata.Membership) bool { return m.ID == "1003" } }, id: "1003"},
		{name: "GET fails", arrange: func(f *fake) { f.before = fail(errUnavailable, opGet) }, err: errUnavailable},
		{name: "GET is forbidden, and lists are empty", arrange: func(f *fake) {
			f.hide = func(kantata.Membership) bool { return true }
			f.before = fail(errForbidden, opGet)
		}, err: errForbidden},
		{name: "GET says 404, but the pair is listed", arrange: func(f *fake) { f.before = fail(notFound, opGet) }, id: "1003"},
		{name: "the lookup of the pair fails", arrange: func(f *fake) { remove(f); f.before = fail(errUnavailable, opPair) },
			err: errUnavailable},
		{name: "Kantata counts a row that it never shows", arrange: func(f *fake) {
			remove(f)
			f.page = func(_ kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) { page.Count++ }
		}, err: ErrAbsent},
	} {
		bubble(t, c.name, func(t *testing.T) {
			f := newFake(10)
			if c.arrange != nil {
				c.arrange(f)
			}
			if c.pair == (kantata.Pair{}) {
				c.pair = testPair(2)
			}
			m, err := newStore(f).Get(t.Context(), "1003", c.pair)
			checkError(t, err, c.err)
			if m.ID != c.id {
				t.Errorf("got membership %q, want %q", m.ID, c.id)
			}
		})
	}
}

// Rule 13: what fails or misleads many lookups is replaced by the small requests that it was meant to save.
func TestOptimizationsAreNoPreconditions(t *testing.T) {
	t.Parallel()
	slow := func(op string, d time.Duration) func(f *fake) {
		return func(f *fake) {
			f.before = func(got string, _ int) error {
				if got == op {
					time.Sleep(d)
				}
				return nil
			}
		}
	}
	for name, arrange := range map[string]func(f *fake){
		"the account's list fails": func(f *fake) { f.before = fail(errUnavailable, opAccount) },
		"all lists fail":           func(f *fake) { f.before = fail(errUnavailable, opAccount, opGroup, opPair) },
		"lists are forbidden":      func(f *fake) { f.before = fail(errForbidden, opAccount, opGroup) },
		"a proxy refuses lists":    func(f *fake) { f.before = fail(errForbidden, opIDs, opAccount, opGroup, opPair) },
		"requests by IDs fail":     func(f *fake) { f.before = fail(errUnavailable, opIDs, opAccount, opGroup) },
		"requests by IDs hang":     func(f *fake) { f.hang = []string{opIDs} },
		"the account's list hangs": slow(opAccount, 5*time.Minute),
		"a row is hidden in lists": func(f *fake) { f.hide = func(m kantata.Membership) bool { return m.ID == "1050" } },
		"pages are empty": func(f *fake) {
			f.page = func(filter kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) {
				if filter.UserID == "" {
					page.Items = nil
				}
			}
		},
		"every page is page 1": func(f *fake) {
			first := f.all()[:200]
			f.page = func(filter kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) {
				if filter == (kantata.MembershipFilter{}) {
					page.Items = slices.Clone(first)
				}
			}
		},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(1000)
			rows := f.all()
			arrange(f)
			s := newStore(f)
			began := time.Now()
			inParallel(t, 10, len(rows), func(i int) error {
				m, err := s.Get(t.Context(), rows[i].ID, rows[i].Pair())
				if err == nil && m != rows[i] {
					err = fmt.Errorf("got %v, want %v", m, rows[i])
				}
				return err
			})
			if took := time.Since(began); took > time.Minute {
				t.Errorf("got a duration of %v, want at most a minute", took)
			}
			synctest.Wait()
			time.Sleep(10 * time.Minute)
		})
	}
}

func TestGetByIDAndFind(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(400)
		s := newStore(f)
		inParallel(t, 10, 400, func(i int) error {
			m, err := s.Get(t.Context(), testID(1001+i), kantata.Pair{})
			if err == nil && m.Pair() != testPair(i) {
				err = fmt.Errorf("got %v", m)
			}
			return err
		})
		if got := f.count(); got > 9 {
			t.Errorf("got %d requests for 400 IDs, want at most 9: %v", got, f.counts)
		}
		_, err := s.Get(t.Context(), "9", kantata.Pair{})
		checkError(t, err, ErrAbsent)
		inParallel(t, 10, 400, func(i int) error {
			m, err := s.Find(t.Context(), testPair(i))
			if err == nil && m.Pair() != testPair(i) {
				err = fmt.Errorf("got %v", m)
			}
			return err
		})
		if got := f.count(); got > 12 {
			t.Errorf("got %d requests for 400 pairs more, want at most 12: %v", got, f.counts)
		}
		_, err = s.Find(t.Context(), testPair(1700))
		checkError(t, err, ErrAbsent)
		time.Sleep(10 * time.Second)
		f.before = fail(errUnavailable, opGet, opPair, opAccount)
		_, err = s.Get(t.Context(), "8", kantata.Pair{})
		checkError(t, err, errUnavailable)
		_, err = s.Find(t.Context(), testPair(1800))
		checkError(t, err, errUnavailable)
		time.Sleep(time.Minute) // until no list is being read
	})
}

// A list may say "exists" for a minute and, if it is complete, "absent" for ten seconds.
func TestAge(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(100)
		s := newStore(f)
		first, missing, began := f.all()[0], testPair(200), time.Now()
		_, err := s.completeRows(t.Context(), kantata.MembershipFilter{})
		checkError(t, err, nil)
		f.remove(first.ID)
		f.counts = map[string]int{}
		find := func(pair kantata.Pair, want error, requests int) {
			t.Helper()
			_, err := s.Find(t.Context(), pair)
			checkError(t, err, want)
			if got := f.count(); got != requests {
				t.Errorf("got %d requests so far, want %d", got, requests)
			}
		}
		find(first.Pair(), nil, 0)
		at := func(age time.Duration) { time.Sleep(time.Until(began.Add(age))) }
		at(10 * time.Second)
		find(missing, ErrAbsent, 0)
		at(10*time.Second + 1)
		find(first.Pair(), nil, 0)
		find(missing, ErrAbsent, 1)
		at(time.Minute)
		find(first.Pair(), nil, 1)
		at(time.Minute + 1)
		find(first.Pair(), ErrAbsent, 2)
	})
}

// If a data source reads the list of a huge account, lookups do not wait for it as they do for a short list, and not more than once.
func TestLookupsBesideALongList(t *testing.T) {
	t.Parallel()
	for _, hangs := range []bool{false, true} {
		bubble(t, fmt.Sprintf("hangs: %v", hangs), func(t *testing.T) {
			f := newFake(20_000)
			if hangs {
				f.hang = []string{opAccount}
			}
			rows := f.all()
			s := newStore(f)
			go func() { _, _ = s.completeRows(t.Context(), kantata.MembershipFilter{}) }()
			within := func(d time.Duration, look func(i int) error) {
				began := time.Now()
				inParallel(t, 10, 100, look)
				if took := time.Since(began); took > d {
					t.Errorf("got a duration of %v, want at most %v", took, d)
				}
			}
			within(2300*time.Millisecond, func(i int) error {
				_, err := s.Get(t.Context(), rows[i*199].ID, rows[i*199].Pair())
				return err
			})
			// The first round waits ten seconds for the list. The lists of the 20 groups do not wait for it, and writes do once.
			within(13*time.Second, func(i int) error {
				_, err := s.Find(t.Context(), rows[i*199+1].Pair())
				return err
			})
			within(10*(2*f.latency+gather), func(i int) error {
				_, err := s.Create(t.Context(), testPair(50_000+i), false)
				return err
			})
			time.Sleep(2 * time.Hour)
		})
	}
}

// This run's own writes are applied to lists at hand, and Kantata may show for a moment what this run deleted.
func TestOwnWrites(t *testing.T) {
	t.Parallel()
	bubble(t, "lists at hand", func(t *testing.T) {
		f := newFake(100)
		s := newStore(f)
		rows := f.all()
		_, err := s.completeRows(t.Context(), kantata.MembershipFilter{})
		checkError(t, err, nil)
		created, err := s.Create(t.Context(), testPair(200), false)
		checkError(t, err, nil)
		checkError(t, s.Delete(t.Context(), rows[0].ID, rows[0].Pair()), nil)
		f.counts = map[string]int{}
		_, err = s.Find(t.Context(), rows[0].Pair())
		checkError(t, err, ErrAbsent)
		m, err := s.Find(t.Context(), testPair(200))
		checkError(t, err, nil)
		if m != created.Membership || f.count() != 0 {
			t.Errorf("got %v after %d requests, want %v after none", m, f.count(), created.Membership)
		}
	})
	bubble(t, "a list that was read during two creates", func(t *testing.T) {
		f := newFake(0)
		s := newStore(f)
		group := kantata.MembershipFilter{AccessGroupID: jane.AccessGroupID}
		f.before = func(op string, n int) error {
			if op == opPost && n == 1 {
				time.Sleep(20 * time.Second)
			}
			return nil
		}
		f.after = func(op string, _ int) error {
			if op == opGroup {
				time.Sleep(2 * time.Second)
			}
			return nil
		}
		var calls sync.WaitGroup
		calls.Go(func() {
			_, err := s.Create(t.Context(), kantata.Pair{AccessGroupID: jane.AccessGroupID, UserID: "43"}, false)
			checkError(t, err, nil)
		})
		time.Sleep(time.Second)
		calls.Go(func() {
			_, err := s.read(t.Context(), cost.Reading{Filter: group, Extent: cost.FirstPage})
			checkError(t, err, nil)
		})
		time.Sleep(150 * time.Millisecond) // the page was made, and its response is in transit
		created, err := s.Create(t.Context(), jane, false)
		checkError(t, err, nil)
		time.Sleep(2 * time.Second)
		rows, err := s.completeRows(t.Context(), group)
		checkError(t, err, nil)
		if !slices.Contains(rows, created.Membership) {
			t.Errorf("got %v, want the created membership %v among them", rows, created.Membership)
		}
		calls.Wait()
	})
	bubble(t, "a deleted row in a list at hand", func(t *testing.T) {
		f := newFake(0)
		row := f.add(jane)
		f.lag(jane, time.Minute)
		s := newStore(f)
		checkError(t, s.Delete(t.Context(), row.ID, jane), nil)
		for range 2 {
			rows, err := s.completeRows(t.Context(), kantata.MembershipFilter{AccessGroupID: jane.AccessGroupID})
			checkError(t, err, nil)
			if len(rows) != 0 {
				t.Errorf("got %v, want no row", rows)
			}
		}
	})
	bubble(t, "a deleted row that is still shown", func(t *testing.T) {
		for _, after := range []time.Duration{time.Second, time.Hour} {
			f := newFake(3)
			s := newStore(f)
			row := f.all()[1]
			checkError(t, s.Delete(t.Context(), row.ID, row.Pair()), nil)
			f.mu.Lock()
			f.rows = slices.Insert(f.rows, 1, row)
			f.groups[row.AccessGroupID] = []kantata.Membership{row}
			f.mu.Unlock()
			go func() {
				time.Sleep(after)
				f.remove(row.ID)
			}()
			_, err := s.Find(t.Context(), row.Pair())
			checkError(t, err, map[time.Duration]error{time.Second: ErrAbsent, time.Hour: nil}[after])
			if got := f.count(opPair); got != 3 {
				t.Errorf("shown for %v: got %d lookups, want one at once, one after half a second and one after another second", after, got)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	bubble(t, "filters", func(t *testing.T) {
		f := newFake(1000)
		s := newStore(f)
		for filter, want := range map[kantata.MembershipFilter]int{
			{}: 1000, {AccessGroupID: "3"}: 50, {UserID: "50007"}: 1, {AccessGroupID: "8", UserID: "50007"}: 1, {AccessGroupID: "99"}: 0,
		} {
			rows, err := s.completeRows(t.Context(), filter)
			checkError(t, err, nil)
			if len(rows) != want || !slices.IsSortedFunc(rows, func(a, b kantata.Membership) int { return a.ID.Compare(b.ID) }) {
				t.Errorf("%v: got %d rows, want %d in ID order", filter, len(rows), want)
			}
		}
	})
	bubble(t, "for ten seconds", func(t *testing.T) {
		f := newFake(100)
		s := newStore(f)
		for _, c := range []struct {
			age            time.Duration
			rows, requests int
		}{{0, 100, 1}, {10 * time.Second, 100, 1}, {10*time.Second + 1, 99, 2}} {
			s.list(kantata.MembershipFilter{}).began = time.Now().Add(-c.age)
			rows, err := s.completeRows(t.Context(), kantata.MembershipFilter{})
			checkError(t, err, nil)
			if len(rows) != c.rows || f.count() != c.requests {
				t.Errorf("after %v: got %d rows and %d requests so far, want %d and %d", c.age, len(rows), f.count(), c.rows, c.requests)
			}
			f.remove("1001")
		}
	})
	bubble(t, "limits", func(t *testing.T) {
		for limit, requests := range map[int]int{0: 7, 1: 1, 100: 1, 200: 1, 300: 7} {
			f := newFake(1000)
			rows, err := newStore(f).List(t.Context(), kantata.MembershipFilter{}, limit)
			checkError(t, err, nil)
			want := limit
			if limit == 0 {
				want = 1000
			}
			if len(rows) != want || f.count() != requests {
				t.Errorf("limit %d: got %d rows with %d requests, want %d with %d", limit, len(rows), f.count(), want, requests)
			}
		}
	})
	bubble(t, "smaller pages than the limit", func(t *testing.T) {
		f := newFake(100)
		f.pageSize = 20
		rows, err := newStore(f).List(t.Context(), kantata.MembershipFilter{}, 50)
		checkError(t, err, nil)
		if len(rows) != 50 {
			t.Errorf("got %d rows, want 50", len(rows))
		}
	})
	bubble(t, "an error", func(t *testing.T) {
		for op, filter := range map[string]kantata.MembershipFilter{opAccount: {}, opGroup: {AccessGroupID: "3"}} {
			f := newFake(1000)
			f.before = fail(errUnavailable, op)
			for _, limit := range []int{0, 5} {
				rows, err := newStore(f).List(t.Context(), filter, limit)
				checkError(t, err, errUnavailable)
				if len(rows) > 0 {
					t.Errorf("got %v, want only an error", rows)
				}
			}
		}
	})
	bubble(t, "one of the account and 20 of groups", func(t *testing.T) {
		f := newFake(1600).randomly(1)
		s := newStore(f)
		inParallel(t, 10, 21, func(i int) error {
			filter := kantata.MembershipFilter{}
			if i > 0 {
				filter.AccessGroupID = testID(i)
			}
			_, err := s.completeRows(t.Context(), filter)
			return err
		})
		if got := f.count(); got > 8+2+20 {
			t.Errorf("got %d requests, want at most the 8 + 20 pages and 2 as proof: %v", got, f.counts)
		}
	})
}

// Cancellation ends the caller's own call at once, and no other call.
func TestCancellation(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(100)
		s := newStore(f)
		ctx, cancel := context.WithCancel(t.Context())
		errs := make([]error, 4)
		call := func(i int, ctx context.Context) {
			go func() { _, errs[i] = s.Get(ctx, testID(1001+i), testPair(i)) }()
			synctest.Wait()
		}
		call(0, ctx)
		call(1, t.Context())
		time.Sleep(50 * time.Millisecond)
		call(2, ctx)
		call(3, t.Context())
		cancel()
		synctest.Wait()
		if !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[2], context.Canceled) {
			t.Errorf("got %v and %v at once, want context.Canceled", errs[0], errs[2])
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if errs[1] != nil || errs[3] != nil {
			t.Errorf("got %v and %v, want no errors", errs[1], errs[3])
		}
		_, err := s.Get(ctx, "1001", testPair(0))
		checkError(t, err, context.Canceled)
	})
	bubble(t, "all callers of a round", func(t *testing.T) {
		f := newFake(100)
		s := newStore(f)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = s.Get(ctx, "1001", testPair(0)) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		time.Sleep(time.Second)
		if got := f.count(); got != 0 {
			t.Errorf("got %d requests for a round that everyone left, want 0", got)
		}
		_, err := s.Get(t.Context(), "1001", testPair(0))
		checkError(t, err, nil)
	})
}
