package memberships

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// list is what is known of a list: of the account, of a group, of a user, or of one pair. The store's mutex guards it.
type list struct {
	filter kantata.MembershipFilter
	// rows are nil until the list is read. byPair is made when it is first needed; a pair that exists twice has its lowest ID there,
	// and twice says that there is one.
	rows   map[kantata.ID]kantata.Membership
	byPair map[kantata.Pair]kantata.ID
	twice  bool
	// complete means that rows were all rows at the time began. Own writes since then are in rows as well.
	complete bool
	began    time.Time

	// pages, held and spent are explained at candidate. pageTime is how long the first page took.
	pages, held int
	spent       float64
	pageTime    time.Duration
	inProgress  *inProgress
	// blocked is until when no round reads the list, and slow means never.
	blocked time.Time
	slow    bool

	// writing counts the own writes in progress that may change the list, and writes those that ever began.
	writing, writes int
}

// quiet returns what store compares in order to notice an own write: the number of writes so far, or -1 if one is in progress.
func (l *list) quiet() int {
	if l.writing > 0 {
		return -1
	}
	return l.writes
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

// listsOf returns the lists that contain the pair.
func (s *Store) listsOf(pair kantata.Pair) []*list {
	return []*list{
		s.list(kantata.MembershipFilter(pair)), s.list(groupOf(pair)),
		s.list(kantata.MembershipFilter{UserID: pair.UserID}), s.list(kantata.MembershipFilter{}),
	}
}

// lookInLists resolves the lookup if a list at hand may answer it. The mutex is held.
func (s *Store) lookInLists(q *lookup) bool {
	for _, filter := range []kantata.MembershipFilter{kantata.MembershipFilter(q.pair), groupOf(q.pair), {}} {
		l := s.lists[filter]
		if l == nil || l.rows == nil {
			continue
		}
		certain := s.certain(l)
		recent := time.Since(l.began) <= s.waits.Exists
		if m, ok := l.rows[q.id]; ok && recent && q.matches(m) && !s.outdatedLocked(m.ID, l.began) {
			q.resolve([]kantata.Membership{m}, false, nil)
			return true
		}
		// Only a complete list shows that the ID is not there, and that the pair has another one.
		if q.pair == (kantata.Pair{}) || !certain && (q.id != "" || q.direct || !recent) {
			continue
		}
		m, ok := l.ofPair(q.pair)
		switch {
		case ok && s.outdatedLocked(m.ID, l.began):
			continue
		case ok:
			q.resolve([]kantata.Membership{m}, false, nil)
			return true
		case certain:
			q.resolve(nil, true, nil)
			return true
		}
	}
	return false
}

// certain reports that what the list lacks is absent.
func (s *Store) certain(l *list) bool { return l.complete && time.Since(l.began) <= s.waits.Absent }

// outdated reports that a response begun at that time may show a membership although this process has deleted it.
func (s *Store) outdated(id kantata.ID, began time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outdatedLocked(id, began)
}

func (s *Store) outdatedLocked(id kantata.ID, began time.Time) bool {
	deleted, ok := s.deleted[id]
	return ok && began.Before(deleted.Add(s.waits.Lag))
}

func (l *list) put(m kantata.Membership) {
	l.rows[m.ID] = m
	if l.byPair != nil {
		l.index(m)
	}
}

func (l *list) index(m kantata.Membership) {
	known, ok := l.byPair[m.Pair()]
	l.twice = l.twice || ok && known != m.ID
	if !ok || compareIDs(m.ID, known) < 0 {
		l.byPair[m.Pair()] = m.ID
	}
}

func (l *list) remove(id kantata.ID) {
	m, ok := l.rows[id]
	if !ok {
		return
	}
	delete(l.rows, id)
	if l.twice {
		l.byPair = nil
	} else {
		delete(l.byPair, m.Pair())
	}
}

func (l *list) ofPair(pair kantata.Pair) (kantata.Membership, bool) {
	if l.byPair == nil {
		l.byPair, l.twice = make(map[kantata.Pair]kantata.ID, len(l.rows)), false
		for _, m := range l.rows {
			l.index(m)
		}
	}
	m, ok := l.rows[l.byPair[pair]]
	return m, ok
}

// candidate returns what decide has to know of a list, without the lookups. The mutex is held.
func (s *Store) candidate(filter kantata.MembershipFilter) candidate {
	l := s.lists[filter]
	if l == nil {
		return candidate{filter: filter}
	}
	c := candidate{filter: filter, pages: l.pages, held: l.held, spent: l.spent}
	if time.Since(l.began) > s.waits.Exists/2 {
		c.held = 0
	}
	if l.inProgress != nil {
		c.reading = l.inProgress.extent
	}
	return c
}

// usable sets whether the list is blocked for what the round needs. The mutex is held.
func (s *Store) usable(c candidate) candidate {
	l := s.lists[c.filter]
	if l == nil {
		return c
	}
	duration := time.Duration((c.remaining()+pageReaders-1)/pageReaders) * l.pageTime
	c.blocked = l.slow || time.Now().Before(l.blocked) || duration > s.usefulFor(c.needs) ||
		c.needs == completely && time.Now().Before(s.blocked)
	return c
}

// usefulFor is the time in which a round must be able to read that much of a list.
func (s *Store) usefulFor(e extent) time.Duration {
	if e == allPages {
		return s.waits.Exists / 2
	}
	return s.waits.Absent
}

// begin waits for readings of the list in progress. It returns true once the caller is the one to read it; false if another reading
// was enough or ctx ended.
func (s *Store) begin(ctx context.Context, l *list, e extent) bool {
	for {
		s.mu.Lock()
		in := l.inProgress
		if in == nil {
			l.inProgress = &inProgress{extent: e, done: make(chan struct{})}
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		select {
		case <-in.done:
		case <-ctx.Done():
			return false
		}
		if in.extent >= e {
			return false
		}
	}
}

func (s *Store) end(l *list) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(l.inProgress.done)
	l.inProgress = nil
}

// readForRound reads a list for a round. It has no error: what the list does not answer is asked by small requests (rule 13).
func (s *Store) readForRound(ctx context.Context, r reading) {
	s.mu.Lock()
	l := s.list(r.filter)
	s.mu.Unlock()
	if !s.begin(ctx, l, r.extent) {
		return
	}
	defer s.end(l)
	limited, cancel := context.WithTimeout(ctx, s.usefulFor(r.extent))
	defer cancel()
	var err error
	if r.extent == completely {
		release, acquired := s.apart(limited, allWrites)
		defer release()
		if !acquired {
			s.mu.Lock()
			s.blocked = time.Now().Add(s.waits.Blocked)
			s.mu.Unlock()
			return
		}
		_, err = s.readCompletely(limited, l)
	} else {
		err = s.readPages(limited, l, r.extent)
	}
	if err != nil && ctx.Err() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.blocked = time.Now().Add(s.waits.Blocked)
		l.slow = limited.Err() != nil
	}
}

