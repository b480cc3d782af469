package memberships

import (
	"context"
	"slices"
	"time"
	"unique"

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
	inProgress  *inProgress
	// blocked is until when no round reads the list.
	blocked time.Time

	// writing counts the own writes in progress that may change the list, and wrote is when the last one ended.
	writing int
	wrote   time.Time
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
			return true
		}
	}
	return false
}

// certain reports whether a row that the list does not contain is absent.
func (s *Store) certain(l *list) bool { return l.complete && time.Since(l.began) <= absentFor }

// hasDeleted reports whether this process has deleted the ID.
func (s *Store) hasDeleted(id kantata.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, deleted := s.deleted[id]
	return deleted
}

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

// matching returns the rows that match the filter, in ascending ID order.
func (l *list) matching(filter kantata.MembershipFilter) []kantata.Membership {
	rows := []kantata.Membership{}
	for pair, ofPair := range l.rows {
		if (filter.AccessGroupID == "" || filter.AccessGroupID == pair.AccessGroupID) && (filter.UserID == "" || filter.UserID == pair.UserID) {
			rows = append(rows, ofPair...)
		}
	}
	return sorted(rows)
}

func sorted(rows []kantata.Membership) []kantata.Membership {
	slices.SortFunc(rows, func(a, b kantata.Membership) int { return a.ID.Compare(b.ID) })
	return rows
}

// known adds what is known of the list to what the round wants of it. The mutex is held.
func (s *Store) known(c cost.List, filter kantata.MembershipFilter) cost.List {
	c.Filter = filter
	l := s.list(filter)
	c.Pages, c.Held, c.Spent = l.pages, s.held(l), l.spent
	if l.inProgress != nil {
		c.InProgress = l.inProgress.extent
	}
	c.Blocked = time.Now().Before(l.blocked) || time.Duration(c.Trips())*l.pageTime > usefulFor(c.Needs)
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
	if e == cost.AllPages {
		return existsFor / 2
	}
	return absentFor
}

// read reads a list, or waits until someone else has. It returns rows that are not nil only if it read the list completely itself.
func (s *Store) read(ctx context.Context, filter kantata.MembershipFilter, e cost.Extent) (rows []kantata.Membership, err error) {
	s.mu.Lock()
	l := s.list(filter)
	for l.inProgress != nil {
		in := l.inProgress
		s.mu.Unlock()
		select {
		case <-in.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if in.extent >= e {
			return nil, nil
		}
		s.mu.Lock()
	}
	in := &inProgress{extent: e, done: make(chan struct{})}
	l.inProgress = in
	s.mu.Unlock()
	if e == cost.Completely {
		rows, err = s.readCompletely(ctx, l)
	} else {
		err = s.readPages(ctx, l, e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(in.done)
	l.inProgress = nil
	if err != nil {
		l.held = 0
	} else if e > cost.FirstPage {
		l.spent = 0
	}
	return rows, err
}

// readPages reads the first page, or all pages that are not at hand, in any order.
func (s *Store) readPages(ctx context.Context, l *list, e cost.Extent) error {
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
		s.store(l, paging.Complete[kantata.Membership]{Rows: page.Items, Pages: last, Began: began}, held, last == 1 && !paging.Short(page, 1))
	}
	if e == cost.FirstPage {
		return nil
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

// readCompletely reads the list with proof, and returns its rows even if own writes keep it from saying what is absent.
func (s *Store) readCompletely(ctx context.Context, l *list) ([]kantata.Membership, error) {
	defer s.apart.List(ctx)()
	s.mu.Lock()
	pages := l.pages
	s.mu.Unlock()
	read, err := s.pagesOf(l.filter).Read(ctx, pages)
	if err != nil {
		return nil, err
	}
	s.store(l, read, read.Pages, true)
	return s.visible(read.Rows, read.Began), nil
}

// store keeps what was read. It is complete if that is proven and if no own write overlapped with the reading.
func (s *Store) store(l *list, read paging.Complete[kantata.Membership], held int, proven bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.rows = make(map[kantata.Pair][]kantata.Membership, len(read.Rows))
	for _, m := range read.Rows {
		l.put(m)
	}
	l.began, l.pages, l.held = read.Began, read.Pages, held
	l.complete = proven && l.writing == 0 && !l.wrote.After(read.Began)
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
				outdated := func(m kantata.Membership) bool { return s.isOutdated(m.ID, l.began) }
				return slices.DeleteFunc(l.matching(filter), outdated), nil
			}
		}
		s.mu.Unlock()
		if rows, err := s.read(ctx, filter, cost.Completely); rows != nil || err != nil {
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
			s.mu.Lock()
			l := s.list(kantata.MembershipFilter(pair))
			s.mu.Unlock()
			s.store(l, paging.Complete[kantata.Membership]{Rows: rows, Pages: 1, Began: began}, 1, true)
			return rows, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// pagesOf reads the pages of a list. Equal texts of its rows share one value: an account has many memberships of few people.
func (s *Store) pagesOf(filter kantata.MembershipFilter) paging.Pages[kantata.Membership] {
	return paging.Pages[kantata.Membership]{
		ID: func(m kantata.Membership) kantata.ID { return m.ID },
		Page: func(ctx context.Context, number int) (kantata.Page[kantata.Membership], error) {
			page, err := s.api.AccessGroupMembershipsPage(ctx, filter, number, kantata.MaxPerPage)
			s.saw(page.Items...)
			for i := range page.Items {
				m := &page.Items[i]
				m.AccessGroupID, m.UserID = unique.Make(m.AccessGroupID).Value(), unique.Make(m.UserID).Value()
				for _, text := range []*string{m.AccessGroupName, m.UserName, m.CreatedAt, (*string)(m.CreatorID)} {
					if text != nil {
						*text = unique.Make(*text).Value()
					}
				}
			}
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

// startWrite begins a write of the pair, which lasts until end is called.
func (s *Store) startWrite(ctx context.Context, pair kantata.Pair) (end func()) {
	together := s.apart.Write(ctx)
	s.inLists(pair, func(l *list) { l.writing++ })
	return func() {
		s.inLists(pair, func(l *list) { l.writing, l.wrote = l.writing-1, time.Now() })
		together()
	}
}

// wrote applies an own create to the lists at hand.
func (s *Store) wrote(m kantata.Membership) {
	s.saw(m)
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

// forget keeps lists at hand from saying that the pair is absent, because it may exist.
func (s *Store) forget(pair kantata.Pair) { s.inLists(pair, func(l *list) { l.complete = false }) }
