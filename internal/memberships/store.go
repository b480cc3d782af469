// Package memberships reads and writes the access group memberships of one account for all resources of one provider process.
//
// Terraform calls the provider once for each resource, about ten calls at a time, and no call knows of the others. One request for
// each call would be correct and slow. A [Store] sends fewer requests in fewer round trips, and is never less correct than that.
//
// Rounds (round.go, package rounds). Lookups that arrive within a few milliseconds of each other are answered together: one request
// reads up to 200 memberships by their IDs (`only=`), while each lookup by pair needs a request of its own.
//
// Cost (package cost). A list of a group, or of the whole account, answers many lookups with 200 rows for each request. But no one
// knows whether the account has one page or five hundred, or how many lookups will follow. So a round that sends its small requests
// also requests the first page of a list, which tells what the rest costs. The rest is read once the small requests that the list
// would have saved reach a quarter to a third of its cost: earlier, it wastes pages if few lookups follow; later, it costs round trips. A
// short list of the account is read in parts, as far as the target for requests allows. A round waits for a list only if that is hardly
// slower than its small requests. These also replace a list that fails or is slow (rule 13).
//
// Lists (lists.go, package paging). That a row exists needs no proof: any page that shows it will do, for a minute. That a pair is
// absent needs a complete list, and holds for ten seconds. A list of several pages is complete if no row before its last page was
// removed while it was read. Rows are in ascending ID order, so the last page begins with the same row before and after all other
// pages are read if and only if that is the case. A short list that lookups wait for is proven in one round trip instead, by the rows
// around the seams between its pages. Own deletes would move rows, so they and lists are kept apart (package apart). Own creates add
// rows at the end. Every list that is at hand or is being read includes what this process has written.
//
// Pairs (pair.go, create.go, delete.go). A renamed resource is a delete and a create of one pair, in any order (rule 11). Both hold
// the pair's lock from their first lookup to their last. A create whose pair exists gives a delete a moment to begin, waits for its
// end, and is refused otherwise. A delete removes nothing that this process created or adopted.
package memberships

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/apart"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/rounds"
)

// API is what a [Store] needs of Kantata. [*kantata.Client] implements it.
type API interface {
	GetAccessGroupMembership(ctx context.Context, id kantata.ID) (kantata.Membership, error)
	AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, page,
		perPage int) (kantata.Page[kantata.Membership], error)
	AccessGroupMembershipsByID(ctx context.Context, ids []kantata.ID) ([]kantata.Membership, error)
	CreateAccessGroupMembership(ctx context.Context, pair kantata.Pair, sendBy time.Time) (kantata.Membership, error)
	DeleteAccessGroupMembership(ctx context.Context, id kantata.ID) error
}

const (
	// quiet and gather bound the wait for more lookups (package rounds).
	quiet, gather = 5 * time.Millisecond, 50 * time.Millisecond
	// existsFor is how long a list may say "exists", and absentFor how long a complete list may say "absent". A round waits absentFor for
	// a list.
	existsFor, absentFor = time.Minute, 10 * time.Second
	// quickPages is how many pages the list of a group may have to be proven quickly.
	quickPages = 6
	// costWait is how long lookups by pair wait for a first page that is being read.
	costWait = time.Second
	// blockedFor is how long rounds do not read a list that failed.
	blockedFor = time.Minute
	// saved counts as spent for each lookup by pair that a list answers: one that saves three times its cost is read again when it is old.
	saved = 1.0 / 9
	// lag is how long lists may show what this process deleted, or may not show what it created.
	lag = 1500 * time.Millisecond
	// deleteWait is how long a create whose pair exists waits for a delete to begin.
	deleteWait = time.Second
	// repeatWait is the wait before the first lookup after a create that failed; each next wait is twice as long. pendingFor is the overall
	// deadline of these lookups, and canceledFor that of the one after a create that was canceled in flight (rule 9).
	repeatWait, pendingFor, canceledFor = 500 * time.Millisecond, 45 * time.Second, 5 * time.Second
)

