// Package paging reads lists that Kantata returns in pages, and proves that they are complete. It does not know what their rows mean.
package paging

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

const (
	// Readers is how many pages of one list are read at the same time.
	Readers = 10
	// tries is how many times a list that changes is read.
	tries = 3
	// seamRows is how many rows a response contains that shows the seam between two pages. Seams are multiples of the page size, and this
	// is a prime number greater than Readers, so none of them falls between two such responses.
	seamRows = 11
	// maxPages bounds how many pages are requested because of a count: twenty million rows.
	maxPages = 100_000
)

// ErrChanging is returned for a list that changed, or had an empty page before its last one, during each of several readings.
var ErrChanging = errors.New("the list kept changing or had an empty page when it was read, so it is not known to be complete")

// Pages reads a list of rows of any type completely. Request returns a page of a size, the first being 1, and ID identifies a row. Both
// must be safe for concurrent use.
type Pages[Row any] struct {
	Request func(ctx context.Context, number, size int) (kantata.Page[Row], error)
	ID      func(Row) kantata.ID
}

// Complete is a list that is proven to be complete. Rows are all rows that existed at Began, in the API's order. Pages is the number of its
// pages.
type Complete[Row any] struct {
	Rows  []Row
	Pages int
	Began time.Time
}

// Page returns a page of the largest size.
func (p Pages[Row]) Page(ctx context.Context, number int) (kantata.Page[Row], error) {
	return p.Request(ctx, number, kantata.MaxPerPage)
}

// Read reads the list, which seems to have the given number of pages (0 if unknown). The error is [ErrChanging] if the list changed during
// each of several tries.
//
// One page is complete by itself. Otherwise, the last page is read first, then all others, then the last page again. If it begins
// with the same row both times, then no row before it was removed in between, so no page lost a row to the page before it. (Rows are
// in ascending ID order, so a new row comes last.) The rows are those of the first reading of the last page. If rows are not in
// ascending ID order, a new row can come anywhere, and only two equal readings prove anything.
func (p Pages[Row]) Read(ctx context.Context, pages int) (Complete[Row], error) {
	var previous *Complete[Row]
	for range tries {
		now, enough, err := p.try(ctx, max(pages, 1))
		switch {
		case errors.Is(err, ErrChanging):
			previous = nil
		case err != nil, enough:
			return now, err
		case previous != nil && slices.EqualFunc(now.Rows, previous.Rows, p.same):
			return *previous, nil
		default:
			previous = &now
		}
		pages = now.Pages
	}
	return Complete[Row]{}, ErrChanging
}

// try reads the list once. This is enough if its rows are in ascending ID order.
func (p Pages[Row]) try(ctx context.Context, pages int) (now Complete[Row], enough bool, err error) {
	last, number, began, err := p.last(ctx, pages)
	now = Complete[Row]{Rows: last.Items, Pages: number, Began: began}
	if err != nil || number == 1 {
		return now, true, err
	}
	rows := make([][]Row, number) // of each page
	rows[number-1] = last.Items
	var mu sync.Mutex // guards rows
	err = p.Each(ctx, 1, number-1, func(ctx context.Context, n int) error {
		page, err := p.Steady(ctx, n)
		if err == nil && (len(page.Items) == 0 || p.same(page.Items[0], last.Items[0])) {
			err = ErrChanging // at once if the page number is ignored, however many pages are counted
		}
		mu.Lock()
		defer mu.Unlock()
		rows[n-1] = page.Items
		return err
	})
	if err != nil {
		return now, false, err
	}
	again, err := p.Page(ctx, number)
	now.Rows = slices.Concat(rows...)
	inOrder := slices.Clone(now.Rows)
	slices.SortFunc(inOrder, p.compare)
	enough = slices.EqualFunc(inOrder, now.Rows, p.same)
	// A row that comes twice was moved by a change, or the page number was ignored.
	repeats := len(slices.CompactFunc(inOrder, p.same)) < len(now.Rows)
	if err == nil && (repeats || len(again.Items) == 0 || !p.same(again.Items[0], last.Items[0])) {
		err = ErrChanging
	}
	return now, enough, err
}

// ReadQuickly is Read for a list whose first page was read at began. If the list has at most Readers pages, the others are read in one
// round trip. This takes almost twice as many requests as Read. If it does not prove that the list is complete, Read follows, for example
// because rows that the first page does not count have begun a new page.
//
// In addition to the other pages, it reads a few rows around each seam between two pages. If one response shows the last row of a page
// directly before the first row of the next page, then no row was between them that no page shows.
func (p Pages[Row]) ReadQuickly(ctx context.Context, first kantata.Page[Row], began time.Time) (Complete[Row], error) {
	if read, err := p.rest(ctx, first, began); err == nil {
		return read, nil
	}
	return p.Read(ctx, Count(first))
}

