package cost

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	of := func(group kantata.ID) kantata.MembershipFilter { return kantata.MembershipFilter{AccessGroupID: group} }
	// list returns a List for n lookups by ID. Lookups by pair cost a request each.
	list := func(group kantata.ID, lookups int, change func(c *List)) List {
		c := List{Filter: of(group), Lookups: lookups, Requests: 1, Needs: AllPages}
		if change != nil {
			change(&c)
		}
		return c
	}
	known := func(pages, held int, spent float64) func(c *List) {
		return func(c *List) { c.Pages, c.Held, c.Spent = pages, held, spent }
	}
	byPair := func(pages int, spent float64) func(c *List) {
		return func(c *List) {
			c.Pages, c.Spent, c.Requests, c.Needs = pages, spent, float64(c.Lookups), Completely
		}
	}
	account, g7, g8, g9 := of(""), of("7"), of("8"), of("9")
	for _, c := range []struct {
		name    string
		account List
		groups  []List
		want    []Reading
	}{
		{"few lookups", list("", 3, nil), []List{list("7", 3, nil)}, nil},
		{"just enough lookups", list("", 4, nil), []List{list("7", 4, nil)}, []Reading{{g7, FirstPage, 0, false, false}}},
		{"few lookups after some requests", list("", 1, known(0, 0, 3)), []List{list("7", 1, nil)}, []Reading{{g7, FirstPage, 0, false, false}}},
		{"one group", list("", 10, nil), []List{list("7", 10, nil)}, []Reading{{g7, FirstPage, 0, false, false}}},
		{"two groups, the one with more lookups first", list("", 10, nil), []List{list("7", 4, nil), list("8", 6, nil)},
			[]Reading{{g8, FirstPage, 0, false, false}, {g7, FirstPage, 0, false, false}}},
		{"three groups", list("", 10, nil), []List{list("7", 4, nil), list("8", 3, nil), list("9", 3, nil)},
			[]Reading{{account, FirstPage, 0, false, false}}},
		{"by membership ID", list("", 10, nil), nil, []Reading{{account, FirstPage, 0, false, false}}},
		{"three groups, the account is expensive", list("", 10, known(500, 1, 1)),
			[]List{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)},
			[]Reading{{g8, FirstPage, 0, false, false}, {g7, FirstPage, 0, false, false}, {g9, FirstPage, 0, false, false}}},
		{"three groups, the account has no more pages left than they", list("", 10, known(4, 1, 1)),
			[]List{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)}, []Reading{{account, AllPages, 0, true, false}}},
		{"three groups, two of them long", list("", 10, known(500, 1, 1)),
			[]List{list("7", 4, known(20, 1, 1)), list("8", 5, known(20, 1, 1)), list("9", 1, nil)}, []Reading{{g9, FirstPage, 0, false, false}}},
		{"many long groups, two first pages at a time", list("", 10, known(500, 1, 1)),
			[]List{list("6", 3, known(20, 1, 1)), list("7", 4, nil), list("8", 2, nil), list("9", 1, nil)},
			[]Reading{{g7, FirstPage, 0, false, false}, {g8, FirstPage, 0, false, false}}},
		{"three groups, the account's first page is in progress", list("", 10, func(c *List) { c.InProgress = FirstPage }),
			[]List{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)}, nil},
		{"three groups, the account is blocked", list("", 10, func(c *List) { c.Blocked = true }),
			[]List{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)},
			[]Reading{{g8, FirstPage, 0, false, false}, {g7, FirstPage, 0, false, false}, {g9, FirstPage, 0, false, false}}},
		{"six groups, as many first pages as the target allows", list("", 10, known(500, 1, 1)),
			[]List{list("1", 1, nil), list("2", 1, nil), list("3", 1, nil), list("7", 3, nil), list("8", 2, nil), list("9", 2, nil)},
			[]Reading{{g7, FirstPage, 0, false, false}, {g8, FirstPage, 0, false, false}, {g9, FirstPage, 0, false, false},
				{of("1"), FirstPage, 0, false, false}}},
		{"groups whose cost is not known, beyond the target: lookups have cost as much as the first page of one", list("", 10, known(8, 1, 1)),
			[]List{list("7", 4, known(0, 0, 1)), list("8", 4, known(0, 0, 0.9)), list("9", 2, known(9, 9, 0))},
			[]Reading{{g7, FirstPage, 0, false, false}}},
		{"by membership ID and in a group", list("", 10, known(500, 1, 1)), []List{list("7", 9, nil)}, nil},
		{"by membership ID, ten pages: more than the target allows yet", list("", 10, known(10, 1, 1)), nil, nil},
		{"by membership ID, ten pages: a part of them", list("", 10, known(10, 1, 2)), nil, []Reading{{account, SomePages, 4, false, false}}},
		{"by membership ID, ten pages, small requests that cost a part of one", list("", 10, known(10, 1, 2.5)), nil,
			[]Reading{{account, SomePages, 3, false, false}}},
		{"by membership ID, ten pages, one of them left", list("", 10, known(10, 9, 9)), nil, []Reading{{account, AllPages, 0, true, false}}},
		{"by membership ID, ten pages, all at hand", list("", 10, known(10, 10, 2)), nil, nil},
		{"by membership ID, ten pages, a part is being read", list("", 10, func(c *List) {
			known(10, 1, 2)(c)
			c.InProgress = SomePages
		}), nil, nil},
		{"by membership ID, twelve pages: too long for the stricter target", list("", 10, known(12, 1, 5)), nil,
			[]Reading{{account, AllPages, 0, false, false}}},
		{"ten pages: more than the target allows yet", list("", 10, known(0, 0, 1)), []List{list("7", 10, known(10, 1, 1))}, nil},
		{"eleven pages: just worth it", list("", 10, known(0, 0, 4.5)), []List{list("7", 10, known(11, 1, 4.5))},
			[]Reading{{g7, AllPages, 0, true, false}}},
		{"two groups of ten and five pages: each is short", list("", 10, known(0, 0, 1)),
			[]List{list("7", 6, known(10, 1, 1)), list("8", 4, known(5, 1, 1))},
			[]Reading{{g7, AllPages, 0, true, false}, {g8, AllPages, 0, true, false}}},
		{"three groups of eleven pages, the account has ten: more than the target allows yet", list("", 10, known(10, 1, 1)),
			[]List{list("7", 4, known(4, 1, 1)), list("8", 3, known(4, 1, 1)), list("9", 3, known(3, 1, 1))}, nil},
		{"three groups of twelve pages, the account has ten: a part of them, less the pages of groups", list("", 10, known(10, 1, 2)),
			[]List{list("7", 4, known(4, 1, 1)), list("8", 3, known(4, 1, 1)), list("9", 3, known(4, 1, 1))},
			[]Reading{{account, SomePages, 1, false, false}}},
		{"by pair: all or nothing", list("", 1, byPair(10, 2)), nil, nil},
		{"not yet worth it", list("", 10, known(0, 0, 2)), []List{list("7", 10, known(8, 1, 2))}, nil},
		{"worth it", list("", 10, known(0, 0, 3)), []List{list("7", 10, known(8, 1, 3))}, []Reading{{g7, AllPages, 0, true, false}}},
		{"worth it, but all its pages are at hand", list("", 10, known(0, 0, 3)), []List{list("7", 10, known(8, 8, 3))}, nil},
		{"worth it, but blocked", list("", 10, known(0, 0, 9)),
			[]List{list("7", 10, func(c *List) { c.Pages, c.Spent, c.Blocked = 8, 9, true })}, nil},
		{"worth it, but too many round trips to wait for", list("", 10, known(0, 0, 30)), []List{list("7", 10, known(60, 1, 30))},
			[]Reading{{g7, AllPages, 0, false, false}}},
		{"by pair, nothing spent since the list was read", list("", 10, byPair(0, 0)), []List{list("7", 10, byPair(19, 0))},
			[]Reading{{g7, Completely, 0, true, true}}},
		{"by pair, nothing spent, a longer list", list("", 10, byPair(0, 0)), []List{list("7", 10, byPair(20, 0))}, nil},
		{"by pair, nothing spent, enough lookups", list("", 4, byPair(0, 0)), []List{list("7", 4, byPair(1, 0))},
			[]Reading{{g7, Completely, 0, true, true}}},
		{"by pair, nothing spent, few lookups", list("", 3, byPair(0, 0)), []List{list("7", 3, byPair(1, 0))}, nil},
		{"existing memberships, nothing spent", list("", 10, known(0, 0, 0)), []List{list("7", 10, known(6, 1, 0))}, nil},
		{"by pair", list("", 10, byPair(0, 1)), []List{list("7", 10, byPair(6, 1))}, []Reading{{g7, Completely, 0, true, true}}},
		{"by pair, a long list: not yet worth it", list("", 10, byPair(0, 4)), []List{list("7", 10, byPair(40, 4))}, nil},
		{"by pair, a long list: just worth it", list("", 10, byPair(0, 4)), []List{list("7", 10, byPair(36, 4))},
			[]Reading{{g7, Completely, 0, false, false}}},
		{"by pair, few round trips, small requests for a third of its cost", list("", 4, byPair(0, 2)),
			[]List{list("7", 4, byPair(17, 2))}, []Reading{{g7, Completely, 0, true, true}}},
		{"by pair, few round trips, not yet worth it", list("", 4, byPair(0, 2)), []List{list("7", 4, byPair(18, 2))}, nil},
		{"by pair, more than a few round trips", list("", 10, byPair(0, 40)), []List{list("7", 10, byPair(20, 40))},
			[]Reading{{g7, Completely, 0, false, false}}},
		{"by pair, a list of few round trips that is being read", list("", 1, byPair(0, 1)),
			[]List{list("7", 1, func(c *List) { byPair(19, 1)(c); c.InProgress = Completely })}, []Reading{{g7, Completely, 0, true, true}}},
		{"by pair, a longer list that is being read", list("", 1, byPair(0, 1)),
			[]List{list("7", 1, func(c *List) { byPair(20, 1)(c); c.InProgress = Completely })}, []Reading{{g7, Completely, 0, false, false}}},
		{"by pair, in three groups of unknown cost", list("", 10, byPair(8, 10)),
			[]List{list("7", 4, byPair(0, 4)), list("8", 3, byPair(0, 3)), list("9", 3, byPair(0, 3))},
			[]Reading{{account, Completely, 0, true, true}}},
		{"by pair, in three groups of one page", list("", 10, byPair(8, 10)),
			[]List{list("7", 4, byPair(1, 4)), list("8", 3, byPair(1, 3)), list("9", 3, byPair(1, 3))},
			[]Reading{{g7, Completely, 0, true, true}, {g8, Completely, 0, true, true}, {g9, Completely, 0, true, true}}},
		{"by pair, in four groups", list("", 10, byPair(0, 0)),
			[]List{list("6", 3, byPair(0, 0)), list("7", 3, byPair(0, 0)), list("8", 2, byPair(0, 0)), list("9", 2, byPair(0, 0))},
			[]Reading{{of("6"), FirstPage, 0, false, false}, {g7, FirstPage, 0, false, false}, {g8, FirstPage, 0, false, false},
				{g9, FirstPage, 0, false, false}}},
		{"by pair, in five groups", list("", 10, byPair(0, 0)),
			[]List{list("5", 2, byPair(0, 0)), list("6", 2, byPair(0, 0)), list("7", 2, byPair(0, 0)), list("8", 2, byPair(0, 0)),
				list("9", 2, byPair(0, 0))},
			[]Reading{{account, FirstPage, 0, false, false}}},
		{"two groups cheaper than the account", list("", 10, known(12, 1, 9)), []List{list("7", 5, known(2, 1, 9)),
			list("8", 5, known(2, 1, 9))},
			[]Reading{{g7, AllPages, 0, true, false}, {g8, AllPages, 0, true, false}}},
		{"the account cheaper than two groups", list("", 10, known(8, 1, 9)), []List{list("7", 5, known(6, 1, 9)),
			list("8", 5, known(6, 1, 9))},
			[]Reading{{account, AllPages, 0, true, false}}},
		{"the account worth it, a group not", list("", 10, known(8, 1, 9)), []List{list("7", 5, known(2, 1, 9)),
			list("8", 5, known(20, 1, 1))},
			[]Reading{{account, AllPages, 0, true, false}}},
		{"the account is being read", list("", 10, func(c *List) { c.Pages, c.Held, c.InProgress = 60, 55, AllPages }),
			[]List{list("7", 10, known(8, 1, 9))}, []Reading{{account, AllPages, 0, true, false}}},
		{"the account is being read, and no page has arrived", list("", 10, func(c *List) { c.InProgress = AllPages }),
			[]List{list("7", 10, known(8, 1, 9))}, []Reading{{account, AllPages, 0, false, false}}},
		{"a group is being read", list("", 10, known(0, 0, 1)),
			[]List{list("7", 10, func(c *List) { c.Pages, c.Held, c.InProgress = 9, 1, AllPages })}, []Reading{{g7, AllPages, 0, true, false}}},
		{"the account is being read, but not completely", list("", 10, func(c *List) {
			c.Needs, c.Pages,
				c.InProgress = Completely, 60, AllPages
		}),
			[]List{list("7", 10, byPair(6, 9))}, []Reading{{g7, Completely, 0, true, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Demand{Account: c.account, Groups: c.groups, Asked: 10 * (1 + int(c.account.Spent))}.Decide()
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
		})
	}
}

