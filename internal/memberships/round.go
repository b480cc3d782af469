package memberships

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxIDs is how many IDs one `only=` request contains.
const maxIDs = 200

// lookup is a question about one membership: by ID, by pair, or by both.
type lookup struct {
	id   kantata.ID
	pair kantata.Pair
	// direct is set before a create: it accepts only evidence for rule 5.
	direct bool

	// done is closed when the lookup has its result, which the fields below are.
	done chan struct{}
	// found: membership exists. absent: the pair is known to be absent. Neither, without err: the ID was not found in a list. err is
	// errNoID after a 404 for the ID.
	found, absent bool
	membership    kantata.Membership
	err           error
}

func (q *lookup) matches(m kantata.Membership) bool {
	return (q.id == "" || m.ID == q.id) && (q.pair == kantata.Pair{} || m.Pair() == q.pair)
}

// resolve sets the result unless there is one. The store's mutex is held.
func (q *lookup) resolve(rows []kantata.Membership, absent bool, err error) {
	if q.resolved() {
		return
	}
	if len(rows) > 0 {
		q.found, q.membership = true, rows[0]
	}
	q.absent, q.err = absent, err
	close(q.done)
}

func (q *lookup) resolved() bool {
	select {
	case <-q.done:
		return true
	default:
		return false
	}
}

// round is a group of lookups that arrived together. Its context ends when all its callers have left without a result: a list that it
// reads may be of use after its last lookup has its result.
type round struct {
	ctx     context.Context
	cancel  context.CancelFunc
	arrived chan struct{}
	// The store's mutex guards lookups and callers.
	lookups []*lookup
	callers int
}

// ask waits for the result of a lookup. If ctx ends first, the lookup must not be read.
func (s *Store) ask(ctx context.Context, q *lookup) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.done = make(chan struct{})
	s.mu.Lock()
	if s.lookInLists(q) {
		s.mu.Unlock()
		return q.err
	}
	r := s.gathering
	if r == nil {
		r = &round{arrived: make(chan struct{}, 1)}
		r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
		s.gathering = r
		go s.serve(r)
	}
	r.lookups = append(r.lookups, q)
	r.callers++
	s.mu.Unlock()
	select {
	case r.arrived <- struct{}{}:
	default:
	}
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		s.leave(r)
		return ctx.Err()
	}
}

func (s *Store) leave(r *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.callers--; r.callers > 0 {
		return
	}
	r.cancel()
	if s.gathering == r {
		s.gathering = nil
	}
}

// gather waits until no lookup has arrived for a moment.
func (s *Store) gather(r *round) []*lookup {
	last := time.NewTimer(s.waits.Gather)
	defer last.Stop()
	quiet := time.NewTimer(s.waits.Quiet)
	defer quiet.Stop()
	for waiting := true; waiting; {
		select {
		case <-r.arrived:
			quiet.Reset(s.waits.Quiet)
		case <-quiet.C:
			waiting = false
		case <-last.C:
			waiting = false
		case <-r.ctx.Done():
			waiting = false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gathering == r {
		s.gathering = nil
	}
	return r.lookups
}

// serve gives every lookup of the round its result: from lists at hand, by small requests, or from lists that are worth reading.
func (s *Store) serve(r *round) {
	defer r.cancel()
	open := s.unresolved(s.gather(r))
	if r.ctx.Err() != nil {
		return
	}
	if smallRequests(open) > freeRequests {
		s.awaitCosts(r.ctx, open)
		open = s.unresolved(open)
	}
	readings, now, waiting := s.choose(open)
	var work sync.WaitGroup
	read := make(chan struct{})
	work.Go(func() {
		defer close(read)
		var lists sync.WaitGroup
		for _, reading := range readings {
			lists.Go(func() { s.readForRound(r.ctx, reading) })
		}
		lists.Wait()
	})
	work.Go(func() { s.send(r.ctx, now) })
	if len(waiting) > 0 {
		timer := time.NewTimer(s.waits.Absent)
		defer timer.Stop()
		select {
		case <-read:
		case <-timer.C:
		}
		s.send(r.ctx, s.unresolved(waiting))
	}
	work.Wait()
}

// unresolved gives a result to each lookup that a list at hand answers, and returns the others.
func (s *Store) unresolved(lookups []*lookup) []*lookup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(lookups), func(q *lookup) bool { return q.resolved() || s.lookInLists(q) })
}

// awaitCosts waits a moment for first pages that are being read: an expensive round is cheaper if it knows what its lists cost.
func (s *Store) awaitCosts(ctx context.Context, open []*lookup) {
	ctx, cancel := context.WithTimeout(ctx, s.waits.Cost)
	defer cancel()
	for _, q := range open {
		for _, filter := range []kantata.MembershipFilter{{}, groupOf(q.pair)} {
			s.mu.Lock()
			in := s.list(filter).inProgress
			s.mu.Unlock()
			if in != nil && in.extent == firstPage {
				select {
				case <-in.done:
				case <-ctx.Done():
				}
			}
		}
	}
}

