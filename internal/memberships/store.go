// Package memberships reads and writes the access group memberships of one account for all resources of one provider process.
//
// Terraform calls the provider once for each resource, about ten calls at a time, and no call knows of the others. One request for
// each call would be correct and slow. A [Store] sends fewer requests in fewer round trips, and it is never less correct than that.
//
// A round. Lookups that arrive within a few milliseconds of each other are answered together (round.go): one request reads up to 200
// memberships by their IDs (`only=`), while each lookup by pair needs a request of its own.
//
// Lists. A list of an access group, or of the whole account, answers many lookups at 200 rows for each request, but no one knows
// beforehand whether the account has one page or five hundred, or how many lookups will follow. Therefore, a round that sends its
// small requests also requests the first page of a list, which tells what the rest costs. The rest is read once the small requests
// that the list would have saved amount to about a quarter of its cost (cost.go). Reading it earlier wastes pages if few lookups
// follow; reading it later costs round trips. A round waits for a list only if that is no slower than its small requests, and a
// list that fails or is slow is replaced by small requests (rule 13).
//
// What a list may say. That a row exists needs no proof: any page that shows it will do, for a minute. That a pair is absent needs a
// complete list, and holds for ten seconds (lists.go). A list of several pages is complete if no row before its last page was
// removed while it was read. Rows are in ascending ID order, so the last page begins with the same row before and after all other
// pages are read if and only if that is the case (walk.go). This run's own writes are applied to every list at hand.
//
// Writes and complete lists stay apart. A list that was read while a write of this process was in progress may or may not contain
// what was written, so it proves nothing about that pair. One semaphore keeps the two apart: a write takes 1, a list takes all. Who
// waits too long goes on without it; then, the list says what exists, but not what is absent.
//
// One pair, one writer (rule 11). A create and a delete of the same pair often meet in one run, because a renamed resource is a delete
// and a create. Both hold the pair's lock from their first lookup to their last (pair.go). A create whose pair exists gives a delete
// a moment to begin, waits for its end, and is refused otherwise. A delete removes nothing that this process created or adopted.
package memberships

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// API is what a [Store] needs of Kantata. [*kantata.Client] implements it.
type API interface {
	GetAccessGroupMembership(ctx context.Context, id kantata.ID) (kantata.Membership, error)
	AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, page, perPage int) (kantata.Page[kantata.Membership], error)
	AccessGroupMembershipsByID(ctx context.Context, ids []kantata.ID) ([]kantata.Membership, error)
	CreateAccessGroupMembership(ctx context.Context, pair kantata.Pair) (kantata.Membership, error)
	DeleteAccessGroupMembership(ctx context.Context, id kantata.ID) error
}

// Options configure a [Store].
type Options struct {
	// MaxRetries is how many times a create is sent again after a failure that turned out to have created nothing.
	MaxRetries int
	// Waits are the wait times; the zero value means [DefaultWaits].
	Waits Waits
}

// Waits are all wait times of a [Store].
type Waits struct {
	// A round starts when no lookup has arrived for Quiet, and Gather after its first lookup at the latest.
	Quiet, Gather time.Duration
	// A list may say "exists" for Exists, and a complete list may say "absent" for Absent. A round waits for a list no longer
	// than Absent, and a list that takes longer to read than it stays useful is not read again.
	Exists, Absent time.Duration
	// Cost is how long an expensive round waits for a first page that is already being read.
	Cost time.Duration
	// Blocked is how long a list that failed is not read again for a round.
	Blocked time.Duration
	// Apart is how long a write waits for a list to end, and a list for writes.
	Apart time.Duration
	// Lag is how long Kantata may show a membership after this process deleted it.
	Lag time.Duration
	// Delete is how long a create whose pair exists waits for a delete of the pair to begin.
	Delete time.Duration
	// Repeat is the wait before the first lookup after a create that failed; each further wait is twice as long.
	Repeat time.Duration
	// Pending is the overall deadline of the lookups after a create that may still be running.
	Pending time.Duration
	// Canceled is the deadline of the lookup after a create that was canceled in flight (rule 9).
	Canceled time.Duration
}

// DefaultWaits returns the wait times of the product.
func DefaultWaits() Waits {
	return Waits{
		Quiet: 5 * time.Millisecond, Gather: 25 * time.Millisecond,
		Exists: time.Minute, Absent: 10 * time.Second,
		Cost: time.Second, Blocked: time.Minute, Apart: 3 * time.Second, Lag: 1500 * time.Millisecond,
		Delete: time.Second, Repeat: 500 * time.Millisecond, Pending: 45 * time.Second, Canceled: 5 * time.Second,
	}
}

// Store reads and writes memberships. All resources and data sources of one provider process share one.
type Store struct {
	api        API
	maxRetries int
	waits      Waits
	// writes keeps own writes and complete lists apart: a write takes 1, a list takes allWrites.
	writes *semaphore.Weighted

	// mu guards all fields below and the lists, pairs, rounds and lookups that they lead to. It is never held during a request.
	mu        sync.Mutex
	gathering *round
	lists     map[kantata.MembershipFilter]*list
	pairs     map[kantata.Pair]*pair
	// deleted says when this process deleted an ID. Kantata never assigns an ID twice.
	deleted map[kantata.ID]time.Time
	// highest is the highest membership ID seen so far: what this process creates has a higher one (rule 5).
	highest int64
	// blocked is until when no complete list is read for a round, because writes kept it waiting.
	blocked time.Time
	// vainWaits counts the creates in a row that waited for a delete and saw none.
	vainWaits int
}