// readPages reads the first page, or all pages that are not at hand, in any order.
func (s *Store) readPages(ctx context.Context, l *list, e extent) error {
	pages := s.pagesOf(l.filter)
	s.mu.Lock()
	held, before, began := l.held, l.quiet(), time.Now()
	old := began.Sub(l.began) > s.waits.Exists/2
	s.mu.Unlock()
	if held == 0 || old || e == firstPage {
		page, err := pages.Page(ctx, 1)
		if err != nil {
			return err
		}
		count := max(pageCount(page), 1)
		first := Complete[kantata.Membership]{Rows: page.Items, Count: count, Began: began}
		s.store(l, first, count == 1 && !short(page, 1), before)
		s.mu.Lock()
		l.held, l.pageTime = 1, time.Since(began)
		s.mu.Unlock()
		held = 1
	}
	if e == firstPage {
		return nil
	}
	s.mu.Lock()
	last := l.pages
	s.mu.Unlock()
	err := pages.each(ctx, held+1, last, func(ctx context.Context, number int) error {
		page, err := pages.Page(ctx, number)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range page.Items {
			l.put(m)
		}
		if err == nil {
			l.held++
		}
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		l.held = 1 // which of the other pages are at hand is not known
		return err
	}
	l.spent = 0
	return nil
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
	s.store(l, read, true, before)
	return read.Rows, nil
}

// store keeps what was read. It is complete if that is proven and if no own write overlapped with the reading.
func (s *Store) store(l *list, read Complete[kantata.Membership], proven bool, before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.rows, l.byPair = make(map[kantata.ID]kantata.Membership, len(read.Rows)), nil
	for _, m := range read.Rows {
		l.put(m)
	}
	l.began, l.pages, l.held, l.complete = read.Began, read.Count, read.Count, proven && l.quiet() == before
	if proven {
		l.spent = 0
	}
	if s.gathering != nil { // so that what their callers ask next still joins the round
		for _, q := range s.gathering.lookups {
			_ = q.resolved() || s.lookInLists(q)
		}
	}
}

// completeRows returns all rows that match the filter, from a complete list that is recent or was begun after the call, or by reading
// the list.
func (s *Store) completeRows(ctx context.Context, filter kantata.MembershipFilter) ([]kantata.Membership, error) {
	asked := time.Now()
	for joined := false; ; {
		s.mu.Lock()
		for _, f := range []kantata.MembershipFilter{filter, {AccessGroupID: filter.AccessGroupID}, {UserID: filter.UserID}, {}} {
			if l := s.lists[f]; l != nil && l.complete && (s.certain(l) || !l.began.Before(asked)) {
				rows := l.matching(filter)
				s.mu.Unlock()
				return rows, nil
			}
		}
		l, account := s.list(filter), s.list(kantata.MembershipFilter{})
		if in := account.inProgress; in != nil && in.extent == completely && !joined {
			l, joined = account, true
		}
		s.mu.Unlock()
		if !s.begin(ctx, l, completely) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			continue
		}
		if l.filter != filter { // the reading to join has ended meanwhile
			s.end(l)
			continue
		}
		return s.readForCaller(ctx, l)
	}
}

