// Package memberships reads and writes access group memberships for all resources of one provider process with few requests.
package memberships

import (
	"context"
	"errors"
	"sync"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// API is what the reader and the writer need of Kantata; [*kantata.Client] is one.
type API interface {
	GetAccessGroupMembership(ctx context.Context, id kantata.ID) (kantata.Membership, error)
	AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, page, perPage int) (kantata.Page[kantata.Membership], error)
	AccessGroupMembershipsByID(ctx context.Context, ids []kantata.ID) ([]kantata.Membership, error)
	CreateAccessGroupMembership(ctx context.Context, pair kantata.Pair) (kantata.Membership, error)
	DeleteAccessGroupMembership(ctx context.Context, id kantata.ID) error
}

// ErrGone is returned for a membership that definitely does not exist.
var ErrGone = errors.New("the access group membership does not exist")

// Reader answers look-ups of memberships. It is safe for concurrent use; a look-up's context ends that look-up's own wait only.
type Reader struct {
	api     API
	looks   flights[question, kantata.Membership]
	walks   flights[kantata.MembershipFilter, *snapshot]
	small   groupCommit[*lookup]
	confirm confirmations

	mu       sync.Mutex
	rents    int // what small requests have cost since the last walk
	pages    int // the price of a walk; 0 while unknown
	snapshot *snapshot
	journal  journal
	creates  struct{ begun, underWay int }
}

// question identifies a look-up; one that is asked twice at the same time is answered once.
type question struct {
	id   kantata.ID
	pair kantata.Pair
}

// NewReader returns a reader over the API.
func NewReader(api API) *Reader {
	r := &Reader{api: api}
	r.small.do = r.serve
	r.confirm.reader = r
	return r
}

// Get returns the membership that the state knows by id and pair: under its id, or under a new one when it was removed and
// added again by hand (rule 2). [ErrGone] is returned only by rule 1.
func (r *Reader) Get(ctx context.Context, id kantata.ID, pair kantata.Pair) (kantata.Membership, error) {
	return r.looks.do(ctx, question{id, pair}, func(ctx context.Context) (kantata.Membership, error) {
		l := &lookup{id: id, pair: pair}
		if err := r.ask(ctx, l); err != nil {
			return kantata.Membership{}, err
		}
		if l.found {
			return l.membership, nil
		}
		return r.confirm.gone(ctx, id, pair)
	})
}

// GetByID returns the membership with the id; [ErrGone] only after a 404 to a direct look.
func (r *Reader) GetByID(ctx context.Context, id kantata.ID) (kantata.Membership, error) {
	return r.looks.do(ctx, question{id: id}, func(ctx context.Context) (kantata.Membership, error) {
		l := &lookup{id: id}
		if err := r.ask(ctx, l); err != nil {
			return kantata.Membership{}, err
		}
		if l.found {
			return l.membership, nil
		}
		m, there, err := r.getDirect(ctx, id)
		if err == nil && !there {
			err = ErrGone
		}
		return m, err
	})
}

// Find returns the membership of the pair. Absence ([ErrGone]) is stated only after a direct look at the pair.
func (r *Reader) Find(ctx context.Context, pair kantata.Pair) (kantata.Membership, error) {
	return r.looks.do(ctx, question{pair: pair}, func(ctx context.Context) (kantata.Membership, error) {
		l := &lookup{pair: pair}
		if err := r.ask(ctx, l); err != nil {
			return kantata.Membership{}, err
		}
		if l.found {
			return l.membership, nil
		}
		return kantata.Membership{}, ErrGone
	})
}

// ask waits until the look-up has its answer. After an error the look-up must not be read: who left a batch may have left it
// to a request that is still writing.
func (r *Reader) ask(ctx context.Context, l *lookup) error {
	if len(r.settle([]*lookup{l})) == 0 {
		return nil
	}
	if err := r.small.submit(ctx, l); err != nil {
		return err
	}
	return l.err
}
