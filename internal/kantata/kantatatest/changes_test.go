package kantatatest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.RemoveMembership(s.AddMembership(340001, 12000001))
	s.RemoveMembership(99)
	post(t, s, "12000002")
	post(t, s, "12000002")
	call(t, s, http.MethodDelete, memberships+"/56000102", "")
	call(t, s, http.MethodDelete, memberships+"/56000102", "")

	type change struct {
		id             int64
		added, outside bool
	}
	var got []change
	for _, c := range s.Changes() {
		got = append(got, change{c.Membership.ID, c.Added, c.Outside})
	}
	want := []change{{56000101, true, true}, {56000101, false, true}, {56000102, true, false}, {56000102, false, false}}
	if !slices.Equal(got, want) {
		t.Errorf("got changes %v, want %v", got, want)
	}
}

func TestLateRowOfAPairThatExists(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		style kantatatest.DuplicateStyle
		rows  int
	}{
		"refused":  {kantatatest.DuplicateRefused, 1},
		"existing": {kantatatest.DuplicateReturnsExisting, 1},
		"second":   {kantatatest.DuplicateCreatesSecond, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(kantatatest.Dialect{Duplicates: test.style}))
			s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Times: 1})
			post(t, s, "12000001")
			s.AddMembership(340001, 12000001)
			if got := summarize(t, get(t, s, memberships)); got.count != test.rows {
				t.Errorf("got %d rows, want %d", got.count, test.rows)
			}
			if got := len(s.Changes()); got != test.rows {
				t.Errorf("got %d changes, want %d", got, test.rows)
			}
		})
	}
}

func TestWithoutListener(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithoutListener())
	s.AddMembership(340001, 12000001)
	if got := serveDirectly(t, s, memberships); summarize(t, got).count != 1 {
		t.Errorf("got %+v, want one membership", got)
	}
	s.Close()
}

func TestMaxPerPage(t *testing.T) {
	t.Parallel()
	s := start(t, kantatatest.WithMaxPerPage(2))
	s.SeedMemberships(1, 5, 5)
	got := summarize(t, get(t, s, memberships+"?per_page=200&page=3"))
	if got.size != 2 || got.pages != 3 || !slices.Equal(got.ids, []string{"56000105"}) {
		t.Errorf("got %+v, want the third page of three with one row", got)
	}
}