// rest returns ErrChanging if the list has one page or too many, has changed, or does not show its rows in ascending ID order.
func (p Pages[Row]) rest(ctx context.Context, first kantata.Page[Row], began time.Time) (Complete[Row], error) {
	number, size := Count(first), len(first.Items)
	if number < 2 || number > Readers || size%seamRows == 0 {
		return Complete[Row]{}, ErrChanging
	}
	pages, seams := make([]kantata.Page[Row], number), make([]kantata.Page[Row], number)
	pages[0] = first
	group, ctx := errgroup.WithContext(ctx)
	get := func(page *kantata.Page[Row], number, size int) {
		group.Go(func() (err error) {
			*page, err = p.Request(ctx, number, size)
			return err
		})
	}
	for i := 1; i < number; i++ {
		get(&pages[i], i+1, kantata.MaxPerPage)
		get(&seams[i], i*size/seamRows+1, seamRows)
	}
	if err := group.Wait(); err != nil {
		return Complete[Row]{}, err
	}
	var rows []Row
	for i, page := range pages {
		if len(page.Items) == 0 || Short(page, i+1) || i > 0 && !p.adjacent(seams[i].Items, rows[len(rows)-1], page.Items[0]) {
			break
		}
		rows = append(rows, page.Items...)
		if Count(page) <= i+1 && slices.IsSortedFunc(rows, p.compare) {
			return Complete[Row]{Rows: rows, Pages: i + 1, Began: began}, nil
		}
	}
	return Complete[Row]{}, ErrChanging
}

// adjacent reports whether the rows show b directly after a.
func (p Pages[Row]) adjacent(rows []Row, a, b Row) bool {
	i := slices.IndexFunc(rows, func(row Row) bool { return p.same(row, a) })
	return i >= 0 && i+1 < len(rows) && p.same(rows[i+1], b)
}

// last finds the last page, which is not empty unless all are. Its number follows from the number of rows and the page size. Both are
// claims: an empty page ends the list, wherever it is, unless it is the first one and the page that is counted as the last has rows.
func (p Pages[Row]) last(ctx context.Context, number int) (page kantata.Page[Row], found int, began time.Time, err error) {
	filled, empty := 0, maxPages+1 // the highest page known to have rows, and the lowest known to have none
	var first Row                  // of the page filled
	for {
		began = time.Now()
		if page, err = p.Steady(ctx, number); err != nil {
			return page, number, began, err
		}
		claimed := max(Count(page), 1)
		switch {
		case len(page.Items) == 0 && number > 1:
			empty, filled = number, min(filled, number-1)
		case len(page.Items) == 0 && claimed > 1 && empty > maxPages: // the last page has not been requested yet
		case len(page.Items) == 0, claimed <= number, empty == number+1:
			return page, number, began, nil
		case filled > 0 && p.same(page.Items[0], first): // the page number is ignored
			return page, number, began, ErrChanging
		default:
			filled, first = number, page.Items[0]
		}
		if number = claimed; number >= empty || number < filled {
			number = (filled + empty) / 2
		}
	}
}

// Steady reads a page. If it has fewer rows than its own count says, it is requested again until the same rows come twice: either
// it was damaged, or Kantata counts rows that it never shows. So is an empty page after the first: it ends the list, but the response may
// be a fault, whatever it counts.
func (p Pages[Row]) Steady(ctx context.Context, number int) (page kantata.Page[Row], err error) {
	for try := range tries + 1 {
		before := page.Items
		page, err = p.Page(ctx, number)
		doubtful := Short(page, number) || len(page.Items) == 0 && number > 1
		if err != nil || !doubtful || try > 0 && slices.EqualFunc(before, page.Items, p.same) {
			return page, err
		}
	}
	return page, ErrChanging
}

// Each calls do for the pages from first to last, Readers at a time.
func (p Pages[Row]) Each(ctx context.Context, first, last int, do func(ctx context.Context, number int) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(Readers)
	for n := first; n <= last && groupCtx.Err() == nil; n++ {
		group.Go(func() error { return do(groupCtx, n) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (p Pages[Row]) same(a, b Row) bool { return p.ID(a) == p.ID(b) }

func (p Pages[Row]) compare(a, b Row) int { return p.ID(a).Compare(p.ID(b)) }

// Count returns the number of pages. It follows from the number of rows and the page size, and not from what the response says about its
// number of pages.
func Count[Row any](page kantata.Page[Row]) int {
	size := max(page.PageSize, len(page.Items), 1)
	return min((page.Count+size-1)/size, maxPages)
}

// Short reports a page that has fewer rows than its count and page size say.
func Short[Row any](page kantata.Page[Row], number int) bool {
	size := max(page.PageSize, len(page.Items), 1)
	return len(page.Items) < min(size, page.Count-(number-1)*size)
}
