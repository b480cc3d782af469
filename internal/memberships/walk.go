package memberships

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxPages bounds what is believed of a page count: twenty million memberships.
const maxPages = 100_000

// buy walks the whole list and keeps it as the reader's snapshot.
func (r *Reader) buy(ctx context.Context, from *beginning) (*snapshot, error) {
	s, pages, err := r.walk(ctx, kantata.MembershipFilter{}, from)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// A write may have come between the walk's own replay and this one.
	r.journal.replay(s)
	r.snapshot, r.pages, r.rents = s, pages, 0
	return s, nil
}

// beginning is what is noted when a walk begins, before its first page is asked for: only then are our own writes told
// apart from what others changed meanwhile.
type beginning struct {
	taken                     time.Time
	created, writes, creating int
	first                     kantata.Page[kantata.Membership]
}

// begin asks for the first page.
func (r *Reader) begin(ctx context.Context, filter kantata.MembershipFilter) (*beginning, error) {
	r.mu.Lock()
	b := &beginning{
		taken: time.Now(), created: len(r.journal.created), writes: r.journal.len(),
		creating: r.creates.underWay - r.creates.begun,
	}
	r.mu.Unlock()
	page, err := r.api.AccessGroupMembershipsPage(ctx, filter, 1, kantata.MaxPerPage)
	if err != nil {
		return nil, err
	}
	b.first = page
	return b, nil
}

// walk reads all pages, in parallel after the first. The result is whole only if it saw as many distinct ids as the list counts
// and the count did not move, but for our own writes; else what it lacks is unknown.
func (r *Reader) walk(ctx context.Context, filter kantata.MembershipFilter, from *beginning) (*snapshot, int, error) {
	if from == nil {
		var err error
		if from, err = r.begin(ctx, filter); err != nil {
			return nil, 0, err
		}
	}
	first := from.first
	if pageCount(first) > maxPages {
		return nil, 0, fmt.Errorf("%w: a list of %d pages", errContradiction, pageCount(first))
	}
	s := &snapshot{filter: filter, taken: from.taken, replayed: from.created}
	pages := make([]kantata.Page[kantata.Membership], max(pageCount(first), 1))
	pages[0] = first
	if err := r.fetchRest(ctx, filter, pages); err != nil {
		return nil, 0, err
	}

	expected := min(max(first.Count, 0), len(pages)*kantata.MaxPerPage)
	s.byID = make(map[kantata.ID]int, expected)
	s.rows = make([]kantata.Membership, 0, expected)
	texts := sharedTexts{}
	low, high := first.Count, first.Count
	for _, page := range pages {
		low, high = min(low, page.Count), max(high, page.Count)
		for _, m := range page.Items {
			s.put(texts.share(m))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := len(s.byID)
	for _, m := range r.journal.created[s.replayed:] {
		if _, ok := s.byID[m.ID]; !ok && matches(filter, m) {
			seen++
		}
	}
	moved := high - low
	writes := r.journal.len() - from.writes
	creates := r.creates.begun + from.creating // those that were under way at some time of the walk
	s.whole = seen >= high && moved <= writes
	s.wholeButOurs = seen >= high-creates && moved <= creates+writes
	r.journal.replay(s)
	return s, len(pages), nil
}

// sharedTexts keeps each text of a walk once: an account has many memberships of few people in few groups.
type sharedTexts map[string]*string

func (t sharedTexts) share(m kantata.Membership) kantata.Membership {
	m.AccessGroupID = kantata.ID(*t.one((*string)(&m.AccessGroupID)))
	m.UserID = kantata.ID(*t.one((*string)(&m.UserID)))
	m.AccessGroupName, m.UserName, m.CreatedAt = t.one(m.AccessGroupName), t.one(m.UserName), t.one(m.CreatedAt)
	m.CreatorID = (*kantata.ID)(t.one((*string)(m.CreatorID)))
	return m
}

func (t sharedTexts) one(text *string) *string {
	if text == nil {
		return nil
	}
	if shared, ok := t[*text]; ok {
		return shared
	}
	// A copy, so that the row which had it first is not kept as a whole.
	copied := strings.Clone(*text)
	t[copied] = &copied
	return &copied
}

// fetchRest fills pages from the second on. It stops early at an empty page: the list has become shorter, or its count is no
// true one, and asking for the rest would be in vain.
func (r *Reader) fetchRest(ctx context.Context, filter kantata.MembershipFilter, pages []kantata.Page[kantata.Membership]) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var ended atomic.Bool
	for i := 1; i < len(pages) && !ended.Load() && groupCtx.Err() == nil; i++ {
		group.Go(func() error {
			page, err := r.api.AccessGroupMembershipsPage(groupCtx, filter, i+1, kantata.MaxPerPage)
			if err != nil {
				return err
			}
			pages[i] = page
			if len(page.Items) == 0 {
				ended.Store(true)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// pageCount returns how many pages the list has at the page size in force.
func pageCount(page kantata.Page[kantata.Membership]) int {
	if page.PageCount > 0 {
		return page.PageCount
	}
	size := max(page.PageSize, len(page.Items))
	if size == 0 {
		return 0
	}
	return (page.Count + size - 1) / size
}

func matches(filter kantata.MembershipFilter, m kantata.Membership) bool {
	return (filter.AccessGroupID == "" || filter.AccessGroupID == m.AccessGroupID) && (filter.UserID == "" || filter.UserID == m.UserID)
}