// Store reads and writes memberships. All resources and data sources of one provider process share one.
type Store struct {
	api        API
	maxRetries int
	apart      apart.Apart // own writes, and lists that must prove an absence
	rounds     rounds.Gatherer[*lookup]
	creates    kantata.Writes // all creates, or all deletes, fail once (rule 12)
	deletes    kantata.Writes

	// mu guards all below, and the lists, pairs and lookups that they lead to. It is never held during a request.
	mu    sync.Mutex
	lists map[kantata.MembershipFilter]*list
	pairs map[kantata.Pair]*pair
	// idsBlocked is until when no request asks for several IDs, because one failed, and blocked until when rounds read no list, because one
	// took too long: that time is not multiplied by the number of groups (rule 12).
	idsBlocked, blocked time.Time
	deleted             map[kantata.ID]time.Time // when this process deleted an ID; Kantata never assigns one twice
	created             []created                // what this process created or adopted, the latest last
	unordered           bool                     // rows are not in ascending ID order, so a create can move them from page to page
	asked               int                      // how many lookups there were
	highest             int64                    // the highest membership ID seen: what is created later has a higher one (rule 5)
	vainWaits           int                      // how many creates in a row waited in vain for a delete
}

// New returns a store over the API. A create is sent again up to maxRetries times after a failure that turned out to have created nothing.
func New(api API, maxRetries int) *Store {
	s := &Store{
		api: api, maxRetries: maxRetries,
		lists: map[kantata.MembershipFilter]*list{}, pairs: map[kantata.Pair]*pair{}, deleted: map[kantata.ID]time.Time{},
	}
	s.rounds = rounds.Gatherer[*lookup]{Quiet: quiet, Most: gather, Serve: s.serve}
	return s
}

// Get returns the membership that the state knows by its ID and its pair, under that ID or under a new one (rule 2). The error is
// [ErrAbsent] only after a 404 for the ID and a complete list without the pair (rule 1). If the pair is empty, only the ID counts.
func (s *Store) Get(ctx context.Context, id kantata.ID, pair kantata.Pair) (kantata.Membership, error) {
	byID, byPair := &lookup{id: id, pair: pair}, &lookup{pair: pair}
	err := s.ask(ctx, byID)
	if err == nil && byID.found {
		return byID.membership, nil
	}
	missing := errors.Is(err, errNoID)
	if (err == nil || missing) && !byID.absent && pair != (kantata.Pair{}) {
		if err = s.ask(ctx, byPair); err == nil && byPair.found {
			return byPair.membership, nil
		}
	}
	switch {
	case err != nil && !errors.Is(err, errNoID):
		return kantata.Membership{}, err
	case missing:
		return kantata.Membership{}, ErrAbsent
	}
	m, err := s.getByID(ctx, id)
	switch {
	case errors.Is(err, errNoID):
		err = ErrAbsent
	case err == nil && m.Pair() != pair && pair != (kantata.Pair{}):
		m, err = kantata.Membership{}, fmt.Errorf("%w: membership %s is of %s, expected %s", errContradiction, id, m.Pair(), pair)
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

// List returns every membership that matches the filter, each once, in ascending ID order, or an error if the list cannot be read
// completely. The caller may change the slice. A limit of 0 means no limit. With one that fits on a page, only that page is requested.
func (s *Store) List(ctx context.Context, filter kantata.MembershipFilter, limit int) ([]kantata.Membership, error) {
	var page kantata.Page[kantata.Membership]
	var err error
	if limit > 0 && limit <= kantata.MaxPerPage {
		page, err = s.api.AccessGroupMembershipsPage(ctx, filter, 1, limit)
	}
	rows := page.Items
	if err == nil && (len(rows) == 0 || len(rows) < min(limit, page.Count)) {
		rows, err = s.completeRows(ctx, filter)
	}
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	return rows, err
}

// saw keeps the highest ID up to date. It is called with everything that Kantata returns. An ID that only the caller knows may be a
// typing error, or of another account: if it counted, a new membership would pass for an older one.
func (s *Store) saw(rows ...kantata.Membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range rows {
		s.highest = max(s.highest, m.ID.Int64())
	}
}
