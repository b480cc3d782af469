package memberships

import (
	"slices"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

const (
	// maxGroups is how many access groups a round may concern for their lists to be considered before the account's list, and how many
	// first pages of long lists of groups it requests.
	maxGroups = 2
	// A round of fewer than fewLookups requests no first page until freeRequests small requests were sent: most small
	// configurations are done by then.
	fewLookups, freeRequests = 4, 3
	// shortPages is how many pages the lists may have for the stricter of the two targets: twice the best number of requests, plus 3.
	shortPages = 10
	// perRequest is how many lookups by ID the best provider answers with one request: Terraform sends ten at a time.
	perRequest = 10
)

// extent is how much of a list is read.
type extent int

const (
	nothing    extent = iota
	firstPage         // tells what the list costs
	allPages          // in any order: a row that is on none of them may still exist
	completely        // proven to be complete
)

// demand is what is known when a round decides what to read.
type demand struct {
	// account is the list of the account, and groups those of the groups that the round concerns. Each lookup belongs to the account's
	// list and, unless it is by membership ID alone, to that of its group.
	account candidate
	groups  []candidate
	// unread and held are the pages of the lists of all other groups that lookups have concerned.
	unread, held int
	// asked is the number of lookups so far.
	asked int
}

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

// reading is a list to read, and how much of it. If waits, its lookups wait for it. The small requests of all others are sent at once.
type reading struct {
	filter kantata.MembershipFilter
	extent extent
	waits  bool
}

// decide chooses what the round reads in addition to its small requests: the list of the account, or those of the groups, whichever have
// fewer pages left.
func (d demand) decide() (readings []reading) {
	unread, held, grouped := d.unread, d.held, 0
	for _, g := range d.groups {
		unread += g.remaining()
		if g.needs == completely && g.pages == 0 {
			unread += g.lookups // they do not wait for the first page
		}
		held += g.held
		grouped += g.lookups
	}
	all := grouped == d.account.lookups
	few := all && len(d.groups) <= maxGroups
	learn := d.account.lookups >= fewLookups || d.account.spent >= freeRequests
	spare := float64(d.asked*2/perRequest+3-held-d.account.held) - d.account.spent
	switch {
	case d.account.beingRead():
		return []reading{d.account.read()}
	case few:
	case d.account.costUnknown() && learn:
		return []reading{{d.account.filter, firstPage, false}}
	case d.account.costUnknown(), d.account.inProgress == firstPage:
		return nil
	}
	if d.account.pages > 0 && !d.account.blocked && (!all || d.account.remaining() <= unread) {
		if d.account.worthReading(d.account.pages <= shortPages, spare) {
			readings = append(readings, d.account.read())
		}
		return readings
	}
	short := d.account.needs == allPages && (unread+held <= shortPages || d.account.pages > 0 && d.account.pages <= shortPages)
	if len(d.groups) > 1 {
		spare-- // lookups of groups that are not read cost a small request
	}
	mostFirst := slices.SortedStableFunc(slices.Values(d.groups), func(a, b candidate) int { return b.lookups - a.lookups })
	for _, g := range mostFirst {
		switch {
		case g.worthReading(short, spare):
			readings = append(readings, g.read())
		case g.costUnknown() && learn && (short && spare >= 1 || !short && len(readings) < maxGroups):
			readings = append(readings, reading{g.filter, firstPage, false})
		default:
			continue
		}
		spare -= float64(g.remaining())
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

// worthReading compares the cost of the list with the small requests, sent or half about to be sent, that it would have saved: a quarter
// to a third of its pages justify it. If all lists are short, that would be too many requests for the target, so spare limits the pages.
func (c candidate) worthReading(short bool, spare float64) bool {
	pages, requests := float64(c.pages), c.spent+c.requests/2
	switch {
	case c.beingRead():
		return true
	case c.blocked, c.pages == 0, c.spent == 0, c.remaining() == 0:
		return false
	case c.needs == completely:
		return requests >= pages/4
	case short:
		return float64(c.remaining()) <= spare
	}
	return c.pages <= shortPages || requests >= max(5, pages/3)
}

// remaining is how many pages are still to be read; one if that is unknown. A proof reads the last page twice.
func (c candidate) remaining() int {
	switch {
	case c.pages <= 1 && c.held == 0:
		return 1
	case c.needs == completely:
		return c.pages + 1
	}
	return c.pages - c.held
}

func (c candidate) trips() int { return (c.remaining() + paging.Readers - 1) / paging.Readers }

// with adds a lookup.
func (c candidate) with(q *lookup) candidate {
	c.lookups, c.requests, c.needs = c.lookups+1, c.requests+q.cost, max(c.needs, allPages)
	if q.id == "" {
		c.needs = completely
	}
	return c
}
