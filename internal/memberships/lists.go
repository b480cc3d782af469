package memberships

import (
	"context"
	"slices"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/cost"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

// list is what is known of a list: of the account, of a group, of a user, or of one pair. The store's mutex guards it.
type list struct {
	filter kantata.MembershipFilter
	// rows are those of each pair, in ID order; nil until the list is read. complete means that they were all rows at the time began.
	// Own writes since then are applied.
	rows     map[kantata.Pair][]kantata.Membership
	complete bool
	began    time.Time

	// pages, held and spent are explained at cost.List. pageTime is how long the first page took.
	pages, held int
	spent       float64
	pageTime    time.Duration
	// first is the first page when it was last read by itself, which was begun at firstBegan.
	first      kantata.Page[kantata.Membership]
	firstBegan time.Time
	inProgress *inProgress
	// blocked is until when no round reads the list.
	blocked time.Time
	// doubted is when an own write of a row of the list last ended in doubt.
	doubted time.Time
}

// created is an own create that ended at that time.
type created struct {
	kantata.Membership
	at time.Time
}

// inProgress is a reading; done is closed when it ends.
type inProgress struct {
	extent cost.Extent
	done   chan struct{}
}

func (s *Store) list(filter kantata.MembershipFilter) *list {
	l := s.lists[filter]
	if l == nil {
		l = &list{filter: filter}
		s.lists[filter] = l
	}
	return l
}

func groupOf(pair kantata.Pair) kantata.MembershipFilter {
	return kantata.MembershipFilter{AccessGroupID: pair.AccessGroupID}
}

// lookInLists resolves the lookup if a list at hand may answer it. The mutex is held.
func (s *Store) lookInLists(q *lookup) bool {
	for _, filter := range []kantata.MembershipFilter{kantata.MembershipFilter(q.pair), groupOf(q.pair), {}} {
		l := s.lists[filter]
		if l == nil || time.Since(l.began) > existsFor || l.began.Before(q.since) {
			continue
		}
		rows := l.rows[q.pair]
		hasID := func(m kantata.Membership) bool { return m.ID == q.id }
		if q.pair == (kantata.Pair{}) {
			for _, ofPair := range l.rows {
				if slices.ContainsFunc(ofPair, hasID) {
					rows = ofPair
				}
			}
		}
		byID := slices.IndexFunc(rows, hasID)
		resolve := func(m kantata.Membership, absent bool) {
			q.began = l.began
			q.resolve(m, absent, nil)
		}
		switch {
		case slices.ContainsFunc(rows, func(m kantata.Membership) bool { return s.isOutdated(m.ID, l.began) }):
		case byID >= 0:
			resolve(rows[byID], false)
		case q.pair == (kantata.Pair{}), !s.certain(l) && (q.id != "" || q.direct || len(rows) == 0):
			// Only a complete list shows that the ID is not there, and that the pair has another one or none.
		case len(rows) > 0:
			resolve(rows[0], false)
		default:
			resolve(kantata.Membership{}, true)
		}
		if q.resolved {
			if q.id == "" {
				l.spent += saved
			}
			if q.id == "" && l.filter.AccessGroupID == "" {
				s.list(groupOf(q.pair)).spent += saved
			}
			return true
		}
	}
	return false
}

// certain reports whether a row that the list does not contain is absent.
func (s *Store) certain(l *list) bool { return l.complete && time.Since(l.began) <= absentFor }

// isOutdated reports that a response begun at that time may show a membership although this process has deleted it. The mutex is held.
func (s *Store) isOutdated(id kantata.ID, began time.Time) bool {
	deleted, ok := s.deleted[id]
	return ok && began.Before(deleted.Add(lag))
}

// visible returns the rows of a response begun at that time without those that are outdated.
func (s *Store) visible(rows []kantata.Membership, began time.Time) []kantata.Membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sorted(slices.DeleteFunc(slices.Clone(rows), func(m kantata.Membership) bool { return s.isOutdated(m.ID, began) }))
}

func (l *list) put(m kantata.Membership) {
	l.remove(m)
	l.rows[m.Pair()] = sorted(append(l.rows[m.Pair()], m))
}

func (l *list) remove(m kantata.Membership) {
	if rows, ok := l.rows[m.Pair()]; ok {
		l.rows[m.Pair()] = slices.DeleteFunc(rows, func(row kantata.Membership) bool { return row.ID == m.ID })
	}
}