const allWrites = math.MaxInt64

// New returns a store over the API.
func New(api API, options Options) *Store {
	if options.Waits == (Waits{}) {
		options.Waits = DefaultWaits()
	}
	return &Store{
		api: api, maxRetries: options.MaxRetries, waits: options.Waits, writes: semaphore.NewWeighted(allWrites),
		lists: map[kantata.MembershipFilter]*list{}, pairs: map[kantata.Pair]*pair{}, deleted: map[kantata.ID]time.Time{},
	}
}

// Get returns the membership that the state knows by its ID and its pair, under that ID or under a new one (rule 2). The error is
// [ErrAbsent] only after a 404 for the ID and a complete list without the pair (rule 1).
func (s *Store) Get(ctx context.Context, id kantata.ID, pair kantata.Pair) (kantata.Membership, error) {
	s.saw(kantata.Membership{ID: id})
	byID, byPair := &lookup{id: id, pair: pair}, &lookup{pair: pair}
	err := s.ask(ctx, byID)
	switch {
	case err != nil && !errors.Is(err, errNoID):
		return kantata.Membership{}, err
	case byID.found:
		return byID.membership, nil
	}
	var pairErr error
	if !byID.absent {
		if pairErr = s.ask(ctx, byPair); pairErr == nil && byPair.found {
			return byPair.membership, nil
		}
	}
	var m kantata.Membership
	if err == nil {
		m, err = s.getByID(ctx, id)
	}
	switch {
	case err == nil && m.Pair() == pair:
		return m, nil
	case pairErr != nil:
		return kantata.Membership{}, pairErr
	case err == nil:
		return kantata.Membership{}, &contradictionError{fmt.Sprintf("membership %s is of %s, expected %s", id, m.Pair(), pair)}
	case errors.Is(err, errNoID):
		return kantata.Membership{}, ErrAbsent
	}
	return kantata.Membership{}, err
}

// GetByID returns the membership with the ID. The error is [ErrAbsent] only after a 404 for the ID.
func (s *Store) GetByID(ctx context.Context, id kantata.ID) (kantata.Membership, error) {
	q := &lookup{id: id}
	err := s.ask(ctx, q)
	if err == nil && q.found {
		return q.membership, nil
	}
	var m kantata.Membership
	if err == nil {
		m, err = s.getByID(ctx, id)
	}
	if errors.Is(err, errNoID) {
		err = ErrAbsent
	}
	return m, err
}

// getByID requests one membership. The error is errNoID after a 404.
func (s *Store) getByID(ctx context.Context, id kantata.ID) (kantata.Membership, error) {
	m, err := s.api.GetAccessGroupMembership(ctx, id)
	switch {
	case kantata.IsNotFound(err):
		err = errNoID
	case err == nil:
		s.saw(m)
	}
	return m, err
}

// Find returns the membership of the pair. If the pair exists twice, it is the one with the lowest ID. The error is [ErrAbsent] only
// after a lookup of the pair, or a complete list, without it.
func (s *Store) Find(ctx context.Context, pair kantata.Pair) (kantata.Membership, error) {
	q := &lookup{pair: pair}
	if err := s.ask(ctx, q); err != nil {
		return kantata.Membership{}, err
	}
	if !q.found {
		return kantata.Membership{}, ErrAbsent
	}
	return q.membership, nil
}

// List yields every membership that matches the filter, each once, in ascending ID order. It yields nothing but the error if the
// list cannot be read completely.
func (s *Store) List(ctx context.Context, filter kantata.MembershipFilter) iter.Seq2[kantata.Membership, error] {
	return s.Stream(ctx, filter, 0)
}

// Stream is List with a limit; 0 means no limit. With a limit that fits on a page, it requests only that page.
func (s *Store) Stream(ctx context.Context, filter kantata.MembershipFilter, limit int) iter.Seq2[kantata.Membership, error] {
	return func(yield func(kantata.Membership, error) bool) {
		rows, err := s.atMost(ctx, filter, limit)
		if err != nil {
			yield(kantata.Membership{}, err)
			return
		}
		for _, m := range rows {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (s *Store) atMost(ctx context.Context, filter kantata.MembershipFilter, limit int) ([]kantata.Membership, error) {
	if limit > 0 && limit <= kantata.MaxPerPage {
		page, err := s.api.AccessGroupMembershipsPage(ctx, filter, 1, limit)
		if err != nil || len(page.Items) >= min(limit, page.Count) {
			return page.Items[:min(limit, len(page.Items))], err
		}
	}
	rows, err := s.completeRows(ctx, filter)
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	return rows, err
}

// apart waits for the semaphore, but not longer than Waits.Apart. If it was not acquired, release does nothing.
func (s *Store) apart(ctx context.Context, n int64) (release func(), acquired bool) {
	ctx, cancel := context.WithTimeout(ctx, s.waits.Apart)
	defer cancel()
	if s.writes.Acquire(ctx, n) != nil {
		return func() {}, false
	}
	return func() { s.writes.Release(n) }, true
}

// saw keeps the highest ID up to date. It is called with everything that Kantata returns.
func (s *Store) saw(rows ...kantata.Membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range rows {
		s.highest = max(s.highest, m.ID.Int64())
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
