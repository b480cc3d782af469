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

// A list is worth reading only if that takes no longer than what the list says remains useful.
func TestListsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, c := range []struct {
		name     string
		pages    int
		pageTime time.Duration
		needs    cost.Extent
		blocked  bool
	}{
		{"ten round trips of 3 s", 101, 3 * s, cost.AllPages, false},
		{"ten round trips of more than 3 s", 101, 3*s + 1, cost.AllPages, true},
		{"a proof in one round trip of 10 s", 9, 10 * s, cost.Completely, false},
		{"a proof in one round trip of more than 10 s", 9, 10*s + 1, cost.Completely, true},
	} {
		bubble(t, c.name, func(t *testing.T) {
			store := newStore(newFake(0))
			l := store.list(kantata.MembershipFilter{})
			l.pages, l.held, l.pageTime, l.began = c.pages, 1, c.pageTime, time.Now()
			if got := store.known(cost.List{Needs: c.needs}, l.filter); got.Blocked != c.blocked {
				t.Errorf("got blocked %v, want %v", got.Blocked, c.blocked)
			}
		})
	}
}

// The pages of a list that are at hand need not be read again for half a minute.
func TestPagesAtHandAge(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		s := newStore(newFake(0))
		l := &list{held: 5, began: time.Now()}
		time.Sleep(30 * time.Second)
		if got := s.held(l); got != 5 {
			t.Errorf("got %d pages at hand after 30 s, want 5", got)
		}
		time.Sleep(time.Nanosecond)
		if got := s.held(l); got != 0 {
			t.Errorf("got %d pages at hand after more than 30 s, want none", got)
		}
	})
}

// The first page of a list tells how long a page takes. Only what reads all pages pays back the small requests.
func TestReadingsOfAList(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(500)
		s := newStore(f)
		l := s.list(kantata.MembershipFilter{})
		l.spent = 3
		for _, c := range []struct {
			extent   cost.Extent
			latency  time.Duration
			fails    bool
			pageTime time.Duration
			held     int
			spent    float64
		}{
			{cost.FirstPage, 2 * time.Second, false, 2 * time.Second, 1, 3},
			{cost.AllPages, time.Second, true, 2 * time.Second, 0, 3},
			{cost.FirstPage, time.Second, false, time.Second, 1, 3},
			{cost.AllPages, 2 * time.Second, false, time.Second, 3, 0},
			{cost.Completely, 2 * time.Second, false, time.Second, 3, 0},
		} {
			f.latency, f.before = c.latency, nil
			if c.fails {
				f.before = fail(errUnavailable, opAccount)
			}
			if _, err := s.read(t.Context(), cost.Reading{Filter: l.filter, Extent: c.extent}); (err != nil) != c.fails {
				t.Errorf("extent %d: got the error %v, want one: %v", c.extent, err, c.fails)
			}
			if l.pageTime != c.pageTime || l.held != c.held || l.spent != c.spent {
				t.Errorf("extent %d: got %v for a page, %d pages at hand and %v requests spent, want %v, %d and %v",
					c.extent, l.pageTime, l.held, l.spent, c.pageTime, c.held, c.spent)
			}
		}
	})
}

