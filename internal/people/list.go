package people

import (
	"context"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

const (
	// listLimit is how long the list may take if it saves requests, and proofLimit if it must show that no one has an address. A list that
	// fails is not read again for listPause. A list that is too slow no longer saves requests in this process.
	listLimit, proofLimit, listPause = 10 * time.Second, time.Minute, time.Minute
	// A list of at most fewPages is read after small requests of a third of its cost, and a longer one after as many as its pages: while a
	// plan runs, ten lookups share a request, so a long list is seldom worth reading.
	fewPages = 10
)

// list is what is known about the list of all people.
type list struct {
	// pages is the number of its pages, 0 if unknown, and spent the number of small requests since it was read.
	pages, spent int
	// first is the first page of several, and firstBegan is when it was requested.
	first      kantata.Page[kantata.User]
	firstBegan time.Time
	// notBefore is when the list may be read again, and err why the last reading failed. complete means that no one is missing from it, and
	// slow that it saves no requests.
	notBefore      time.Time
	err            error
	complete, slow bool
}

func (l list) isRecent() bool { return !time.Now().After(l.notBefore) }

// everyone is the list of all people, in alphabetical order. Without OnMyAccount, those who are in no project would be missing.
func (d *Directory) everyone() paging.Pages[kantata.User] {
	return paging.Pages[kantata.User]{
		ID: func(u kantata.User) kantata.ID { return u.ID },
		Request: func(ctx context.Context, number, size int) (kantata.Page[kantata.User], error) {
			return d.api.UsersPage(ctx, kantata.UserFilter{OnMyAccount: true}, number, size)
		},
	}
}

// listIsWorthReading compares the small requests since the last reading with the cost of the list.
func (d *Directory) listIsWorthReading() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.list.slow:
		return false
	case d.list.pages <= fewPages:
		return d.list.pages > 0 && 3*d.list.spent >= d.list.pages
	}
	return d.list.spent >= d.list.pages
}

// costIsOfInterest reports whether the number of pages of the list is unknown and more than one request is about to be sent.
func (d *Directory) costIsOfInterest() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list.pages == 0 && d.list.spent > 0 && !d.list.slow && !d.list.isRecent()
}

// readFirstPage learns the number of pages unless it is known. A list of one page is complete.
func (d *Directory) readFirstPage(ctx context.Context) {
	if d.reading.Acquire(ctx, 1) != nil {
		return
	}
	defer d.reading.Release(1)
	d.mu.Lock()
	known := d.list.pages > 0 || d.list.isRecent()
	d.mu.Unlock()
	if known {
		return
	}
	limited, cancel := context.WithTimeout(ctx, proofLimit)
	defer cancel()
	began := time.Now()
	page, err := d.everyone().Page(limited, 1)
	if pages := max(paging.Count(page), 1); err != nil || pages == 1 && !paging.Short(page, 1) {
		d.keep(ctx, paging.Complete[kantata.User]{Rows: page.Items, Pages: pages, Began: began}, true, err)
	} else {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list.pages, d.list.first, d.list.firstBegan = pages, page, began
		d.meet(page.Items)
	}
}

// readList reads the list unless it was read, or has failed, recently. If it must be complete, the error says why no such list is at hand.
func (d *Directory) readList(ctx context.Context, mustBeComplete bool) error {
	if err := d.reading.Acquire(ctx, 1); err != nil {
		return err
	}
	defer d.reading.Release(1)
	d.mu.Lock()
	now := d.list
	d.mu.Unlock()
	recent, complete, err := now.isRecent(), now.complete, now.err
	if recent && (err != nil || complete || !mustBeComplete) {
		return err
	}
	limit := listLimit
	if mustBeComplete {
		limit = proofLimit
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	read := paging.Complete[kantata.User]{Pages: now.pages}
	if !recent {
		read, complete, err = d.readOnce(limited, now.first, now.firstBegan)
	}
	if err == nil && !complete && mustBeComplete {
		read, err = d.everyone().Read(limited, read.Pages)
		complete = true
	}
	if err != nil && !mustBeComplete && limited.Err() != nil && ctx.Err() == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list.slow = true
		return err
	}
	d.keep(ctx, read, complete, err)
	return err
}

// readOnce reads each page once, in parallel, except for a first page that was requested recently. The list counts as complete if it has as
// many people as Kantata counts. This is no proof: an addition and a removal during the reading can hide someone. That is why an address
// which the list does not contain is also requested.
func (d *Directory) readOnce(ctx context.Context, first kantata.Page[kantata.User], began time.Time) (
	read paging.Complete[kantata.User], complete bool, err error,
) {
	if time.Since(began) > listLimit {
		began = time.Now()
		if first, err = d.everyone().Page(ctx, 1); err != nil {
			return read, false, err
		}
	}
	var mu sync.Mutex // guards the three below
	complete, read = true, paging.Complete[kantata.User]{Rows: first.Items, Pages: max(paging.Count(first), 1), Began: began}
	err = d.everyone().Each(ctx, 2, read.Pages, func(ctx context.Context, number int) error {
		page, err := d.everyone().Page(ctx, number)
		mu.Lock()
		defer mu.Unlock()
		read.Rows = append(read.Rows, page.Items...)
		complete = complete && page.Count == first.Count
		return err
	})
	people := map[kantata.ID]bool{}
	for _, u := range read.Rows {
		people[u.ID] = true
	}
	return read, complete && len(people) == first.Count, err
}

// keep keeps an answer for the address of each person, or that the list failed.
func (d *Directory) keep(ctx context.Context, read paging.Complete[kantata.User], complete bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list.err = err
	switch {
	case err != nil && ctx.Err() != nil:
		return
	case err != nil:
		d.list.notBefore = time.Now().Add(listPause)
		return
	}
	d.list.pages, d.list.spent, d.list.complete, d.list.notBefore = read.Pages, 0, complete, read.Began.Add(exists)
	d.meet(read.Rows)
	for key, users := range byAddress(read.Rows) {
		d.byAddress[key] = answer{users: users, began: read.Began}
	}
	for _, u := range read.Rows {
		d.byID[u.ID] = answer{users: []kantata.User{u}, began: read.Began}
	}
}
