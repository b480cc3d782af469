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
	// notBefore is when the list may be read again, and err why the last reading failed. slow means that the list saves no requests.
	notBefore time.Time
	err       error
	slow      bool
	// began is when the last reading that succeeded began. complete means that this reading proves that no one is missing from it.
	began    time.Time
	complete bool
}

func (l list) isRecent() bool { return !time.Now().After(l.notBefore) }

// proves reports whether the list shows that no one has an address, for a question of the given time.
func (l list) proves(asked time.Time) bool { return l.complete && asked.Sub(l.began) <= absent }

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

// isWholeList reports whether the first page of the list shows everyone. A list of one page is complete by itself.
func isWholeList(first kantata.Page[kantata.User]) bool {
	return paging.Count(first) <= 1 && !paging.Short(first, 1)
}

// readFirstPage learns the number of pages unless it is known.
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
	if pages := max(paging.Count(page), 1); err != nil || isWholeList(page) {
		d.keep(ctx, paging.Complete[kantata.User]{Rows: page.Items, Pages: pages, Began: began}, true, err)
	} else {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list.pages, d.list.first, d.list.firstBegan = pages, page, began
		d.remember(page.Items)
	}
}

// readList reads the list to save requests, unless it was read, or has failed, recently.
func (d *Directory) readList(ctx context.Context) error {
	if err := d.reading.Acquire(ctx, 1); err != nil {
		return err
	}
	defer d.reading.Release(1)
	d.mu.Lock()
	now := d.list
	d.mu.Unlock()
	if now.isRecent() {
		return now.err
	}
	limited, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	read, complete, err := d.readOnce(limited, now.first, now.firstBegan)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list.slow = true
		return err
	}
	d.keep(ctx, read, complete, err)
	return err
}

// proveList reads the list so that it proves the absences that were in question at a time. If it has failed recently, it is not read again.
// The error says why no such list is at hand.
func (d *Directory) proveList(ctx context.Context, asked time.Time) error {
	if err := d.reading.Acquire(ctx, 1); err != nil {
		return err
	}
	defer d.reading.Release(1)
	d.mu.Lock()
	now := d.list
	d.mu.Unlock()
	switch {
	case now.isRecent() && now.err != nil:
		return now.err
	case now.proves(asked):
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, proofLimit)
	defer cancel()
	read, err := d.everyone().Read(limited, now.pages)
	d.keep(ctx, read, true, err)
	return err
}

// readOnce reads each page once, in parallel, except for a first page that was requested recently. Several pages prove no absence, even if
// they have as many people as Kantata counts: someone is missing from all of them if another person leaves and one arrives meanwhile.
func (d *Directory) readOnce(ctx context.Context, first kantata.Page[kantata.User], began time.Time) (
	read paging.Complete[kantata.User], complete bool, err error,
) {
	if time.Since(began) > listLimit {
		began = time.Now()
		if first, err = d.everyone().Page(ctx, 1); err != nil {
			return read, false, err
		}
	}
	var mu sync.Mutex // guards read.Rows
	read = paging.Complete[kantata.User]{Rows: first.Items, Pages: max(paging.Count(first), 1), Began: began}
	err = d.everyone().Each(ctx, 2, read.Pages, func(ctx context.Context, number int) error {
		page, err := d.everyone().Page(ctx, number)
		mu.Lock()
		defer mu.Unlock()
		read.Rows = append(read.Rows, page.Items...)
		return err
	})
	return read, isWholeList(first), err
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
	d.list.pages, d.list.spent, d.list.notBefore = read.Pages, 0, read.Began.Add(exists)
	d.list.began, d.list.complete = read.Began, complete
	d.remember(read.Rows)
	for key, users := range byAddress(read.Rows) {
		d.byAddress[key] = answer{users: users, began: read.Began}
	}
	for _, u := range read.Rows {
		d.byID[u.ID] = answer{users: []kantata.User{u}, began: read.Began}
	}
}
