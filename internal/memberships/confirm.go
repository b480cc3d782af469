package memberships

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// errContradiction is wrapped where two parts of an answer cannot both be true; it says nothing about what exists.
var errContradiction = errors.New("the answers of Kantata contradict each other")

// confirmations states absences, by rule 1. Pairs of one group that await it together share one list of the group.
type confirmations struct {
	reader *Reader

	mu     sync.Mutex
	groups map[kantata.ID]*groupCommit[*lookup]
}

// gone looks directly: [ErrGone] takes a 404 for the id and a list without the pair. The pair under a new id is returned.
func (c *confirmations) gone(ctx context.Context, id kantata.ID, pair kantata.Pair) (kantata.Membership, error) {
	m, there, err := c.reader.getDirect(ctx, id)
	if err != nil {
		return kantata.Membership{}, err
	}
	if there && m.Pair() == pair {
		return m, nil
	}
	l := &lookup{pair: pair}
	if err := c.group(pair.AccessGroupID).submit(ctx, l); err != nil {
		return kantata.Membership{}, err
	}
	switch {
	case l.err != nil || l.found:
		return l.membership, l.err
	case there:
		return kantata.Membership{}, fmt.Errorf("%w: membership %s is of %s, expected %s", errContradiction, id, m.Pair(), pair)
	}
	return kantata.Membership{}, ErrGone
}

func (c *confirmations) group(id kantata.ID) *groupCommit[*lookup] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups == nil {
		c.groups = map[kantata.ID]*groupCommit[*lookup]{}
	}
	if c.groups[id] == nil {
		c.groups[id] = &groupCommit[*lookup]{do: c.look}
	}
	return c.groups[id]
}

// look answers for pairs of one group.
func (c *confirmations) look(ctx context.Context, batch []*lookup) {
	open := batch
	if len(batch) > 1 {
		open = c.lookInGroup(ctx, batch)
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, l := range open {
		group.Go(func() error {
			l.membership, l.found, l.err = c.reader.lookDirect(ctx, l.pair)
			return nil
		})
	}
	_ = group.Wait() // each look-up carries its own error
}

// lookInGroup lists the group, where that takes fewer requests than looking at each pair, and returns the look-ups that are still open.
func (c *confirmations) lookInGroup(ctx context.Context, batch []*lookup) []*lookup {
	filter := kantata.MembershipFilter{AccessGroupID: batch[0].pair.AccessGroupID}
	from, err := c.reader.begin(ctx, filter)
	if err != nil || pageCount(from.first) >= len(batch) {
		return batch
	}
	s, _, err := c.reader.walk(ctx, filter, from)
	if err != nil {
		return batch
	}
	var open []*lookup
	for _, l := range batch {
		if i, ok := s.byPair(l.pair); ok {
			l.membership, l.found = s.rows[i], true
		} else if !s.whole {
			open = append(open, l)
		}
	}
	return open
}

// getDirect asks for the id itself. Not there means that Kantata answered 404, or that we deleted it.
func (r *Reader) getDirect(ctx context.Context, id kantata.ID) (m kantata.Membership, there bool, err error) {
	m, err = r.api.GetAccessGroupMembership(ctx, id)
	switch {
	case kantata.IsNotFound(err):
		return kantata.Membership{}, false, nil
	case err != nil:
		return kantata.Membership{}, false, err
	case m.ID != id:
		return kantata.Membership{}, false, fmt.Errorf("%w: asked for membership %s, got %s", errContradiction, id, m.ID)
	case r.deleted(id):
		return kantata.Membership{}, false, nil
	}
	return m, true, nil
}

// lookDirect lists by both ids. Where the pair is there twice, the one with the lowest id counts.
func (r *Reader) lookDirect(ctx context.Context, pair kantata.Pair) (m kantata.Membership, there bool, err error) {
	filter := kantata.MembershipFilter(pair)
	page, err := r.api.AccessGroupMembershipsPage(ctx, filter, 1, kantata.MaxPerPage)
	if err != nil {
		return kantata.Membership{}, false, err
	}
	if len(page.Items) == 0 && page.Count > 0 {
		return kantata.Membership{}, false, fmt.Errorf("%w: a list of %d memberships of %s shows none", errContradiction, page.Count, pair)
	}
	for _, row := range page.Items {
		if row.Pair() != pair {
			return kantata.Membership{}, false, fmt.Errorf("%w: asked for %s, got %s", errContradiction, pair, row.Pair())
		}
		if !r.deleted(row.ID) && (!there || row.ID.Int64() < m.ID.Int64()) {
			m, there = row, true
		}
	}
	return m, there, nil
}
