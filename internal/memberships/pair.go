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

	// deletes counts the deletes in progress, and ended those that have ended. changed is closed and replaced when one of them changes.
	deletes, ended int
	changed        chan struct{}
	// deleteErr is why a delete of the pair failed: it may still take effect, so the pair is no longer created.
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

// awaitDelete is called without the lock by a create that found its pair after the given number of deletes of the pair had ended: another
// resource may be about to give the pair up, and no call says so. It waits a moment for a delete to begin, and then for its end. It returns
// false if none began; then, the pair counts as refused, so that a later delete cannot undo what the refusal said. An error is that of ctx.
//
// The moment is shorter after each wait in vain: if waiting creates fill all of Terraform's slots (ten by default), no delete can begin,
// and renaming 300 keys must not take 300 waits (rule 12).
func (s *Store) awaitDelete(ctx context.Context, p *pair, ended int) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	timer := time.NewTimer(deleteWait >> min(s.vainWaits, 5))
	defer timer.Stop()
	for expired := false; ; {
		switch {
		case p.deletes == 0 && p.ended > ended:
			s.vainWaits = 0
			return true, nil
		case expired && p.deletes == 0:
			s.vainWaits++
			p.refused = true
			return false, nil
		}
		changed := p.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			expired = true
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

// RefuseCreate records that a create of the pair was refused while it was planned: a later delete of the pair in this process is
// refused as well (rule 11).
func (s *Store) RefuseCreate(key kantata.Pair) {
	p := s.pair(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.refused = true
}