// A part of a list is read as soon as a plan is not small, and no more of it than the target allows for a plan that has no more lookups.
func TestDecideToReadAPart(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int]int{20: 0, 21: 5, 30: 5, 31: 7} {
		account := List{Lookups: 10, Requests: 1, Needs: AllPages, Pages: 10, Held: 1, Spent: 1}
		got := 0
		for _, r := range (Demand{Account: account, Asked: asked}).Decide() {
			if r.Extent == SomePages {
				got += r.Pages
			}
		}
		if got != want {
			t.Errorf("after %d lookups: got %d pages of the account's list, want %d", asked, got, want)
		}
	}
}

// If the lists of other groups have one page, lookups by pair wait for the first page of the next one, which costs less than they do.
func TestDecideAfterShortGroups(t *testing.T) {
	t.Parallel()
	g7 := kantata.MembershipFilter{AccessGroupID: "7"}
	for _, c := range []struct {
		onePage bool
		lookups int
		needs   Extent
		want    bool
	}{
		{true, 10, Completely, true}, {true, 2, Completely, true}, {true, 1, Completely, false}, {false, 10, Completely, false},
		{true, 10, AllPages, false},
	} {
		list := List{Lookups: c.lookups, Requests: float64(c.lookups), Needs: c.needs, Spent: 3}
		group := list
		group.Filter = g7
		got := Demand{Account: list, Groups: []List{group}, OnePage: c.onePage, Asked: 20}.Decide()
		if diff := cmp.Diff([]Reading{{g7, FirstPage, 0, c.want, false}}, got); diff != "" {
			t.Errorf("%+v: readings (-want +got):\n%s", c, diff)
		}
	}
}

