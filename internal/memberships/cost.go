package memberships

import (
	"slices"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

const (
	// maxGroups is how many access groups a round may concern for their lists to be considered before the account's list, and how many
	// first pages of groups it requests.
	maxGroups = 2
	// A round of fewer than fewLookups requests no first page until freeRequests small requests were sent: most small
	// configurations are done by then.
	fewLookups, freeRequests = 4, 3
)

// extent is how much of a list is read.
type extent int

const (
	nothing    extent = iota
	firstPage         // tells what the list costs
	allPages          // in any order: a row that is on none of them may still exist
	completely        // proven to be complete (walk.go)
)

// candidate is a list that would answer lookups of a round.
type candidate struct {
	filter kantata.MembershipFilter
	// lookups is how many lookups of the round the list would answer, and requests how many small requests these cost.
	lookups  int
	requests float64
	// needs is completely if one of the lookups may have to learn of an absence, and allPages otherwise.
	needs extent
	// pages is the number of pages, 0 if unknown. held is how many of them need not be read again for allPages.
	pages, held int
	// spent is how many small requests were sent, since the list was last read, for lookups that it would have answered.
	spent float64
	// inProgress is what is being read now.
	inProgress extent
	// blocked means that the list is not worth a request: it failed, or it takes longer to read than it stays useful.
	blocked bool
}

// with adds a lookup.
func (c candidate) with(q *lookup) candidate {
	c.lookups, c.requests, c.needs = c.lookups+1, c.requests+q.cost, max(c.needs, allPages)
	if q.id == "" {
		c.needs = completely
	}
	return c
}

// reading is a list to read, and how much of it. If waits, its lookups wait for it. The small requests of all others are sent at once.
type reading struct {
	filter kantata.MembershipFilter
	extent extent
	waits  bool
}

// decide chooses what a round reads in addition to its small requests. Each lookup belongs to the account's list and, unless it is by
// membership ID alone, to that of its group.
func decide(account candidate, groups []candidate) (readings []reading) {
	var ready, rest []candidate
	cost, others, grouped := 0, account.lookups, 0
	for _, g := range groups {
		grouped += g.lookups
		if g.worthReading() {
			ready = append(ready, g)
			cost += g.remaining()
			others -= g.lookups
		} else {
			rest = append(rest, g)
		}
	}
	if account.beingRead() || account.worthReading() && (others > 0 || account.remaining() <= cost) {
		return []reading{account.read()}
	}
	for _, g := range ready {
		readings = append(readings, g.read())
	}
	few := len(groups) <= maxGroups && grouped == account.lookups
	switch {
	case others == 0, account.lookups < fewLookups && account.spent < freeRequests:
		return readings
	case !few && account.costUnknown():
		return append(readings, reading{account.filter, firstPage, false})
	case !few && (account.inProgress == firstPage || !account.blocked && account.worth() <= account.spent+2):
		return readings // the account's list will soon be worth reading
	}
	rest = slices.DeleteFunc(rest, func(g candidate) bool { return !g.costUnknown() })
	slices.SortStableFunc(rest, func(a, b candidate) int { return b.lookups - a.lookups })
	for _, g := range rest[:min(len(rest), maxGroups)] {
		readings = append(readings, reading{g.filter, firstPage, false})
	}
	return readings
}

// read reads the list. Its lookups wait for it if that takes no more round trips than their small requests, and for a complete list in
// any case, because lookups by pair cost a request each. How long a list takes of which no page has been read is not known.
func (c candidate) read() reading {
	return reading{c.filter, c.needs, c.needs == completely || c.pages > 0 && float64(c.trips()) <= max(1, c.requests)}
}

func (c candidate) costUnknown() bool { return c.pages == 0 && !c.blocked && c.inProgress == nothing }

func (c candidate) beingRead() bool {
	return !c.blocked && c.inProgress > firstPage && c.inProgress >= c.needs
}

func (c candidate) worthReading() bool {
	return c.beingRead() || !c.blocked && c.pages > 0 && c.spent > 0 && c.remaining() > 0 && c.spent+c.requests/2 >= c.worth()
}

// worth is how many small requests, sent or half about to be sent, justify reading the list: a quarter to a third of its pages. Up to ten
// pages, it is the number that keeps n lookups by ID within 2 x n/10 + 3 requests, whatever n is.
func (c candidate) worth() float64 {
	pages := float64(c.pages)
	switch {
	case c.needs == completely:
		return pages / 4
	case pages <= 10:
		return pages - 5
	}
	return max(5, pages/3)
}

// remaining is how many pages are still to be read. A proof reads the last page twice.
func (c candidate) remaining() int {
	if c.needs == completely {
		return c.pages + 1
	}
	return c.pages - c.held
}

func (c candidate) trips() int { return (c.remaining() + paging.Readers - 1) / paging.Readers }
