package memberships

import (
	"slices"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

const (
	// maxGroups is how many access groups a round may concern for their lists to be considered before the account's list.
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
	// reading is what is being read now.
	reading extent
	// blocked means that the list is not worth a request: it failed, or it takes longer to read than it stays useful.
	blocked bool
}

// reading is a list to read, and how much of it.
type reading struct {
	filter kantata.MembershipFilter
	extent extent
}

// decision is what a round requests in addition to its small requests, and who needs none of these.
type decision struct {
	readings []reading
	// waiting are the filters of the lists whose lookups wait for them. The small requests of all others are sent at once.
	waiting []kantata.MembershipFilter
}

// decide chooses what a round reads. Each lookup belongs to the account's list and to that of its group; lookups without a group
// belong to the zero filter of groups.
func decide(account candidate, groups []candidate) decision {
	var d decision
	ready, rest, cost := []candidate{}, []candidate{}, 0
	for _, g := range groups {
		if g.filter != account.filter && g.worthReading() {
			ready = append(ready, g)
			cost += g.remaining()
		} else {
			rest = append(rest, g)
		}
	}
	if account.beingRead() || account.worthReading() && (len(rest) > 0 || account.remaining() <= cost) {
		d.use(account)
		return d
	}
	for _, g := range ready {
		d.use(g)
	}
	if len(rest) == 0 || account.lookups < fewLookups && account.spent < freeRequests {
		return d
	}
	few := len(groups) <= maxGroups && !slices.ContainsFunc(groups, func(g candidate) bool { return g.filter == account.filter })
	if !few && d.askCost(account) || account.reading == firstPage {
		return d
	}
	// If the account's list is known and will soon be worth reading, the lists of groups will not be.
	if few || account.blocked || account.worth() > account.spent+2 {
		slices.SortStableFunc(rest, func(a, b candidate) int { return b.lookups - a.lookups })
		asked := 0
		for _, g := range rest {
			if asked < maxGroups && g.filter != account.filter && d.askCost(g) {
				asked++
			}
		}
	}
	return d
}

// use reads the list. Its lookups wait for it if that takes no more round trips than their small requests, and for a complete list in
// any case, because lookups by pair cost a request each.
func (d *decision) use(c candidate) {
	trips := (c.remaining() + pageReaders - 1) / pageReaders
	d.readings = append(d.readings, reading{c.filter, c.needs})
	if c.needs == completely || float64(trips) <= max(1, c.requests) {
		d.waiting = append(d.waiting, c.filter)
	}
}

func (d *decision) askCost(c candidate) bool {
	if c.pages > 0 || c.blocked || c.reading != nothing {
		return false
	}
	d.readings = append(d.readings, reading{c.filter, firstPage})
	return true
}

func (c candidate) beingRead() bool { return c.reading > firstPage && c.reading >= c.needs }

// worthReading reports that the list is being read, or that the small requests that it would save reach the share of its cost.
func (c candidate) worthReading() bool {
	return c.beingRead() ||
		!c.blocked && c.pages > 0 && c.spent > 0 && c.remaining() > 0 && c.spent+c.requests/2 >= c.worth()
}

// worth is how many small requests justify reading the list.
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
