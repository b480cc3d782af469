package memberships

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/cost"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxIDs is how many IDs one `only=` request contains.
const maxIDs = 200

// lookup is a question about one membership: by ID, by pair, or by both.
type lookup struct {
	id     kantata.ID
	pair   kantata.Pair
	direct bool      // before a create: only evidence for rule 5 will do
	since  time.Time // a list begun before is no result
	cost   float64   // the number of small requests that it takes; an `only=` request is shared
	began  time.Time // the result is at least as recent
	done   chan struct{}

	// The result. found: membership exists. Otherwise, without err: if the lookup is by pair only, the pair is absent; if it is by ID, a
	// list does not show the ID, which proves nothing. absent: a complete list has no row of the pair. err is errNoID after a 404 for the
	// ID. The store's mutex guards the result until done is closed.
	resolved, found, absent bool
	membership              kantata.Membership
	err                     error
}

// resolve sets the result unless the lookup has one. A membership that does not match the lookup is not a result.
func (q *lookup) resolve(m kantata.Membership, absent bool, err error) {
	if !q.resolved {
		q.found = m.ID != "" && (q.id == "" || m.ID == q.id) && (q.pair == kantata.Pair{} || m.Pair() == q.pair)
		q.resolved, q.membership, q.absent, q.err = true, m, absent, err
		close(q.done)
	}
}

// ask waits for the result of a lookup. If ctx ends first, the lookup must not be read.
func (s *Store) ask(ctx context.Context, q *lookup) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.done, q.began = make(chan struct{}), time.Now()
	s.mu.Lock()
	s.asked++
	known := s.lookInLists(q)
	s.mu.Unlock()
	if !known {
		if err := s.rounds.Join(ctx, q, q.done); err != nil {
			return err
		}
	}
	return q.err
}

// serve gives every lookup of a round its result: from lists at hand, by small requests, or from lists that are worth reading.
func (s *Store) serve(ctx context.Context, lookups []*lookup) {
	open := s.awaitCosts(ctx, s.unresolved(lookups))
	if len(open) == 0 || ctx.Err() != nil {
		return
	}
	readings, now, waiting := s.choose(open)
	var awaited, others sync.WaitGroup
	for _, r := range readings {
		group := &others
		if r.Waits {
			group = &awaited
		}
		group.Go(func() { s.readInTime(ctx, r) })
	}
	others.Go(func() { s.send(ctx, now) })
	awaited.Wait()
	s.send(ctx, s.unresolved(waiting))
	others.Wait()
}

