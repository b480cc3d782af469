package memberships

import (
	"context"
	"slices"
	"time"
	"unique"

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

	// pages, held and spent are explained at candidate. pageTime is how long the first page took.
	pages, held int
	spent       float64
	pageTime    time.Duration
	inProgress  *inProgress
	// blocked is until when no round reads the list.
	blocked time.Time

	// writing counts the own writes in progress that may change the list, and writes those that ever began.
	writing, writes int
}

// inProgress is a reading; done is closed when it ends.
type inProgress struct {
	extent extent
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
		if l == nil || time.Since(l.began) > s.waits.Exists {
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
		switch {
		case slices.ContainsFunc(rows, func(m kantata.Membership) bool { return s.isOutdated(m.ID, l.began) }):
		case byID >= 0:
			q.resolve(rows[byID], false, nil)
		case q.pair == (kantata.Pair{}), !s.certain(l) && (q.id != "" || q.direct || len(rows) == 0):
			// Only a complete list shows that the ID is not there, and that the pair has another one or none.
		case len(rows) > 0:
			q.resolve(rows[0], false, nil)
		default:
			q.resolve(kantata.Membership{}, true, nil)
		}
		if q.resolved {
			return true
		}
	}
	return false
}

// certain reports that what the list lacks is absent.
func (s *Store) certain(l *list) bool { return l.complete && time.Since(l.began) <= s.waits.Absent }

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
	return ok && began.Before(deleted.Add(s.waits.Lag))
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

// known adds what is known of the list to a candidate that has its lookups. The mutex is held.
func (s *Store) known(c candidate, filter kantata.MembershipFilter) candidate {
	c.filter = filter
	l := s.lists[filter]
	if l == nil {
		return c
	}
	c.pages, c.held, c.spent = l.pages, s.held(l), l.spent
	if l.inProgress != nil {
		c.inProgress = l.inProgress.extent
	}
	c.blocked = time.Now().Before(l.blocked) || time.Duration(c.trips())*l.pageTime > s.usefulFor(c.needs)
	return c
}

// held is how many pages are at hand that need not be read again.
func (s *Store) held(l *list) int {
	if time.Since(l.began) > s.waits.Exists/2 {
		return 0
	}
	return l.held
}

// usefulFor is the time in which a round must be able to read that much of a list.
func (s *Store) usefulFor(e extent) time.Duration {
	if e == allPages {
		return s.waits.Exists / 2
	}
	return s.waits.Absent
}

// read reads a list, or waits until someone else has. It returns rows that are not nil only if it read the list completely itself. For a
// round, it must not take longer than the list is useful, and a list that fails is not read again soon.
func (s *Store) read(ctx context.Context, filter kantata.MembershipFilter, e extent, forRound bool) (rows []kantata.Membership, err error) {
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
	limited, cancel := ctx, context.CancelFunc(func() {})
	if forRound {
		limited, cancel = context.WithTimeout(ctx, s.usefulFor(e))
	}
	defer cancel()
	acquired := true
	if e == completely {
		var release func()
		release, acquired = s.apart(limited, allWrites)
		defer release()
	}
	switch {
	case forRound && !acquired:
	case e == completely:
		rows, err = s.readCompletely(limited, l)
	default:
		err = s.readPages(limited, l, e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(in.done)
	l.inProgress = nil
	if err != nil {
		l.held = 0
	} else if e > firstPage {
		l.spent = 0
	}
	if ctx.Err() == nil && (err != nil || !acquired) {
		l.blocked = time.Now().Add(s.waits.Blocked)
	}
	if ctx.Err() == nil && limited.Err() != nil {
		l.pageTime = s.waits.Exists // too slow from now on
	}
	return rows, err
}

// readPages reads the first page, or all pages that are not at hand, in any order.
func (s *Store) readPages(ctx context.Context, l *list, e extent) error {
	pages := s.pagesOf(l.filter)
	s.mu.Lock()
	held, last, before, began := s.held(l), l.pages, l.quiet(), time.Now()
	s.mu.Unlock()
	if held == 0 {
		page, err := pages.Page(ctx, 1)
		if err != nil {
			return err
		}
		first := paging.Complete[kantata.Membership]{Rows: page.Items, Pages: max(paging.Count(page), 1), Began: began}
		s.store(l, first, 1, first.Pages == 1 && !paging.Short(page, 1), before)
		held, last = 1, first.Pages
	}
	if e == firstPage {
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
	s.mu.Lock()
	pages, before := l.pages, l.quiet()
	s.mu.Unlock()
	read, err := s.pagesOf(l.filter).Read(ctx, pages)
	if err != nil {
		return nil, err
	}
	s.store(l, read, read.Pages, true, before)
	return s.visible(read.Rows, read.Began), nil
}

// store keeps what was read. It is complete if that is proven and if no own write overlapped with the reading.
func (s *Store) store(l *list, read paging.Complete[kantata.Membership], held int, proven bool, before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.rows = make(map[kantata.Pair][]kantata.Membership, len(read.Rows))
	for _, m := range read.Rows {
		l.put(m)
	}
	l.began, l.pages, l.held, l.complete = read.Began, read.Pages, held, proven && before >= 0 && l.quiet() == before
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
		if rows, err := s.read(ctx, filter, completely, false); rows != nil || err != nil {
			return rows, err
		}
	}
}

// lookUpPair requests the list of one pair and returns all its rows, the lowest ID first: an account may contain a pair twice. It looks
// again if all that it sees is what this process has just deleted.
func (s *Store) lookUpPair(ctx context.Context, pair kantata.Pair) ([]kantata.Membership, error) {
	pages := s.pagesOf(kantata.MembershipFilter(pair))
	for wait := s.waits.Lag / 3; ; wait *= 2 {
		s.mu.Lock()
		l := s.list(kantata.MembershipFilter(pair))
		before, began := l.quiet(), time.Now()
		s.mu.Unlock()
		page, err := pages.Steady(ctx, 1)
		if err != nil {
			return nil, err
		}
		rows := s.visible(page.Items, began)
		if len(rows) > 0 || len(page.Items) == 0 {
			s.store(l, paging.Complete[kantata.Membership]{Rows: rows, Pages: 1, Began: began}, 1, true, before)
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

// quiet returns what store compares in order to notice an own write: the number of writes so far, or -1 if one is in progress.
func (l *list) quiet() int {
	if l.writing > 0 {
		return -1
	}
	return l.writes
}

// startWrite notes that a write of the pair is in progress, until end is called.
func (s *Store) startWrite(pair kantata.Pair) (end func()) {
	s.inLists(pair, func(l *list) { l.writing, l.writes = l.writing+1, l.writes+1 })
	return func() { s.inLists(pair, func(l *list) { l.writing-- }) }
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
