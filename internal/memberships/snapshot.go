package memberships

import (
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

const (
	// maxAge is how long a snapshot may answer that a membership is there.
	maxAge = time.Minute
	// maxAgeBeforeCreate is how long it may tell a create that its pair is probably absent; the POST decides.
	maxAgeBeforeCreate = 2 * time.Minute
)

// snapshot is what a walk saw, edited by our own writes since. The reader's mutex guards it; a nil snapshot knows nothing.
type snapshot struct {
	filter kantata.MembershipFilter
	taken  time.Time // when the walk began
	whole  bool
	// wholeButOurs says that what the walk lacks is explained by creates of our own that were under way. It is enough for
	// the look before a create, and for nothing else.
	wholeButOurs bool

	rows []kantata.Membership // in the API's order; a deleted one leaves a zero row
	byID map[kantata.ID]int
	// pairs is made by the first look-up by pair; most plans have none.
	pairs map[kantata.Pair]int
	// replayed is how much of the journal of creates the snapshot holds.
	replayed int
}

func (s *snapshot) fresh() bool { return s != nil && time.Since(s.taken) <= maxAge }

// put adds a row that the snapshot does not hold yet.
func (s *snapshot) put(m kantata.Membership) {
	if _, ok := s.byID[m.ID]; ok {
		return
	}
	s.byID[m.ID] = len(s.rows)
	s.rows = append(s.rows, m)
	if s.pairs != nil {
		s.indexPair(len(s.rows) - 1)
	}
}

// byPair returns where the pair's row is. Where the pair is there twice, the one with the lowest id counts.
func (s *snapshot) byPair(pair kantata.Pair) (i int, ok bool) {
	if s.pairs == nil {
		s.pairs = make(map[kantata.Pair]int, len(s.rows))
		for i := range s.rows {
			s.indexPair(i)
		}
	}
	i, ok = s.pairs[pair]
	return i, ok
}

func (s *snapshot) indexPair(i int) {
	m := s.rows[i]
	if m.ID == "" {
		return
	}
	if known, ok := s.pairs[m.Pair()]; !ok || m.ID.Int64() < s.rows[known].ID.Int64() {
		s.pairs[m.Pair()] = i
	}
}

func (s *snapshot) remove(id kantata.ID) {
	i, ok := s.byID[id]
	if !ok {
		return
	}
	if pair := s.rows[i].Pair(); s.pairs != nil && s.pairs[pair] == i {
		delete(s.pairs, pair)
	}
	delete(s.byID, id)
	s.rows[i] = kantata.Membership{}
}

// answer settles l where the snapshot may: "there", or "lacks" to those who then look directly (by id) or let the
// POST decide (before a create).
func (s *snapshot) answer(l *lookup) bool {
	switch {
	case s == nil:
		return false
	case l.beforeCreate:
		if time.Since(s.taken) > maxAgeBeforeCreate {
			return false
		}
	case !s.fresh():
		return false
	}
	i, ok := s.byID[l.id]
	if l.id == "" {
		i, ok = s.byPair(l.pair)
	}
	if ok && l.accepts(s.rows[i]) {
		l.membership, l.found = s.rows[i], true
		return true
	}
	return s.whole && l.id != "" || (s.whole || s.wholeButOurs) && l.beforeCreate
}

// journal records our own writes of the process, so that an answer that was under way during a write is corrected by it.
type journal struct {
	created []kantata.Membership
	// deleted ids stay: Kantata gives no id twice.
	deleted map[kantata.ID]bool
}

func (j *journal) len() int { return len(j.created) + len(j.deleted) }

// replay brings the snapshot up to date with our own writes. The reader's mutex is held.
func (j *journal) replay(s *snapshot) {
	for _, m := range j.created[s.replayed:] {
		if matches(s.filter, m) {
			s.put(m)
		}
	}
	s.replayed = len(j.created)
	for id := range j.deleted {
		s.remove(id)
	}
}

// creating notes that a create of ours is under way, until the returned function is called.
func (r *Reader) creating() (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.creates.begun++
	r.creates.underWay++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.creates.underWay--
	}
}

// recordCreated notes a membership that we created.
func (r *Reader) recordCreated(m kantata.Membership) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.journal.created = append(r.journal.created, m)
	if r.snapshot != nil {
		r.snapshot.put(m)
		r.snapshot.replayed = len(r.journal.created)
	}
	r.looks.forget()
}

// recordDeleted notes an id that we know to be deleted.
func (r *Reader) recordDeleted(id kantata.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal.deleted == nil {
		r.journal.deleted = map[kantata.ID]bool{}
	}
	r.journal.deleted[id] = true
	if r.snapshot != nil {
		r.snapshot.remove(id)
	}
	r.looks.forget()
}

func (r *Reader) deleted(id kantata.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal.deleted[id]
}

// row returns the i-th row, a zero one where it was deleted; more is false past the end. Rows are read one by one, since an account
// may have too many for a copy.
func (r *Reader) row(s *snapshot, i int) (m kantata.Membership, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i == 0 {
		r.journal.replay(s)
	}
	if i >= len(s.rows) {
		return m, false
	}
	return s.rows[i], true
}