// Of two callers that want the same complete list at the same time, one reads it, and both get its rows.
func TestListsAreShared(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(300)
		s := newStore(f)
		inParallel(t, 3, 3, func(int) error {
			rows, err := s.List(t.Context(), kantata.MembershipFilter{}, 0)
			if err == nil && len(rows) != 300 {
				t.Errorf("got %d rows, want 300", len(rows))
			}
			return err
		})
		if got := f.count(); got != 4 {
			t.Errorf("got %d requests, want 4: the two pages, the first of them to learn the number, and the last one as proof", got)
		}
	})
	bubble(t, "a caller that needs more than what is being read", func(t *testing.T) {
		f := newFake(300)
		s := newStore(f)
		go func() {
			_, _ = s.read(t.Context(), cost.Reading{Filter: kantata.MembershipFilter{}, Extent: cost.FirstPage})
		}()
		synctest.Wait()
		rows, err := s.completeRows(t.Context(), kantata.MembershipFilter{})
		checkError(t, err, nil)
		if got := f.count(); len(rows) != 300 || got != 4 {
			t.Errorf("got %d rows after %d requests, want 300 after 4", len(rows), got)
		}
	})
	bubble(t, "a caller that leaves", func(t *testing.T) {
		s := newStore(newFake(300))
		go func() { _, _ = s.completeRows(t.Context(), kantata.MembershipFilter{}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := s.completeRows(ctx, kantata.MembershipFilter{})
		checkError(t, err, context.DeadlineExceeded)
		time.Sleep(time.Minute)
	})
}

// A list that has saved more requests than it costs is read again as soon as it is too old. One that has saved few is not.
func TestListThatSavesIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ creates, pairs, pages int }{{20, 1, 0}, {300, 0, 14}} {
		bubble(t, fmt.Sprintf("%d creates before", c.creates), func(t *testing.T) {
			f := newFake(2200) // 13 pages with the 300; the last one is read twice, and no request is needed to find it
			s := newStore(f)
			inParallel(t, 10, c.creates, func(i int) error {
				_, err := s.Create(t.Context(), testPair(5000+i), false)
				return err
			})
			awaitLists(s)
			time.Sleep(absentFor)
			pairs, pages := f.count(opPair), f.count(opAccount)
			_, err := s.Find(t.Context(), testPair(6000))
			checkError(t, err, ErrAbsent)
			awaitLists(s)
			if gotPairs, gotPages := f.count(opPair)-pairs, f.count(opAccount)-pages; gotPairs != c.pairs || gotPages != c.pages {
				t.Errorf("got %d lookups of a pair and %d pages, want %d and %d", gotPairs, gotPages, c.pairs, c.pages)
			}
		})
	}
}

// A list is not read quickly if its first page is so old that it would soon be too old to say that a pair is absent.
func TestFirstPageIsRecent(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(900)
		s := newStore(f)
		absent := func(from, n int) {
			inParallel(t, 10, n, func(i int) error {
				if _, err := s.Find(t.Context(), testPair(from+i)); !errors.Is(err, ErrAbsent) {
					return fmt.Errorf("got %w, want ErrAbsent", err)
				}
				return nil
			})
			awaitLists(s)
		}
		absent(5000, 10) // of so many groups that the first page is that of the account
		time.Sleep(absentFor/2 + time.Second)
		absent(6000, 10)
		time.Sleep(absentFor / 2)
		requests := f.count()
		absent(7000, 1)
		if got := f.count() - requests; got != 0 {
			t.Errorf("got %d requests, want 0, because the list is recent", got)
		}
	})
}

// A create does not wait for a list that is being read. The list contains what was created in the meantime or just before, and is complete.
func TestCreatesDuringAList(t *testing.T) {
	t.Parallel()
	for seed := range uint64(sampled(50, 10)) {
		bubble(t, fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			f := newFake(450).randomly(seed)
			created := map[kantata.ID]time.Time{}
			f.page = func(_ kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) {
				rows := len(page.Items) // new rows appear late; all of them are on one page
				page.Items = slices.DeleteFunc(page.Items, func(m kantata.Membership) bool { return time.Since(created[m.ID]) < lag })
				page.Count -= rows - len(page.Items)
			}
			s := newStore(f)
			create := func(i int) {
				began := time.Now()
				m, err := s.post(t.Context(), s.pair(testPair(500+i)), testPair(500+i), time.Time{})
				checkError(t, err, nil)
				s.wrote(m)
				f.mu.Lock()
				created[m.ID] = time.Now()
				f.mu.Unlock()
				if took := time.Since(began); took > 2*f.latency {
					t.Errorf("got a create in %v, want at most %v", took, 2*f.latency)
				}
			}
			create(0)
			var creates sync.WaitGroup
			f.before = func(op string, n int) error {
				if op == opAccount && n <= 4 { // each request of the list
					creates.Go(func() { create(n) })
				}
				return nil
			}
			_, err := s.completeRows(t.Context(), kantata.MembershipFilter{})
			checkError(t, err, nil)
			creates.Wait()
			rows, err := s.completeRows(t.Context(), kantata.MembershipFilter{})
			checkError(t, err, nil)
			requests := f.besidesWrites()
			_, err = s.Find(t.Context(), testPair(700))
			checkError(t, err, ErrAbsent)
			if got := f.besidesWrites(); len(rows) != 455 || got != requests {
				t.Errorf("got %d rows, and %d requests to find that a pair is absent, want 455 and none", len(rows), got-requests)
			}
			group := groupOf(testPair(500))
			rows, err = s.read(t.Context(), cost.Reading{Filter: group, Extent: cost.Completely})
			checkError(t, err, nil)
			if got, want := len(rows), len(f.groups[group.AccessGroupID]); got != want {
				t.Errorf("got %d rows of group %s, want %d", got, group.AccessGroupID, want)
			}
		})
	}
}

