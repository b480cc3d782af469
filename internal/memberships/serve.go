package memberships

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

const (
	// maxIDs is how many ids go into one `only=` request.
	maxIDs = 200
	// parallel bounds the requests that one walk or one round of pair look-ups has under way.
	parallel = 8
	// patience is how many small requests are made one after the other before the price of a walk is asked.
	patience = 3
)

// lookup is a question on its way to an answer: by id, or by pair when it has no id.
type lookup struct {
	id   kantata.ID
	pair kantata.Pair
	// beforeCreate takes a whole snapshot's word for an absence: the POST that follows decides anyway.
	beforeCreate bool

	found      bool
	membership kantata.Membership
	// direct says that Kantata was asked for just this pair.
	direct bool
	err    error
}

// accepts reports whether m is what the look-up is about; somebody else's row never is.
func (l *lookup) accepts(m kantata.Membership) bool {
	return (l.id == "" || m.ID == l.id) && (l.pair == kantata.Pair{} || m.Pair() == l.pair)
}

// serve answers a batch: from the snapshot, by small requests (renting) or by walking the whole list (buying).
func (r *Reader) serve(ctx context.Context, batch []*lookup) {
	open := r.settle(batch)
	if len(open) == 0 {
		return
	}
	buy, from, err := r.weigh(ctx, open)
	if err == nil && buy {
		_, err = r.walks.do(ctx, kantata.MembershipFilter{}, func(ctx context.Context) (*snapshot, error) {
			return r.buy(ctx, from)
		})
		open = r.settle(open)
	}
	if err != nil {
		for _, l := range open {
			l.err = err
		}
		return
	}
	r.rent(ctx, open)
}

// settle answers what the snapshot can answer and returns the rest.
func (r *Reader) settle(batch []*lookup) []*lookup {
	r.mu.Lock()
	defer r.mu.Unlock()
	var open []*lookup
	for _, l := range batch {
		if !r.snapshot.answer(l) {
			open = append(open, l)
		}
	}
	return open
}

// weigh decides between renting and buying. It buys once what was paid for small requests reaches a quarter of a walk's price,
// so what it pays before a walk is at most a quarter of the walk, plus the few requests made while the price is unknown.
// The price is what page one says; where that decides to buy, the page is returned as the walk's first.
func (r *Reader) weigh(ctx context.Context, open []*lookup) (buy bool, from *beginning, err error) {
	r.mu.Lock()
	whole := r.snapshot.fresh() && r.snapshot.whole
	pages, rents := r.pages, r.rents
	r.mu.Unlock()
	cost := price(open)
	switch {
	case whole:
		return false, nil, nil
	case pages > 0:
		return 4*(rents+cost) >= pages, nil, nil
	case rents == 0 && cost == 1, len(open) == 1 && rents < patience:
		return false, nil, nil
	}
	from, err = r.begin(ctx, kantata.MembershipFilter{})
	if err != nil {
		return false, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pages = max(pageCount(from.first), 1)
	if 4*(rents+cost) >= r.pages {
		return true, from, nil
	}
	r.rents++
	return false, nil, nil
}

// price returns how many small requests the look-ups take.
func price(open []*lookup) int {
	ids, pairs := 0, 0
	for _, l := range open {
		if l.id != "" {
			ids++
		} else {
			pairs++
		}
	}
	return pairs + (ids+maxIDs-1)/maxIDs
}

// rent answers by small requests: ids together, pairs one each.
func (r *Reader) rent(ctx context.Context, open []*lookup) {
	r.mu.Lock()
	r.rents += price(open)
	r.mu.Unlock()

	var group errgroup.Group
	group.SetLimit(parallel)
	byID := map[kantata.ID][]*lookup{}
	var ids []kantata.ID
	for _, l := range open {
		if l.id == "" {
			group.Go(func() error {
				l.membership, l.found, l.err = r.lookDirect(ctx, l.pair)
				l.direct = true
				return nil
			})
			continue
		}
		if byID[l.id] == nil {
			ids = append(ids, l.id)
		}
		byID[l.id] = append(byID[l.id], l)
	}
	for len(ids) > 0 {
		chunk := ids[:min(len(ids), maxIDs)]
		ids = ids[len(chunk):]
		group.Go(func() error {
			rows, err := r.api.AccessGroupMembershipsByID(ctx, chunk)
			for _, id := range chunk {
				for _, l := range byID[id] {
					l.err = err
				}
			}
			for _, m := range rows {
				for _, l := range byID[m.ID] {
					if err == nil && l.accepts(m) && !r.deleted(m.ID) {
						l.membership, l.found = m, true
					}
				}
			}
			return nil
		})
	}
	_ = group.Wait() // each look-up carries its own error
}