// matching returns the rows that match the filter and are not outdated, in ascending ID order. The mutex is held.
func (s *Store) matching(l *list, filter kantata.MembershipFilter) []kantata.Membership {
	rows := make([]kantata.Membership, 0, len(l.rows))
	for pair, ofPair := range l.rows {
		if filter.Matches(pair) {
			rows = append(rows, ofPair...)
		}
	}
	return sorted(slices.DeleteFunc(rows, func(m kantata.Membership) bool { return s.isOutdated(m.ID, l.began) }))
}

func sorted(rows []kantata.Membership) []kantata.Membership {
	slices.SortFunc(rows, byID)
	return rows
}

func byID(a, b kantata.Membership) int { return a.ID.Compare(b.ID) }

// known adds what is known of the list to what the round wants of it. The mutex is held.
func (s *Store) known(c cost.List, filter kantata.MembershipFilter) cost.List {
	c.Filter = filter
	l := s.list(filter)
	c.Pages, c.Held, c.Spent = l.pages, s.held(l), l.spent
	if l.inProgress != nil {
		c.InProgress = l.inProgress.extent
	}
	c.Blocked = time.Now().Before(l.blocked) || time.Now().Before(s.blocked) || time.Duration(c.Trips())*l.pageTime > usefulFor(c.Needs)
	return c
}

// held is how many pages are at hand that need not be read again.
func (s *Store) held(l *list) int {
	if time.Since(l.began) > existsFor/2 {
		return 0
	}
	return l.held
}

// usefulFor is the time in which a round must be able to read that much of a list.
func usefulFor(e cost.Extent) time.Duration {
	if e == cost.SomePages || e == cost.AllPages {
		return existsFor / 2
	}
	return absentFor
}