// A list that was being read when a create ended in doubt does not say that its pair is absent.
func TestCreateInDoubtDuringAList(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(450)
		lastPageRead := make(chan struct{})
		f.before = func(op string, n int) error {
			switch {
			case op == opAccount && n == 3: // the first was that of page 1, and the second that of the last page
				close(lastPageRead)
			case op == opPost:
				<-lastPageRead
			}
			return fail(errUnavailable, opPost, opPair)(op, n)
		}
		s := newStore(f)
		go func() { _, _ = s.completeRows(t.Context(), kantata.MembershipFilter{}) }()
		_, err := s.post(t.Context(), s.pair(jane), jane, time.Time{})
		checkError(t, err, &UncertainError{})
		awaitLists(s)
		_, err = s.Find(t.Context(), jane)
		checkError(t, err, errUnavailable)
		awaitLists(s)
	})
}

// A first page with fewer rows than it counts does not say that a pair is absent, even if it is the only page.
func TestDamagedFirstPage(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(0)
		f.add(jane)
		group := groupOf(jane)
		f.page = func(filter kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) {
			if filter == group {
				page.Items = nil
			}
		}
		s := newStore(f)
		_, err := s.read(t.Context(), cost.Reading{Filter: group, Extent: cost.FirstPage})
		checkError(t, err, nil)
		_, err = s.Find(t.Context(), jane)
		checkError(t, err, nil)
	})
}

// All pages of a list that were read in any order prove no absence: a row may have moved from one to another in the meantime.
func TestPagesInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, readings := range map[string][]cost.Reading{
		"at once":  {{Extent: cost.AllPages}},
		"in parts": {{Extent: cost.FirstPage}, {Extent: cost.SomePages, Pages: 1}, {Extent: cost.SomePages, Pages: 1}},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(500)
			var moved kantata.Membership
			f.page = func(filter kantata.MembershipFilter, number int, page *kantata.Page[kantata.Membership]) {
				if filter == (kantata.MembershipFilter{}) && number == 2 {
					moved, page.Items = page.Items[0], page.Items[1:]
				}
			}
			s := newStore(f)
			for _, r := range readings {
				_, err := s.read(t.Context(), r)
				checkError(t, err, nil)
			}
			m, err := s.Find(t.Context(), moved.Pair())
			checkError(t, err, nil)
			if m.ID != moved.ID {
				t.Errorf("got membership %q, want %q", m.ID, moved.ID)
			}
		})
	}
}

// Names that occur in many rows are kept once.
func TestNamesAreShared(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(3)
		f.page = func(_ kantata.MembershipFilter, _ int, page *kantata.Page[kantata.Membership]) {
			for i := range page.Items {
				name := "Jane " + page.Items[i].UserID.String()
				page.Items[i].UserName = &name
			}
		}
		rows, err := newStore(f).completeRows(t.Context(), kantata.MembershipFilter{})
		checkError(t, err, nil)
		for _, m := range rows {
			if m.UserName == nil || *m.UserName != "Jane "+m.UserID.String() || m.AccessGroupName != nil {
				t.Errorf("got the names %v and %v of membership %s, want Jane %s and none", m.UserName, m.AccessGroupName, m.ID, m.UserID)
			}
		}
	})
}
