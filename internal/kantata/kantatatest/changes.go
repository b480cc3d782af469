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
	s.commitDue()
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

// lateChange is a write that goes on after its request has failed.
type lateChange struct {
	row     Membership
	removes bool
	looks   int       // further requests that arrive before it
	due     time.Time // zero if the write waits for requests only
}

// commitDue makes the late changes that are due.
func (s *Server) commitDue() { s.commitLate(false) }

// commitLate makes the late changes that no longer wait for requests or for a time. Called with mu held.
func (s *Server) commitLate(isRequest bool) {
	now := time.Now()
	waiting := s.late[:0]
	for _, l := range s.late {
		switch {
		case isRequest && l.looks > 0:
			l.looks--
			waiting = append(waiting, l)
		case l.looks > 0, now.Before(l.due), !isRequest && l.due.IsZero():
			waiting = append(waiting, l)
		default:
			s.commit(l)
		}
	}
	s.late = waiting
}

// commit makes a late change. If its pair was created in the meantime, the dialect decides as for any second POST.
func (s *Server) commit(l lateChange) {
	if l.removes {
		s.remove(l.row.ID, byRequest)
		return
	}
	if s.dialect.Duplicates == DuplicateCreatesSecond || len(s.store.find(&l.row.AccessGroupID, &l.row.UserID)) == 0 {
		s.insert(l.row, byRequest)
	}
}
