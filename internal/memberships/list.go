package memberships

import (
	"context"
	"errors"
	"iter"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxWalks is how often a list is read when it shifts meanwhile.
const maxWalks = 3

var errShifting = errors.New("access group memberships keep changing while they are being listed, so the list cannot be read as a whole; try again")

// List yields every membership that matches, each once, in the API's order; pages are fetched in parallel.
// A walk that shifted under a concurrent change is repeated; after an error nothing more is yielded.
func (r *Reader) List(ctx context.Context, filter kantata.MembershipFilter) iter.Seq2[kantata.Membership, error] {
	return func(yield func(kantata.Membership, error) bool) {
		s, err := r.list(ctx, filter)
		if err != nil {
			yield(kantata.Membership{}, err)
			return
		}
		for i := 0; ; i++ {
			m, more := r.row(s, i)
			if !more || m.ID != "" && !yield(m, nil) {
				return
			}
		}
	}
}

// list returns a snapshot that is whole.
func (r *Reader) list(ctx context.Context, filter kantata.MembershipFilter) (*snapshot, error) {
	all := filter == kantata.MembershipFilter{}
	r.mu.Lock()
	known := r.snapshot
	usable := all && known.fresh() && known.whole
	r.mu.Unlock()
	if usable {
		return known, nil
	}
	for range maxWalks {
		s, err := r.walks.do(ctx, filter, func(ctx context.Context) (*snapshot, error) {
			if all {
				return r.buy(ctx, nil)
			}
			s, _, err := r.walk(ctx, filter, nil)
			return s, err
		})
		if err != nil {
			return nil, err
		}
		if s.whole {
			return s, nil
		}
	}
	return nil, errShifting
}

// Stream yields page by page in the API's order, at most limit (0: no limit), fetching no more and no larger pages than that takes.
// Where the list shifts meanwhile, it is read again for what was not yielded yet.
func (r *Reader) Stream(ctx context.Context, filter kantata.MembershipFilter, limit int) iter.Seq2[kantata.Membership, error] {
	return func(yield func(kantata.Membership, error) bool) {
		s := &stream{reader: r, filter: filter, limit: limit, perPage: kantata.MaxPerPage, yielded: map[kantata.ID]bool{}, yield: yield}
		if limit > 0 {
			s.perPage = min(limit, kantata.MaxPerPage)
		}
		for range maxWalks {
			if done := s.pass(ctx); done {
				return
			}
		}
		yield(kantata.Membership{}, errShifting)
	}
}

type stream struct {
	reader  *Reader
	filter  kantata.MembershipFilter
	limit   int
	perPage int
	yielded map[kantata.ID]bool
	yield   func(kantata.Membership, error) bool
}

// pass reads the pages once; done is false when the list shifted.
func (s *stream) pass(ctx context.Context) (done bool) {
	seen := map[kantata.ID]bool{}
	low, high := 0, 0
	for number := 1; ; number++ {
		page, err := s.reader.api.AccessGroupMembershipsPage(ctx, s.filter, number, s.perPage)
		if err != nil {
			s.yield(kantata.Membership{}, err)
			return true
		}
		if number == 1 {
			low, high = page.Count, page.Count
		}
		low, high = min(low, page.Count), max(high, page.Count)
		for _, m := range page.Items {
			seen[m.ID] = true
			if s.yielded[m.ID] || s.reader.deleted(m.ID) {
				continue
			}
			s.yielded[m.ID] = true
			if !s.yield(m, nil) || len(s.yielded) == s.limit {
				return true
			}
		}
		if len(page.Items) == 0 || number >= pageCount(page) {
			return low == high && len(seen) == high
		}
	}
}
