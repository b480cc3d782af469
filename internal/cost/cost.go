// Package cost decides which lists of memberships are worth reading: a pure function of what is known when a round of lookups sends its
// requests.
package cost

import (
	"math"
	"slices"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

const (
	// maxGroups is how many access groups a round may concern for their lists to be considered before the account's list, and how many
	// first pages of long lists of groups it requests.
	maxGroups = 2
	// maxGroupsByPair is the same for lookups by pair, which cost a request each: most lists of groups have one page and need no proof.
	maxGroupsByPair = 4
	// A round of fewer than fewLookups requests no first page until freeRequests small requests were sent: most small
	// configurations are done by then.
	fewLookups, freeRequests = 4, 3
	// shortPages is how many pages the lists may have for the stricter of the two targets: twice the best number of requests, plus 3.
	shortPages = 10
	// fewTrips is how many round trips lookups by pair wait for a list that saves requests. The proof takes two more.
	fewTrips = 2
	// perRequest is how many lookups by ID the best provider answers with one request: Terraform sends ten at a time.
	perRequest = 10
	// smallPlan is how many lookups there may be before the account's list is read in parts: a smaller plan would gain no round trip.
	smallPlan = 20
)

// Extent is how much of a list is read.
type Extent int

// The extents, each of which includes the one before it. SomePages are the next pages that are not at hand. AllPages are read in any order:
// a row that is on none of them may still exist. Completely means that this is excluded.
const (
	Nothing Extent = iota
	FirstPage
	SomePages
	AllPages
	Completely
)

// Demand is what is known when a round decides what to read.
type Demand struct {
	// Account is the list of the account, and Groups those of the groups that the round concerns. Each lookup belongs to the account's
	// list and, unless it is by membership ID alone, to that of its group.
	Account List
	Groups  []List
	// Unread and Held are the pages of the lists of all other groups that lookups have concerned.
	Unread, Held int
	// OnePage means that each list of a group that is known, and at least one is, has one page. Then, lookups by pair wait for the first
	// page of the next group's list instead of costing a request each.
	OnePage bool
	// Asked is the number of lookups so far.
	Asked int
}

// List is a list that would answer lookups of a round.
type List struct {
	Filter kantata.MembershipFilter
	// Lookups is how many lookups of the round the list would answer, and Requests how many small requests these cost.
	Lookups  int
	Requests float64
	// Needs is Completely if one of the lookups may need proof of an absence, and AllPages otherwise.
	Needs Extent
	// Pages is the number of pages, 0 if unknown. Held is how many of them need not be read again for AllPages.
	Pages, Held int
	// Spent is how many small requests were sent, since the list was last read, for lookups that it would have answered.
	Spent float64
	// InProgress is what is being read now.
	InProgress Extent
	// Blocked means that the list is not worth a request: it failed, or it takes longer to read than it stays useful.
	Blocked bool
}

// Reading is a list to read, and how much of it. Pages is the number of pages if Extent is SomePages, and 0 otherwise. If Waits, its
// lookups wait for it. The small requests of all others are sent at once. If Quickly, the proof of a list may take more requests and fewer
// round trips: a proof for each of many groups would take too many.
type Reading struct {
	Filter  kantata.MembershipFilter
	Extent  Extent
	Pages   int
	Waits   bool
	Quickly bool
}

// Decide chooses what the round reads in addition to its small requests: the list of the account, or those of the groups, whichever have
// fewer pages left. The first page of a group's list is requested beyond the target, too, once small requests have cost as much.
func (d Demand) Decide() (readings []Reading) {
	unread, held, grouped := d.Unread, d.Held, 0
	for _, g := range d.Groups {
		unread += g.Remaining()
		if g.Needs == Completely && g.Pages == 0 {
			unread += g.Lookups // they do not wait for the first page
		}
		held += g.Held
		grouped += g.Lookups
	}
	all := grouped == d.Account.Lookups
	most := maxGroups
	if d.Account.Needs == Completely {
		most = maxGroupsByPair
	}
	few := all && len(d.Groups)+d.Unread <= most
	learn := d.Account.Lookups >= fewLookups || d.Account.Spent >= freeRequests
	spare := float64(d.Asked*2/perRequest+3-held-d.Account.Held) - d.Account.Spent
	switch {
	case d.Account.beingRead():
		return []Reading{d.Account.read(true)}
	case few:
	case d.Account.costUnknown() && learn:
		return []Reading{{Filter: d.Account.Filter, Extent: FirstPage}}
	case d.Account.costUnknown(), d.Account.InProgress == FirstPage:
		return nil
	}
	if d.Account.Pages > 0 && !d.Account.Blocked && (!all || d.Account.Remaining() <= unread) {
		if d.Account.worthReading(d.Account.Pages <= shortPages, spare) {
			readings = append(readings, d.Account.read(true))
		} else if pages := d.part(held); pages > 0 {
			readings = append(readings, Reading{Filter: d.Account.Filter, Extent: SomePages, Pages: pages})
		}
		return readings
	}
	short := d.Account.Needs == AllPages && (unread+held <= shortPages || d.Account.Pages > 0 && d.Account.Pages <= shortPages)
	if len(d.Groups) > 1 {
		spare-- // lookups of groups that are not read cost a small request
	}
	mostFirst := slices.SortedStableFunc(slices.Values(d.Groups), func(a, b List) int { return b.Lookups - a.Lookups })
	for _, g := range mostFirst {
		switch {
		case g.worthReading(short, spare):
			readings = append(readings, g.read(few))
		case g.costUnknown() && learn && (short && (spare >= 1 || g.Spent >= 1) || !short && len(readings) < most):
			readings = append(readings, Reading{Filter: g.Filter, Extent: FirstPage, Waits: d.OnePage && g.Needs == Completely && g.Lookups > 1})
		default:
			continue
		}
		spare -= float64(g.Remaining())
	}
	return readings
}

// part is how many pages of the account's list the target allows to read although it does not allow all of them. Then more lookups find
// their rows at hand. One request is left for those that do not.
func (d Demand) part(held int) int {
	a := d.Account
	if a.Needs != AllPages || a.Pages > shortPages || a.InProgress != Nothing || d.Asked <= smallPlan {
		return 0
	}
	target := 2*((d.Asked+perRequest-1)/perRequest) + 3
	return min(a.Remaining(), target-held-a.Held-1-int(math.Ceil(a.Spent+a.Requests)))
}

// read reads the list. Its lookups wait for it if that takes no more round trips than their small requests. Lookups by pair cost a request
// each, so they wait for each list that takes few round trips, because it is being read or saves requests.
func (l List) read(quickly bool) Reading {
	waits := l.Pages > 0 && float64(l.Trips()) <= max(1, l.Requests)
	if l.Needs == Completely {
		waits = l.Trips() <= fewTrips
	}
	return Reading{Filter: l.Filter, Extent: l.Needs, Waits: waits, Quickly: quickly && waits && l.Needs == Completely}
}

func (l List) costUnknown() bool { return l.Pages == 0 && !l.Blocked && l.InProgress == Nothing }

func (l List) beingRead() bool { return !l.Blocked && l.InProgress >= l.Needs }

// worthReading compares the cost of the list with the small requests that it would have saved, those sent and half of those about to be
// sent: a quarter to a third of its pages justify it. If all lists are short, that would be too many requests for the target, so spare
// limits the pages. Lookups by pair wait for a list of few round trips, so they must have cost a third of it.
func (l List) worthReading(short bool, spare float64) bool {
	pages, requests := float64(l.Pages), l.Spent+l.Requests/2
	switch {
	case l.beingRead():
		return true
	case l.Blocked, l.Pages == 0, l.Remaining() == 0:
		return false
	case l.Needs == Completely && l.Trips() <= fewTrips:
		return l.Spent+l.Requests >= max(fewLookups, float64(l.Remaining())/3)
	case l.Spent == 0:
		return false
	case l.Needs == Completely:
		return requests >= pages/4
	case short:
		// Lookups that arrive one by one cost a request each, which the target does not allow for. Then the list pays as soon as they have
		// cost as much as its pages.
		return float64(l.Remaining()) <= spare || requests >= pages
	}
	return l.Pages <= shortPages || requests >= max(5, pages/3)
}

// Remaining is how many pages are still to be read; one if that is unknown. A proof reads the last page twice.
func (l List) Remaining() int {
	switch {
	case l.Pages <= 1 && l.Held == 0:
		return 1
	case l.Needs == Completely:
		return l.Pages + 1
	}
	return l.Pages - l.Held
}

// Trips is how many round trips that takes.
func (l List) Trips() int { return (l.Remaining() + paging.Readers - 1) / paging.Readers }
