package memberships

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	of := func(group kantata.ID) kantata.MembershipFilter { return kantata.MembershipFilter{AccessGroupID: group} }
	// list returns a candidate for so many lookups by ID; by pair, they cost a request each.
	list := func(group kantata.ID, lookups int, change func(c *candidate)) candidate {
		c := candidate{filter: of(group), lookups: lookups, requests: 1, needs: allPages}
		if change != nil {
			change(&c)
		}
		return c
	}
	known := func(pages, held int, spent float64) func(c *candidate) {
		return func(c *candidate) { c.pages, c.held, c.spent = pages, held, spent }
	}
	byPair := func(pages int, spent float64) func(c *candidate) {
		return func(c *candidate) {
			c.pages, c.spent, c.requests, c.needs = pages, spent, float64(c.lookups), completely
		}
	}
	account, g7, g8, g9 := of(""), of("7"), of("8"), of("9")
	for _, c := range []struct {
		name    string
		account candidate
		groups  []candidate
		want    []reading
	}{
		{"few lookups", list("", 3, nil), []candidate{list("7", 3, nil)}, nil},
		{"few lookups after some requests", list("", 1, known(0, 0, 3)), []candidate{list("7", 1, nil)}, []reading{{g7, firstPage, false}}},
		{"one group", list("", 10, nil), []candidate{list("7", 10, nil)}, []reading{{g7, firstPage, false}}},
		{"two groups, the one with more lookups first", list("", 10, nil), []candidate{list("7", 4, nil), list("8", 6, nil)},
			[]reading{{g8, firstPage, false}, {g7, firstPage, false}}},
		{"three groups", list("", 10, nil), []candidate{list("7", 4, nil), list("8", 3, nil), list("9", 3, nil)},
			[]reading{{account, firstPage, false}}},
		{"by membership ID", list("", 10, nil), nil, []reading{{account, firstPage, false}}},
		{"three groups, the account is expensive", list("", 10, known(500, 1, 1)),
			[]candidate{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)},
			[]reading{{g8, firstPage, false}, {g7, firstPage, false}, {g9, firstPage, false}}},
		{"three groups, the account has no more pages left than they", list("", 10, known(4, 1, 1)),
			[]candidate{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)}, []reading{{account, allPages, true}}},
		{"three groups, two of them long", list("", 10, known(500, 1, 1)),
			[]candidate{list("7", 4, known(20, 1, 1)), list("8", 5, known(20, 1, 1)), list("9", 1, nil)}, []reading{{g9, firstPage, false}}},
		{"many long groups, two first pages at a time", list("", 10, known(500, 1, 1)),
			[]candidate{list("6", 3, known(20, 1, 1)), list("7", 4, nil), list("8", 2, nil), list("9", 1, nil)},
			[]reading{{g7, firstPage, false}, {g8, firstPage, false}}},
		{"three groups, the account's first page is in progress", list("", 10, func(c *candidate) { c.inProgress = firstPage }),
			[]candidate{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)}, nil},
		{"three groups, the account is blocked", list("", 10, func(c *candidate) { c.blocked = true }),
			[]candidate{list("7", 4, nil), list("8", 5, nil), list("9", 1, nil)},
			[]reading{{g8, firstPage, false}, {g7, firstPage, false}, {g9, firstPage, false}}},
		{"six groups, as many first pages as the target allows", list("", 10, known(500, 1, 1)),
			[]candidate{list("1", 1, nil), list("2", 1, nil), list("3", 1, nil), list("7", 3, nil), list("8", 2, nil), list("9", 2, nil)},
			[]reading{{g7, firstPage, false}, {g8, firstPage, false}, {g9, firstPage, false}, {of("1"), firstPage, false}}},
		{"by membership ID and in a group", list("", 10, known(500, 1, 1)), []candidate{list("7", 9, nil)}, nil},
		{"not yet worth it", list("", 10, known(0, 0, 2)), []candidate{list("7", 10, known(8, 1, 2))}, nil},
		{"worth it", list("", 10, known(0, 0, 3)), []candidate{list("7", 10, known(8, 1, 3))}, []reading{{g7, allPages, true}}},
		{"worth it, but all its pages are at hand", list("", 10, known(0, 0, 3)), []candidate{list("7", 10, known(8, 8, 3))}, nil},
		{"worth it, but blocked", list("", 10, known(0, 0, 9)),
			[]candidate{list("7", 10, func(c *candidate) { c.pages, c.spent, c.blocked = 8, 9, true })}, nil},
		{"worth it, but too many round trips to wait for", list("", 10, known(0, 0, 30)), []candidate{list("7", 10, known(60, 1, 30))},
			[]reading{{g7, allPages, false}}},
		{"by pair, nothing spent", list("", 10, byPair(0, 0)), []candidate{list("7", 10, byPair(6, 0))}, nil},
		{"by pair", list("", 10, byPair(0, 1)), []candidate{list("7", 10, byPair(6, 1))}, []reading{{g7, completely, true}}},
		{"by pair, in three groups of unknown cost", list("", 10, byPair(8, 10)),
			[]candidate{list("7", 4, byPair(0, 4)), list("8", 3, byPair(0, 3)), list("9", 3, byPair(0, 3))},
			[]reading{{account, completely, true}}},
		{"by pair, in three groups of one page", list("", 10, byPair(8, 10)),
			[]candidate{list("7", 4, byPair(1, 4)), list("8", 3, byPair(1, 3)), list("9", 3, byPair(1, 3))},
			[]reading{{g7, completely, true}, {g8, completely, true}, {g9, completely, true}}},
		{"two groups cheaper than the account", list("", 10, known(12, 1, 9)), []candidate{list("7", 5, known(2, 1, 9)),
			list("8", 5, known(2, 1, 9))},
			[]reading{{g7, allPages, true}, {g8, allPages, true}}},
		{"the account cheaper than two groups", list("", 10, known(8, 1, 9)), []candidate{list("7", 5, known(6, 1, 9)),
			list("8", 5, known(6, 1, 9))},
			[]reading{{account, allPages, true}}},
		{"the account worth it, a group not", list("", 10, known(8, 1, 9)), []candidate{list("7", 5, known(2, 1, 9)),
			list("8", 5, known(20, 1, 1))},
			[]reading{{account, allPages, true}}},
		{"the account is being read", list("", 10, func(c *candidate) { c.pages, c.held, c.inProgress = 60, 55, allPages }),
			[]candidate{list("7", 10, known(8, 1, 9))}, []reading{{account, allPages, true}}},
		{"the account is being read, but not completely", list("", 10, func(c *candidate) {
			c.needs, c.pages,
				c.inProgress = completely, 60, allPages
		}),
			[]candidate{list("7", 10, byPair(6, 9))}, []reading{{g7, completely, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := demand{account: c.account, groups: c.groups, asked: 10 * (1 + int(c.account.spent))}.decide()
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(reading{})); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
		})
	}
}
