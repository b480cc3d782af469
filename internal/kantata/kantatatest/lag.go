package kantatatest

import (
	"slices"
	"time"
)

// SetListLag delays the effect of later changes on lists by the lag. A GET of one ID is not affected. 0 ends the lag.
func (s *Server) SetListLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag, s.lagSince = lag, time.Now()
}

// listed returns the IDs that a list counts, in ascending order. The slice may belong to the store. Called with mu held.
func (s *Server) listed(f filter) []int64 {
	ids := s.store.find(f.accessGroupID, f.userID)
	if f.isOnly {
		ids = nil
		for _, id := range f.only {
			if m, ok := s.store.counted(id); ok && f.matches(m) {
				ids = append(ids, id)
			}
		}
	}
	if s.lag == 0 {
		return ids
	}
	shown := time.Now().Add(-s.lag)
	if shown.Before(s.lagSince) {
		shown = s.lagSince
	}
	ids = slices.Clone(ids)
	for _, c := range slices.Backward(s.changes) {
		switch m := c.Membership; {
		case !c.At.After(shown):
			return ids
		case c.Added:
			ids = without(ids, m.ID)
		case f.matches(m) && !s.store.unlisted[m.AccessGroupID]:
			ids = with(ids, m.ID)
		}
	}
	return ids
}