// choose prepares the decision of cost.go, and notes what the small requests of the round cost.
func (s *Store) choose(open []*lookup) (readings []reading, now, waiting []*lookup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(open) == 0 {
		return nil, nil, nil
	}
	byID := 0
	for _, q := range open {
		if q.id != "" {
			byID++
		}
	}
	account := s.candidate(kantata.MembershipFilter{})
	byGroup := map[kantata.MembershipFilter]candidate{}
	cost := func(q *lookup) float64 { // the cost of an `only=` request is shared by its lookups
		if q.id == "" {
			return 1
		}
		return float64(idRequests(byID)) / float64(byID)
	}
	for _, q := range open {
		g, ok := byGroup[groupOf(q.pair)]
		if !ok {
			g = s.candidate(groupOf(q.pair))
		}
		byGroup[g.filter] = g.with(q, cost(q))
		account = account.with(q, cost(q))
	}
	groups := make([]candidate, 0, len(byGroup))
	for _, g := range byGroup {
		groups = append(groups, s.usable(g))
	}
	slices.SortFunc(groups, func(a, b candidate) int { return compareIDs(a.filter.AccessGroupID, b.filter.AccessGroupID) })
	d := decide(s.usable(account), groups)
	for _, q := range open {
		if slices.Contains(d.waiting, kantata.MembershipFilter{}) || slices.Contains(d.waiting, groupOf(q.pair)) {
			waiting = append(waiting, q)
			continue
		}
		now = append(now, q)
		s.list(kantata.MembershipFilter{}).spent += cost(q)
		if g := groupOf(q.pair); g != (kantata.MembershipFilter{}) {
			s.list(g).spent += cost(q)
		}
	}
	return d.readings, now, waiting
}

func (c candidate) with(q *lookup, cost float64) candidate {
	c.lookups++
	c.requests += cost
	c.needs = max(c.needs, allPages)
	if q.id == "" {
		c.needs = completely
	}
	return c
}

func groupOf(pair kantata.Pair) kantata.MembershipFilter {
	return kantata.MembershipFilter{AccessGroupID: pair.AccessGroupID}
}

func idRequests(lookups int) int { return (lookups + maxIDs - 1) / maxIDs }

// smallRequests is how many small requests the lookups cost.
func smallRequests(lookups []*lookup) int {
	byID := 0
	for _, q := range lookups {
		if q.id != "" {
			byID++
		}
	}
	return len(lookups) - byID + idRequests(byID)
}

// send looks up the pairs with a request for each, and the IDs together. Terraform's parallelism bounds the number of requests.
func (s *Store) send(ctx context.Context, open []*lookup) {
	pairs, ids := map[kantata.Pair][]*lookup{}, map[kantata.ID][]*lookup{}
	for _, q := range open {
		if q.id == "" {
			pairs[q.pair] = append(pairs[q.pair], q)
		} else {
			ids[q.id] = append(ids[q.id], q)
		}
	}
	var work sync.WaitGroup
	for pair, lookups := range pairs {
		work.Go(func() {
			rows, err := s.lookUpPair(ctx, pair)
			s.resolve(lookups, rows, len(rows) == 0 && err == nil, err)
		})
	}
	unique := make([]kantata.ID, 0, len(ids))
	for id := range ids {
		unique = append(unique, id)
	}
	slices.SortFunc(unique, compareIDs)
	for chunk := range slices.Chunk(unique, maxIDs) {
		work.Go(func() { s.sendIDs(ctx, chunk, ids) })
	}
	work.Wait()
}

// sendIDs reads the IDs with one request. If that fails, one row may be the reason, so each is requested by itself (rule 13).
func (s *Store) sendIDs(ctx context.Context, chunk []kantata.ID, ids map[kantata.ID][]*lookup) {
	began := time.Now()
	var rows []kantata.Membership
	var err error
	if len(chunk) > 1 {
		rows, err = s.api.AccessGroupMembershipsByID(ctx, chunk)
	}
	if len(chunk) == 1 || err != nil && !finalError(ctx, err) {
		var work sync.WaitGroup
		for _, id := range chunk {
			work.Go(func() {
				m, err := s.getByID(ctx, id)
				if err != nil {
					s.resolve(ids[id], nil, false, err)
				} else {
					s.resolve(ids[id], []kantata.Membership{m}, false, nil)
				}
			})
		}
		work.Wait()
		return
	}
	s.saw(rows...)
	for _, m := range rows {
		if !s.outdated(m.ID, began) {
			s.resolve(ids[m.ID], []kantata.Membership{m}, false, nil)
		}
	}
	for _, id := range chunk {
		s.resolve(ids[id], nil, false, err)
	}
}

// resolve gives all lookups one result. A row that a lookup does not match is no result for it.
func (s *Store) resolve(lookups []*lookup, rows []kantata.Membership, absent bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range lookups {
		if len(rows) > 0 && !q.matches(rows[0]) {
			q.resolve(nil, false, err)
			continue
		}
		q.resolve(rows, absent, err)
	}
}
