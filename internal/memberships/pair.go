package memberships

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// pair is what this process does and has done with one pair (rule 11).
type pair struct {
	// lock is held by the create or delete that works on the pair, from its first lookup to its last.
	lock *semaphore.Weighted

	// The store's mutex guards the rest.

	// deletes counts the deletes that have begun and not ended, and ended those that have. changed is closed and replaced when one
	// of the two changes. looked is what ended was when a create last looked up the pair.
	deletes, ended, looked int
	changed                chan struct{}
	// deleteErr is why a delete of the pair failed: it may still take effect, so the pair is not created any more.
	deleteErr error

	// claimed means that a create is in progress, has made the membership, or may have made it.
	claimed bool
	// made is the membership that this process created or adopted. If inDoubt, it may have created one with an ID higher than above.
	made    kantata.ID
	inDoubt bool
	above   int64
	// refused means that a create was refused because the pair exists.
	refused bool
}

func (s *Store) pair(key kantata.Pair) *pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pairs[key]
	if p == nil {
		p = &pair{lock: semaphore.NewWeighted(1), changed: make(chan struct{})}
		s.pairs[key] = p
	}
	return p
}

// ours reports a membership that this process created, adopted, or may have created. The mutex is held.
func (p *pair) ours(id kantata.ID) bool { return id == p.made || p.inDoubt && id.Int64() > p.above }

// startDelete announces a delete to the creates of the pair, until end is called.
func (s *Store) startDelete(p *pair) (end func()) {
	step := func(deletes, ended int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.deletes += deletes
		p.ended += ended
		close(p.changed)
		p.changed = make(chan struct{})
	}
	step(1, 0)
	return func() { step(-1, 1) }
}

// awaitDelete is called without the lock by a create that found its pair: another resource may be about to give the pair up, and no
// call says so. It waits a moment for a delete to begin, and then for its end. It returns false if none began; then, the pair counts as
// refused, so that a later delete cannot undo what the refusal said. An error is that of ctx.
func (s *Store) awaitDelete(ctx context.Context, p *pair) (bool, error) {
	timer := time.NewTimer(s.deleteWait())
	defer timer.Stop()
	for expired := false; ; {
		s.mu.Lock()
		changed := p.changed
		switch {
		case p.deletes == 0 && p.ended > p.looked:
			s.vainWaits = 0
			s.mu.Unlock()
			return true, nil
		case expired && p.deletes == 0:
			s.vainWaits++
			p.refused = true
			s.mu.Unlock()
			return false, nil
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			expired = true
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// deleteWait is shorter after each wait in vain: a waiting create fills one of Terraform's slots (ten by default), and if creates fill
// them all, no delete can begin. Renaming 300 keys must not take 300 waits (rule 12).
func (s *Store) deleteWait() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waits.Delete >> min(s.vainWaits, 5)
}

// RefuseCreate records that a create of the pair was refused while it was planned: a later delete of the pair in this process is
// refused as well (rule 11).
func (s *Store) RefuseCreate(key kantata.Pair) {
	p := s.pair(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.refused = true
}