// With a parallelism of 1, each round concerns one group.
func TestDecideByAllGroups(t *testing.T) {
	t.Parallel()
	list := func(group kantata.ID, pages int) List {
		filter := kantata.MembershipFilter{AccessGroupID: group}
		return List{Filter: filter, Lookups: 1, Requests: 1, Needs: Completely, Pages: pages, Spent: 5}
	}
	for _, c := range []struct {
		name           string
		account, group int // their pages
		unread         int
		want           []Reading
	}{
		{"three other groups", 0, 0, 3, []Reading{{kantata.MembershipFilter{AccessGroupID: "7"}, FirstPage, 0, false, false}}},
		{"four other groups", 0, 0, 4, []Reading{{kantata.MembershipFilter{}, FirstPage, 0, false, false}}},
		{"the account has fewer pages than the groups", 2, 1, 19, []Reading{{kantata.MembershipFilter{}, Completely, 0, true, true}}},
		{"the account has more pages than the groups", 20, 1, 19,
			[]Reading{{kantata.MembershipFilter{AccessGroupID: "7"}, Completely, 0, true, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Demand{Account: list("", c.account), Groups: []List{list("7", c.group)}, Unread: c.unread, Asked: 6}.Decide()
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
		})
	}
}

// Ten pages are one round trip.
func TestTrips(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pages, held      int
		needs            Extent
		remaining, trips int
	}{
		{0, 0, AllPages, 1, 1},
		{1, 0, Completely, 1, 1},
		{1, 1, AllPages, 0, 0},
		{11, 1, AllPages, 10, 1},
		{12, 1, AllPages, 11, 2},
		{9, 1, Completely, 10, 1},
		{10, 1, Completely, 11, 2},
	} {
		l := List{Pages: c.pages, Held: c.held, Needs: c.needs}
		if remaining, trips := l.Remaining(), l.Trips(); remaining != c.remaining || trips != c.trips {
			t.Errorf("%d of %d pages held, extent %d: got %d pages in %d round trips, want %d in %d",
				c.held, c.pages, c.needs, remaining, trips, c.remaining, c.trips)
		}
	}
}

// Terraform's calls do not always arrive ten at a time. If each costs a request of its own, the list must be read nevertheless.
func TestLookupsThatArriveOneByOne(t *testing.T) {
	t.Parallel()
	one := List{Lookups: 1, Requests: 1, Needs: AllPages}
	for asked := range 20 {
		account, group := one, one
		spent := float64(asked) - 0.5 // two of the lookups shared a request
		account.Pages, account.Held, account.Spent = 8, 1, spent
		group.Filter.AccessGroupID, group.Spent = "340001", spent
		d := Demand{Account: account, Groups: []List{group}, Unread: 20, Asked: asked + 1}
		got := slices.ContainsFunc(d.Decide(), func(r Reading) bool { return r.Filter == account.Filter && r.Extent == AllPages })
		if want := asked >= 8; got != want {
			t.Errorf("after %d lookups of a request each: got %t, want %t for reading the account's list of 8 pages", asked, got, want)
		}
	}
}
