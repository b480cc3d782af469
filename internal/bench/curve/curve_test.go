package curve

import (
	"slices"
	"testing"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		plan                    Plan
		pages, best, oneGetEach int
	}{
		{Plan{Rows: 150, AccountGroups: 40, Memberships: 4, Groups: 1}, 1, 1, 1},
		{Plan{Rows: 1_600, AccountGroups: 40, Memberships: 25, Groups: 5}, 5, 3, 3},
		{Plan{Rows: 1_600, AccountGroups: 40, Memberships: 1_600, Groups: 40}, 8, 8, 160},
		{Plan{Rows: 12_000, AccountGroups: 40, Memberships: 600, Groups: 2}, 4, 4, 60},
		{Plan{Rows: 100_000, AccountGroups: 40, Memberships: 11, Groups: 20}, 260, 2, 2},
	} {
		if got := [3]int{test.plan.Pages(), test.plan.Best(), test.plan.OneGetEach()}; got != [3]int{test.pages, test.best, test.oneGetEach} {
			t.Errorf("%s: got %d pages, %d requests at best and %d round trips of one GET each, want %d, %d and %d",
				test.plan, got[0], got[1], got[2], test.pages, test.best, test.oneGetEach)
		}
	}
}

func TestMissed(t *testing.T) {
	t.Parallel()
	small := Plan{Rows: 1_600, AccountGroups: 40, Memberships: 25, Groups: 5}
	large := Plan{Rows: 100_000, AccountGroups: 40, Memberships: 300, Groups: 40}
	few := Plan{Rows: 1_600, AccountGroups: 40, Memberships: 4, Groups: 40}
	for _, test := range []struct {
		name   string
		point  Point
		missed int
	}{
		{"at most 2 x best + 3 requests", Point{small, 9, 3}, 0},
		{"more than 2 x best + 3 requests", Point{small, 10, 3}, 1},
		{"at most 5 x best + 3 requests", Point{large, 153, 30}, 0},
		{"more than 5 x best + 3 requests", Point{large, 154, 30}, 1},
		{"slower than one GET each", Point{large, 153, 35}, 1},
		{"more requests than one GET each", Point{few, 5, 1}, 1},
		{"a round that waits for more lookups", Point{few, 4, 1.1}, 0},
		{"a second round trip", Point{few, 4, 2}, 1},
	} {
		if missed := test.point.Missed(); len(missed) != test.missed {
			t.Errorf("%s: got %q, want %d missed targets", test.name, missed, test.missed)
		}
	}
}

func TestGrid(t *testing.T) {
	t.Parallel()
	plans := Grid()
	for i, p := range plans {
		if p.Memberships < 1 || p.Memberships > p.most() || slices.Contains(plans[:i], p) {
			t.Errorf("got %s, want each plan once, with 1 to %d memberships", p, p.most())
		}
	}
	if want := (Plan{100_000, 40, 100_000, 40}); !slices.Contains(plans, want) {
		t.Errorf("got no plan of %s, want it", want)
	}
}