// readInTime reads a list for a round. An error is not a result (rule 13). Rounds do not soon read a list again that failed or was too slow
// to be useful (rule 12).
func (s *Store) readInTime(ctx context.Context, r cost.Reading) {
	limit := usefulFor(r.Extent)
	if r.Waits {
		limit = absentFor
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := s.read(limited, r); err == nil || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.list(r.Filter)
	l.blocked = time.Now().Add(blockedFor)
	if limited.Err() != nil {
		l.pageTime, s.blocked = existsFor, l.blocked
	}
}

// unresolved gives a result to each lookup that a list at hand answers, and returns the others with their cost.
func (s *Store) unresolved(lookups []*lookup) (open []*lookup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byID := 0
	for _, q := range lookups {
		if q.resolved || s.lookInLists(q) {
			continue
		}
		if open = append(open, q); q.id != "" {
			byID++
		}
	}
	for _, q := range open {
		if q.cost = 1; q.id != "" {
			q.cost = float64((byID+maxIDs-1)/maxIDs) / float64(byID)
		}
	}
	return open
}

// awaitCosts waits a moment for first pages that are being read: lookups by pair are cheaper if the round knows what its lists cost.
func (s *Store) awaitCosts(ctx context.Context, open []*lookup) []*lookup {
	ctx, cancel := context.WithTimeout(ctx, costWait)
	defer cancel()
	for _, q := range open {
		for _, filter := range []kantata.MembershipFilter{{}, groupOf(q.pair)} {
			s.mu.Lock()
			in := s.list(filter).inProgress
			s.mu.Unlock()
			if q.id == "" && in != nil && in.extent == cost.FirstPage {
				select {
				case <-in.done:
				case <-ctx.Done():
				}
			}
		}
	}
	return s.unresolved(open)
}

// choose prepares the decision of package cost, and notes what the small requests of the round cost.
func (s *Store) choose(open []*lookup) (readings []cost.Reading, now, waiting []*lookup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account, byGroup := cost.List{}, map[kantata.ID]cost.List{}
	for _, q := range open {
		account = with(account, q)
		if id := q.pair.AccessGroupID; id != "" {
			byGroup[id] = with(byGroup[id], q)
		}
	}
	d := cost.Demand{Account: s.known(account, kantata.MembershipFilter{}), Asked: s.asked}
	for _, id := range slices.SortedFunc(maps.Keys(byGroup), kantata.ID.Compare) {
		d.Groups = append(d.Groups, s.known(byGroup[id], kantata.MembershipFilter{AccessGroupID: id}))
	}
	longest := 0
	for filter, l := range s.lists {
		if filter.AccessGroupID == "" || filter.UserID != "" {
			continue
		}
		longest = max(longest, l.pages)
		if _, ok := byGroup[filter.AccessGroupID]; ok {
			continue
		}
		d.Held += s.held(l)
		if l.spent > 0 && !s.certain(l) {
			d.Unread += s.known(cost.List{Needs: account.Needs}, filter).Remaining()
		}
	}
	d.OnePage = longest == 1
	readings = d.Decide()
	for _, q := range open {
		if slices.ContainsFunc(readings, func(r cost.Reading) bool {
			return r.Waits && (r.Filter == groupOf(q.pair) || r.Filter.AccessGroupID == "")
		}) {
			waiting = append(waiting, q)
			continue
		}
		now = append(now, q)
		s.list(kantata.MembershipFilter{}).spent += q.cost
		if q.pair.AccessGroupID != "" {
			s.list(groupOf(q.pair)).spent += q.cost
		}
	}
	return readings, now, waiting
}

// with adds a lookup to a list that would answer it.
func with(l cost.List, q *lookup) cost.List {
	l.Lookups, l.Requests, l.Needs = l.Lookups+1, l.Requests+q.cost, max(l.Needs, cost.AllPages)
	if q.id == "" {
		l.Needs = cost.Completely
	}
	return l
}

// send looks up the pairs with a request for each, and the IDs together. Terraform's parallelism bounds the number of requests.
func (s *Store) send(ctx context.Context, open []*lookup) {
	var work sync.WaitGroup
	var byID []*lookup
	for _, q := range open {
		if q.id != "" {
			byID = append(byID, q)
			continue
		}
		work.Go(func() {
			rows, err := s.lookUpPair(ctx, q.pair)
			lowest := append(rows, kantata.Membership{})[0]
			s.resolve(q, lowest, err)
		})
	}
	for chunk := range slices.Chunk(byID, maxIDs) {
		work.Go(func() { s.sendIDs(ctx, chunk) })
	}
	work.Wait()
}

// sendIDs reads the IDs with one request. If that fails or takes too long, one row may be the reason, so each is requested by itself, and
// so are those of the next rounds (rules 12 and 13). A single ID is requested by itself at once: a 404 is the evidence that rule 1 needs.
func (s *Store) sendIDs(ctx context.Context, lookups []*lookup) {
	s.mu.Lock()
	together := len(lookups) > 1 && time.Now().After(s.idsBlocked)
	s.mu.Unlock()
	if together {
		// The request continues while its IDs are requested one by one, so that its timeout and theirs do not add up.
		done := make(chan bool, 1)
		go func() { done <- s.sendTogether(ctx, lookups) }()
		select {
		case ok := <-done:
			if ok {
				return
			}
		case <-time.After(usefulFor(cost.AllPages)):
		}
		s.mu.Lock()
		s.idsBlocked = time.Now().Add(blockedFor)
		s.mu.Unlock()
	}
	var work sync.WaitGroup
	for _, q := range lookups {
		work.Go(func() {
			m, err := s.getByID(ctx, q.id)
			s.resolve(q, m, err)
		})
	}
	work.Wait()
}

// sendTogether reads the IDs with one request and returns whether each lookup has its result. Only a 403 is final.
func (s *Store) sendTogether(ctx context.Context, lookups []*lookup) bool {
	ids := make([]kantata.ID, len(lookups))
	for i, q := range lookups {
		ids[i] = q.id
	}
	began := time.Now()
	rows, err := s.api.AccessGroupMembershipsByID(ctx, ids)
	if err != nil && !kantata.IsForbidden(err) {
		return false
	}
	s.saw(rows...)
	found := map[kantata.ID]kantata.Membership{}
	for _, m := range s.visible(rows, began) {
		found[m.ID] = m
	}
	for _, q := range lookups {
		s.resolve(q, found[q.id], err)
	}
	return true
}

func (s *Store) resolve(q *lookup, m kantata.Membership, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.resolve(m, false, err)
}
