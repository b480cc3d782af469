package memberships

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kantata-community/terraform-provider-kantata/internal/cost"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// Lookups that arrive together share a request. Package rounds tests when they do.
func TestLookupsShareARequest(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(100)
		s := newStore(f)
		var lookups sync.WaitGroup
		for i := range 6 {
			lookups.Go(func() {
				_, err := s.Get(t.Context(), testID(1001+i), testPair(i))
				checkError(t, err, nil)
			})
		}
		lookups.Wait()
		if got := f.count(opIDs); got != 1 {
			t.Errorf("got %d requests for lookups that arrive together, want 1: %v", got, f.counts)
		}
		awaitLists(s)
	})
}

// A lookup by pair costs a request, and up to 200 lookups by ID share one. A list that would answer them knows the sum.
func TestCostOfLookups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ byID, byPair, want int }{{1, 0, 1}, {199, 0, 1}, {200, 0, 1}, {201, 0, 2}, {0, 3, 3}, {10, 3, 4}} {
		var lookups []*lookup
		for i := range c.byID {
			lookups = append(lookups, &lookup{id: testID(1 + i), pair: testPair(i)})
		}
		for i := range c.byPair {
			lookups = append(lookups, &lookup{pair: testPair(i)})
		}
		var got cost.List
		for _, q := range newStore(newFake(0)).unresolved(lookups) {
			got = with(got, q)
		}
		got.Requests = math.Round(got.Requests*1e6) / 1e6
		want := cost.List{Lookups: c.byID + c.byPair, Requests: float64(c.want), Needs: cost.AllPages}
		if c.byPair > 0 {
			want.Needs = cost.Completely
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d lookups by ID and %d by pair (-want +got):\n%s", c.byID, c.byPair, diff)
		}
	}
}

// Groups that this process only writes to do not make the list of the account worth reading.
func TestGroupsWithoutLookups(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(1000)
		rows := f.all()
		s := newStore(f)
		for _, m := range rows[:5] {
			checkError(t, s.Delete(t.Context(), m.ID, m.Pair()), nil)
		}
		inParallel(t, 10, 10, func(i int) error {
			m := rows[10+20*i]
			_, err := s.Get(t.Context(), m.ID, m.Pair())
			return err
		})
		if account, group := f.count(opAccount), f.count(opGroup); account != 0 || group != 1 {
			t.Errorf("got %d pages of the account's list and %d of the group's, want none and the first", account, group)
		}
		time.Sleep(time.Minute)
	})
}

// No round reads a list for a minute that failed, and none reads a list again that was too slow.
func TestListsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hang  []string
		later bool
	}{
		"fails":    {nil, false},
		"too slow": {[]string{opAccount}, true},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFake(500)
			if f.hang = c.hang; c.hang == nil {
				f.before = fail(errUnavailable, opAccount)
			}
			s := newStore(f)
			s.readInTime(t.Context(), cost.Reading{Filter: kantata.MembershipFilter{}, Extent: cost.AllPages})
			blocked := func() bool { return s.known(cost.List{Needs: cost.AllPages}, kantata.MembershipFilter{}).Blocked }
			if !blocked() {
				t.Error("got a list that may be read at once, want it blocked")
			}
			time.Sleep(time.Minute)
			if got := blocked(); got != c.later {
				t.Errorf("got blocked %v after a minute, want %v", got, c.later)
			}
		})
	}
}

// If the lists of groups hang after one of them was read, the lookups of each other group do not wait for its list first: no time limit is
// multiplied (rule 12), and the pairs can be looked up (rule 13).
func TestListsOfGroupsThatHang(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		f := newFake(1600)
		s := newStore(f)
		plan := func(group, groups int) time.Duration {
			began := time.Now()
			defer awaitLists(s)
			inParallel(t, 10, groups*10, func(i int) error {
				pair := kantata.Pair{AccessGroupID: testID(group + i/10), UserID: testID(90_000 + i)}
				if _, err := s.Find(t.Context(), pair); !errors.Is(err, ErrAbsent) {
					return fmt.Errorf("got %w, want ErrAbsent", err)
				}
				return nil
			})
			return time.Since(began)
		}
		plan(1, 1)
		f.hang = []string{opGroup}
		if got, most := plan(2, 19), 2*absentFor; got > most {
			t.Errorf("got a duration of %v for 190 lookups, want at most %v: %v", got, most, f.counts)
		}
	})
}