// readForCaller reads a list whose rows the caller needs, whatever it costs.
func (s *Store) readForCaller(ctx context.Context, l *list) ([]kantata.Membership, error) {
	defer s.end(l)
	release, _ := s.apart(ctx, allWrites)
	defer release()
	began := time.Now()
	rows, err := s.readCompletely(ctx, l)
	rows = slices.DeleteFunc(rows, func(m kantata.Membership) bool { return s.outdated(m.ID, began) })
	slices.SortFunc(rows, func(a, b kantata.Membership) int { return compareIDs(a.ID, b.ID) })
	return rows, err
}

func (l *list) matching(filter kantata.MembershipFilter) []kantata.Membership {
	rows := []kantata.Membership{}
	for _, m := range l.rows {
		if matches(filter, m) {
			rows = append(rows, m)
		}
	}
	slices.SortFunc(rows, func(a, b kantata.Membership) int { return compareIDs(a.ID, b.ID) })
	return rows
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
		page, err := pages.steady(ctx, 1)
		if err != nil {
			return nil, err
		}
		rows := slices.DeleteFunc(slices.Clone(page.Items), func(m kantata.Membership) bool { return s.outdated(m.ID, began) })
		if len(rows) == 0 && len(page.Items) > 0 {
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
			continue
		}
		s.store(l, Complete[kantata.Membership]{Rows: rows, Count: 1, Began: began}, true, before)
		slices.SortFunc(rows, func(a, b kantata.Membership) int { return compareIDs(a.ID, b.ID) })
		return rows, nil
	}
}

// startWrite notes that a write of the pair is in progress, until end is called.
func (s *Store) startWrite(pair kantata.Pair) (end func()) {
	step := func(n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, l := range s.listsOf(pair) {
			l.writing += n
			l.writes += max(n, 0)
		}
	}
	step(1)
	return func() { step(-1) }
}

// wrote applies an own create to the lists at hand.
func (s *Store) wrote(m kantata.Membership) {
	s.saw(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listsOf(m.Pair()) {
		if l.rows != nil {
			l.put(m)
		}
	}
}

// removed applies an own delete to the lists at hand.
func (s *Store) removed(id kantata.ID, pair kantata.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted[id] = time.Now()
	for _, l := range s.listsOf(pair) {
		l.remove(id)
	}
}

// pagesOf reads the pages of a list. Equal texts of its rows share one value: an account has many memberships of few people.
func (s *Store) pagesOf(filter kantata.MembershipFilter) Pages[kantata.Membership] {
	texts := &texts{known: map[string]*string{}}
	return Pages[kantata.Membership]{
		ID: func(m kantata.Membership) kantata.ID { return m.ID },
		Page: func(ctx context.Context, number int) (kantata.Page[kantata.Membership], error) {
			page, err := s.api.AccessGroupMembershipsPage(ctx, filter, number, kantata.MaxPerPage)
			s.saw(page.Items...)
			for i := range page.Items {
				texts.share(&page.Items[i])
			}
			return page, err
		},
	}
}

type texts struct {
	mu    sync.Mutex // guards known
	known map[string]*string
}

func (t *texts) share(m *kantata.Membership) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.AccessGroupID = kantata.ID(*t.one((*string)(&m.AccessGroupID)))
	m.UserID = kantata.ID(*t.one((*string)(&m.UserID)))
	m.AccessGroupName, m.UserName, m.CreatedAt = t.one(m.AccessGroupName), t.one(m.UserName), t.one(m.CreatedAt)
	m.CreatorID = (*kantata.ID)(t.one((*string)(m.CreatorID)))
}

func (t *texts) one(text *string) *string {
	if text == nil {
		return nil
	}
	shared, ok := t.known[*text]
	if !ok {
		value := strings.Clone(*text) // so that the row that had the text first does not stay in memory
		shared = &value
		t.known[value] = shared
	}
	return shared
}

func matches(filter kantata.MembershipFilter, m kantata.Membership) bool {
	return (filter.AccessGroupID == "" || filter.AccessGroupID == m.AccessGroupID) && (filter.UserID == "" || filter.UserID == m.UserID)
}
