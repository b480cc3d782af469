package kantatatest

import (
	"slices"
	"time"
)

// Change is one membership that was added or removed.
type Change struct {
	Membership Membership
	Added      bool // false if it was removed
	Outside    bool // the test made the change without a request
	At         time.Time
}

// Values of Change.Outside.
const (
	byRequest = false
	outside   = true
)

// Changes returns every change since the start, in order.
func (s *Server) Changes() []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changes)
}

// insert stores a membership and records the change. Called with mu held.
func (s *Server) insert(m Membership, outside bool) {
	s.store.insert(m)
	s.changes = append(s.changes, Change{Membership: m, Added: true, Outside: outside, At: time.Now()})
}

// remove removes a membership, if it exists, and records the change. Called with mu held.
func (s *Server) remove(id int64, outside bool) {
	m, ok := s.store.rows[id]
	if !ok {
		return
	}
	s.store.remove(id)
	s.changes = append(s.changes, Change{Membership: m, Outside: outside, At: time.Now()})
}