// read reads a list, or waits until someone else has. It returns rows that are not nil only if it read the list completely itself.
func (s *Store) read(ctx context.Context, r cost.Reading) (rows []kantata.Membership, err error) {
	s.mu.Lock()
	l := s.list(r.Filter)
	for l.inProgress != nil {
		in := l.inProgress
		s.mu.Unlock()
		select {
		case <-in.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if in.extent >= r.Extent {
			return nil, nil
		}
		s.mu.Lock()
	}
	in := &inProgress{extent: r.Extent, done: make(chan struct{})}
	l.inProgress = in
	s.mu.Unlock()
	if r.Extent == cost.Completely {
		err = s.readCompletely(ctx, l, r.Quickly)
	} else {
		err = s.readPages(ctx, l, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(in.done)
	l.inProgress = nil
	if err != nil {
		l.held = 0
	} else if r.Extent >= cost.AllPages {
		l.spent = 0
	}
	if err == nil && r.Extent == cost.Completely {
		rows = s.matching(l, l.filter)
	}
	return rows, err
}

// readPages reads the first page, and some or all pages that are not at hand, in any order.
func (s *Store) readPages(ctx context.Context, l *list, r cost.Reading) error {
	pages := s.pagesOf(l.filter)
	s.mu.Lock()
	held, last, began := s.held(l), l.pages, time.Now()
	s.mu.Unlock()
	if held == 0 {
		page, err := pages.Page(ctx, 1)
		if err != nil {
			return err
		}
		held, last = 1, max(paging.Count(page), 1)
		first := paging.Complete[kantata.Membership]{Rows: page.Items, Pages: last, Began: began}
		s.store(l.filter, first, held, last == 1 && !paging.Short(page, 1))
		s.mu.Lock()
		l.first, l.firstBegan = page, began
		s.mu.Unlock()
	}
	if r.Extent < cost.AllPages {
		last = min(last, held+r.Pages)
	}
	return pages.Each(ctx, held+1, last, func(ctx context.Context, number int) error {
		page, err := pages.Page(ctx, number)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range page.Items {
			l.put(m)
		}
		l.held++
		return err
	})
}

// readCompletely reads the list with proof; quickly, if its first page has just been read. A round may concern several groups, so the quick
// proof of their lists must not be expensive.
func (s *Store) readCompletely(ctx context.Context, l *list, quickly bool) (err error) {
	defer s.apart.List(ctx)()
	s.mu.Lock()
	first, began, read := l.first, l.firstBegan, paging.Complete[kantata.Membership]{}
	pages := max(l.pages, (len(s.matching(l, l.filter))+kantata.MaxPerPage-1)/kantata.MaxPerPage) // with own creates
	for i := len(s.created) - 1; i >= 0 && s.created[i].at.After(began); i-- {
		first.Count++ // an own create may begin a new page
	}
	quickly = quickly && time.Since(began) < absentFor/2 && (l.filter.AccessGroupID == "" || paging.Count(first) <= quickPages)
	s.mu.Unlock()
	if quickly {
		read, err = s.pagesOf(l.filter).ReadQuickly(ctx, first, began)
	} else {
		read, err = s.pagesOf(l.filter).Read(ctx, pages)
	}
	if err == nil {
		s.store(l.filter, read, read.Pages, true)
	}
	return err
}

// store keeps what was read, with what this process created in the meantime or just before. It is complete if that is proven and if no own
// write has ended in doubt since then.
func (s *Store) store(filter kantata.MembershipFilter, read paging.Complete[kantata.Membership], held int, proven bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.list(filter)
	l.rows = make(map[kantata.Pair][]kantata.Membership, len(read.Rows))
	for _, m := range read.Rows {
		l.put(m)
	}
	for _, c := range slices.Backward(s.created) { // no delete of this process removes them (rule 11)
		if !c.at.After(read.Began.Add(-lag)) {
			break
		}
		if filter.Matches(c.Pair()) {
			l.put(c.Membership)
		}
	}
	s.unordered = s.unordered || !slices.IsSortedFunc(read.Rows, byID)
	l.began, l.pages, l.held = read.Began, read.Pages, held
	l.complete = proven && !l.doubted.After(read.Began)
	if held == 1 {
		l.pageTime = time.Since(read.Began)
	}
	for _, q := range s.rounds.Gathering() {
		_ = q.resolved || s.lookInLists(q)
	}
}

// completeRows returns all rows that match the filter, from a complete list that is recent or was begun after the call, or by reading
// the list.
func (s *Store) completeRows(ctx context.Context, filter kantata.MembershipFilter) ([]kantata.Membership, error) {
	for asked := time.Now(); ; {
		s.mu.Lock()
		for _, f := range []kantata.MembershipFilter{filter, {AccessGroupID: filter.AccessGroupID}, {UserID: filter.UserID}, {}} {
			if l := s.lists[f]; l != nil && l.complete && (s.certain(l) || !l.began.Before(asked)) {
				defer s.mu.Unlock()
				return s.matching(l, filter), nil
			}
		}
		s.mu.Unlock()
		if rows, err := s.read(ctx, cost.Reading{Filter: filter, Extent: cost.Completely}); rows != nil || err != nil {
			return rows, err
		}
	}
}

// lookUpPair requests the list of one pair and returns all its rows, the lowest ID first: an account may contain a pair twice. It looks
// again if all that it sees is what this process has just deleted.
func (s *Store) lookUpPair(ctx context.Context, pair kantata.Pair) ([]kantata.Membership, error) {
	pages := s.pagesOf(kantata.MembershipFilter(pair))
	for wait := lag / 3; ; wait *= 2 {
		began := time.Now()
		page, err := pages.Steady(ctx, 1)
		if err != nil {
			return nil, err
		}
		rows := s.visible(page.Items, began)
		if len(rows) > 0 || len(page.Items) == 0 {
			s.store(kantata.MembershipFilter(pair), paging.Complete[kantata.Membership]{Rows: rows, Pages: 1, Began: began}, 1, true)
			return rows, nil
		}
		if err := kantata.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (s *Store) pagesOf(filter kantata.MembershipFilter) paging.Pages[kantata.Membership] {
	return paging.Pages[kantata.Membership]{
		ID: func(m kantata.Membership) kantata.ID { return m.ID },
		Request: func(ctx context.Context, number, size int) (kantata.Page[kantata.Membership], error) {
			page, err := s.api.AccessGroupMembershipsPage(ctx, filter, number, size)
			s.saw(page.Items...)
			return page, err
		},
	}
}

// inLists calls do for the lists that contain the pair.
func (s *Store) inLists(pair kantata.Pair, do func(l *list)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, filter := range []kantata.MembershipFilter{kantata.MembershipFilter(pair), groupOf(pair), {UserID: pair.UserID}, {}} {
		do(s.list(filter))
	}
}

// wrote applies an own create to the lists at hand.
func (s *Store) wrote(m kantata.Membership) {
	s.saw(m)
	s.mu.Lock()
	s.created = append(s.created, created{m, time.Now()})
	s.mu.Unlock()
	s.inLists(m.Pair(), func(l *list) {
		if l.rows != nil {
			l.put(m)
		}
	})
}

// removed applies an own delete to the lists at hand.
func (s *Store) removed(id kantata.ID, pair kantata.Pair) {
	s.inLists(pair, func(l *list) {
		s.deleted[id] = time.Now()
		l.remove(kantata.Membership{ID: id, AccessGroupID: pair.AccessGroupID, UserID: pair.UserID})
	})
}

// forget keeps lists that were begun before from saying that the pair is absent, because it may exist.
func (s *Store) forget(pair kantata.Pair) {
	s.inLists(pair, func(l *list) { l.complete, l.doubted = false, time.Now() })
}
