package paging

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// A list that counts as complete has every row that no one touched, whatever is removed and added between any two requests. Each
// request has a delay of its own: with a fixed delay, pages that are read in parallel are read at the same moment.
func TestCompleteIsExact(t *testing.T) {
	t.Parallel()
	histories := 2000
	if testing.Short() { // for make mutants, which runs the tests hundreds of times
		histories = 100
	}
	read := func(ctx context.Context, pages Pages[kantata.ID]) (Complete[kantata.ID], error) {
		return pages.Read(ctx, 0)
	}
	quickly := func(ctx context.Context, pages Pages[kantata.ID]) (Complete[kantata.ID], error) {
		first, err := pages.Page(ctx, 1)
		if err != nil || Count(first) <= 1 {
			return Complete[kantata.ID]{Rows: first.Items}, err
		}
		return pages.rest(ctx, first, time.Now())
	}
	for _, c := range []struct {
		name string
		read func(ctx context.Context, pages Pages[kantata.ID]) (Complete[kantata.ID], error)
		rate int
	}{{"", read, 6}, {"", read, 20}, {"quickly, ", quickly, 6}, {"quickly, ", quickly, 20}} {
		rate, complete, refused := c.rate, 0, 0
		for seed := range uint64(histories) {
			synctest.Test(t, func(t *testing.T) {
				l := newChangingList(seed, rate)
				before := slices.Clone(l.rows)
				read, err := c.read(t.Context(), Pages[kantata.ID]{Request: l.page, ID: itself})
				if err != nil {
					if refused++; !errors.Is(err, ErrChanging) {
						t.Errorf("seed %d: got %v, want ErrChanging", seed, err)
					}
					return
				}
				complete++
				for _, id := range before {
					if !l.removed[id] && !slices.Contains(read.Rows, id) {
						t.Errorf("%s1 change in %d requests, seed %d: got a complete list without row %s, want it", c.name, rate, seed, id)
					}
				}
			})
		}
		t.Logf("%s1 change in %d requests: %d complete, %d refused", c.name, rate, complete, refused)
		if complete < histories/4 {
			t.Errorf("%s1 change in %d requests: got %d complete lists of %d, want at least a quarter", c.name, rate, complete, histories)
		}
	}
}

func itself(id kantata.ID) kantata.ID { return id }

// changingList is a list that changes during one of rate requests on average: a row is removed, and often another one is added.
type changingList struct {
	rate, pageSize int

	mu      sync.Mutex // guards the fields below
	random  *rand.Rand
	rows    []kantata.ID
	next    int
	removed map[kantata.ID]bool
}

func newChangingList(seed uint64, rate int) *changingList {
	random := rand.New(rand.NewPCG(seed, uint64(rate)))
	l := &changingList{rate: rate, pageSize: 2 + random.IntN(8), random: random, removed: map[kantata.ID]bool{}}
	for range l.pageSize + random.IntN(10*l.pageSize) {
		l.add()
	}
	return l
}

func (l *changingList) add() {
	l.next++
	l.rows = append(l.rows, kantata.ID(strconv.Itoa(l.next)))
}

// page builds the page halfway through the request.
func (l *changingList) page(_ context.Context, number, size int) (kantata.Page[kantata.ID], error) {
	l.mu.Lock()
	if l.random.IntN(l.rate) == 0 && len(l.rows) > 0 {
		i := l.random.IntN(len(l.rows))
		l.removed[l.rows[i]] = true
		l.rows = slices.Delete(l.rows, i, i+1)
		if l.random.IntN(4) > 0 {
			l.add()
		}
	}
	delay := time.Duration(l.random.IntN(200)) * time.Millisecond
	l.mu.Unlock()
	time.Sleep(delay)
	l.mu.Lock()
	if size == kantata.MaxPerPage {
		size = l.pageSize
	}
	from := min((number-1)*size, len(l.rows))
	page := kantata.Page[kantata.ID]{Items: slices.Clone(l.rows[from:min(from+size, len(l.rows))]), Count: len(l.rows), PageSize: size}
	l.mu.Unlock()
	time.Sleep(delay)
	return page, nil
}

var errUnavailable = errors.New("unavailable")

// numbers is a list of IDs whose pages can be anything.
func numbers(page func(request, number int) kantata.Page[kantata.ID]) (Pages[kantata.ID], *int) {
	var mu sync.Mutex // guards requests
	requests := 0
	return Pages[kantata.ID]{
		ID: itself,
		Request: func(_ context.Context, number, _ int) (kantata.Page[kantata.ID], error) {
			mu.Lock()
			defer mu.Unlock()
			requests++
			return page(requests, number), nil
		},
	}, &requests
}

func TestRead(t *testing.T) {
	t.Parallel()
	// of returns the page of a list with two rows on a page.
	of := func(number, count int, ids ...kantata.ID) kantata.Page[kantata.ID] {
		from := min(2*(number-1), len(ids))
		return kantata.Page[kantata.ID]{Items: ids[from:min(from+2, len(ids))], Count: count, PageSize: 2}
	}
	for _, c := range []struct {
		name     string
		page     func(request, number int) kantata.Page[kantata.ID]
		guess    int
		want     int
		err      error
		requests int
	}{
		{name: "empty", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 0) }, requests: 1},
		{name: "one page", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 2, "1", "2") }, want: 2, requests: 1},
		{name: "three pages", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "1", "2", "3", "4", "5") }, want: 5, requests: 5},
		{name: "three pages, known", guess: 3, page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 5, "1", "2", "3", "4", "5")
		}, want: 5, requests: 4},
		{name: "three pages, once seven", guess: 7, page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 5, "1", "2", "3", "4", "5")
		}, want: 5, requests: 6},
		{name: "an empty response instead of the last page", guess: 3, page: func(r, n int) kantata.Page[kantata.ID] {
			if r == 1 {
				return of(n, 0)
			}
			return of(n, 5, "1", "2", "3", "4", "5")
		}, want: 5, requests: 5},
		{name: "more rows counted than shown", page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 9, "1", "2", "3", "4")
		}, want: 4, requests: 8},
		{name: "the list shrinks to its first page before its last page is read", page: func(r, n int) kantata.Page[kantata.ID] {
			if r == 1 {
				return of(n, 9, "1", "2", "3", "4", "5", "6", "7", "8", "9")
			}
			return of(n, 2, "1", "2")
		}, want: 2, requests: 4},
		{name: "the list shrinks by a page during each request", guess: 3, page: func(r, n int) kantata.Page[kantata.ID] {
			rows := []kantata.ID{"1", "2", "3", "4", "5", "6", "7", "8"}[:max(4, 10-2*r)]
			return of(n, len(rows), rows...)
		}, want: 4, requests: 8},
		{name: "a row counted and never shown", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 1) }, requests: 2},
		{name: "not in ID order", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "5", "2", "3", "4", "1") },
			want: 5, requests: 9},
		{name: "not in ID order, and it changes", page: func(r, n int) kantata.Page[kantata.ID] {
			return of(n, 4, "5", kantata.ID(strconv.Itoa(10+r/4)), "3", "4")
		}, err: ErrChanging, requests: 10},
		{name: "a row on two pages", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "1", "2", "2", "3", "4") },
			err: ErrChanging},
		{name: "a row on two pages, not in ID order", page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 5, "5", "2", "2", "3", "1")
		}, err: ErrChanging},
		{name: "the page number is ignored", page: func(int, int) kantata.Page[kantata.ID] { return of(1, 5, "1", "2") },
			err: ErrChanging},
		{name: "the page number is ignored, and many pages are counted", page: func(int, int) kantata.Page[kantata.ID] {
			return of(1, 2*maxPages, "1", "2")
		}, err: ErrChanging},
		{name: "the page number is ignored, and the client raises the count", page: func(_, n int) kantata.Page[kantata.ID] {
			return of(1, 2*n+1, "1", "2")
		}, err: ErrChanging, requests: 6},
		{name: "a page is empty", page: func(_, n int) kantata.Page[kantata.ID] {
			if n == 2 {
				return of(9, 5)
			}
			return of(n, 5, "1", "2", "3", "4", "5")
		}, err: ErrChanging},
		{name: "the first page is empty", page: func(_, n int) kantata.Page[kantata.ID] {
			if n == 1 {
				return of(9, 3)
			}
			return of(n, 3, "1", "2", "3")
		}, err: ErrChanging},
		{name: "rows of two pages counted and never shown", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 3) }, requests: 6},
		{name: "a page is damaged once", page: func(r, n int) kantata.Page[kantata.ID] {
			page := of(n, 5, "1", "2", "3", "4", "5")
			if r == 4 {
				page.Items = page.Items[:1]
			}
			return page
		}, want: 5, requests: 6},
		{name: "the page is damaged differently each time", page: func(r, n int) kantata.Page[kantata.ID] {
			page := of(n, 2, "1", "2")
			page.Items = []kantata.ID{kantata.ID(strconv.Itoa(r))}
			return page
		}, err: ErrChanging, requests: 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pages, requests := numbers(c.page)
			read, err := pages.Read(t.Context(), c.guess)
			if !errors.Is(err, c.err) {
				t.Errorf("got the error %v, want %v", err, c.err)
			}
			if err == nil && len(read.Rows) != c.want {
				t.Errorf("got rows %v, want %d", read.Rows, c.want)
			}
			if c.requests > 0 && *requests != c.requests {
				t.Errorf("got %d requests, want %d", *requests, c.requests)
			}
			if most := tries * (Readers + 4); *requests > most {
				t.Errorf("got %d requests, want at most %d", *requests, most)
			}
		})
	}
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		for failing := range 5 {
			pages, _ := numbers(func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "1", "2", "3", "4", "5") })
			inner, requests := pages.Request, atomic.Int32{}
			pages.Request = func(ctx context.Context, number, size int) (kantata.Page[kantata.ID], error) {
				if requests.Add(1) == int32(failing+1) {
					return kantata.Page[kantata.ID]{}, errUnavailable
				}
				return inner(ctx, number, size)
			}
			_, err := pages.Read(t.Context(), 0)
			if !errors.Is(err, errUnavailable) {
				t.Errorf("request %d fails: got the error %v, want %v", failing+1, err, errUnavailable)
			}
		}
	})
}

// Read follows whenever the pages and the rows around their seams do not prove that the list is complete.
func TestReadQuickly(t *testing.T) {
	t.Parallel()
	ids := func(from, to int) (ids []kantata.ID) {
		for n := from; n <= to; n++ {
			ids = append(ids, kantata.ID(strconv.Itoa(n)))
		}
		return ids
	}
	for _, c := range []struct {
		name string
		size int // the size of a page; 3 if it is 0
		// first are the rows when the first page is read, and later those after that, which may depend on the request.
		first []kantata.ID
		later func(request int) []kantata.ID
		page  func(request int, page *kantata.Page[kantata.ID])
		// count is the number of rows that the first page counts, if it is wrong.
		count int
		// want are the rows, and requests their number after the first page. A few more than twice the other pages mean that Read followed.
		want     []kantata.ID
		requests int
		err      error
	}{
		{name: "one page", first: ids(1, 2), want: ids(1, 2), requests: 1},
		{name: "two pages", first: ids(1, 5), want: ids(1, 5), requests: 2},
		{name: "full pages", first: ids(1, 9), want: ids(1, 9), requests: 4},
		{name: "ten pages", first: ids(1, 29), want: ids(1, 29), requests: 18},
		{name: "eleven pages", first: ids(1, 31), want: ids(1, 31), requests: 12},
		{name: "seams that no response shows", size: 11, first: ids(1, 30), want: ids(1, 30), requests: 4},
		{name: "rows added since then", first: ids(1, 9), later: func(int) []kantata.ID { return ids(1, 11) },
			want: ids(1, 11), requests: 4 + 6},
		{name: "rows added since then that the caller has counted", first: ids(1, 9), count: 12,
			later: func(int) []kantata.ID { return ids(1, 11) }, want: ids(1, 11), requests: 6},
		{name: "a page of rows that were not counted", first: ids(1, 6), later: func(int) []kantata.ID { return ids(1, 9) },
			want: ids(1, 9), requests: 2 + 5},
		{name: "a row that was removed is shown again", first: slices.Delete(ids(1, 7), 4, 5), later: func(int) []kantata.ID { return ids(1, 7) },
			want: ids(1, 7), requests: 2 + 5},
		{name: "fewer rows counted than shown", first: ids(1, 9), page: func(_ int, page *kantata.Page[kantata.ID]) {
			page.Count = max(5, lastRow(page)+1) // as the client raises a count that the rows contradict
		}, count: 5, want: ids(1, 9), requests: 2 + 8},
		{name: "a row removed since then", first: ids(1, 8), later: func(int) []kantata.ID { return ids(2, 8) },
			want: ids(2, 8), requests: 4 + 4},
		{name: "not in ID order", first: []kantata.ID{"2", "1", "3", "4"}, want: []kantata.ID{"2", "1", "3", "4"}, requests: 2 + 6},
		{name: "more rows counted than shown", first: ids(1, 5), page: func(_ int, page *kantata.Page[kantata.ID]) { page.Count++ },
			want: ids(1, 5), requests: 2 + 4},
		{name: "an empty page", first: ids(1, 4), page: func(request int, page *kantata.Page[kantata.ID]) {
			if request < 3 {
				page.Items, page.Count = nil, 0
			}
		}, want: ids(1, 4), requests: 2 + 3},
		{name: "requests fail", first: ids(1, 4), page: func(request int, page *kantata.Page[kantata.ID]) {
			if request < 3 {
				page.PageSize = -1
			}
		}, want: ids(1, 4), requests: 2 + 3},
		{name: "all requests fail", first: ids(1, 4), page: func(_ int, page *kantata.Page[kantata.ID]) { page.PageSize = -1 },
			requests: 2 + 1, err: errUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex // guards requests
			requests := 0
			list := Pages[kantata.ID]{ID: itself, Request: func(_ context.Context, number, size int) (kantata.Page[kantata.ID], error) {
				mu.Lock()
				defer mu.Unlock()
				if size == kantata.MaxPerPage {
					size = cmp.Or(c.size, 3)
				}
				rows := c.first
				if requests > 0 && c.later != nil {
					rows = c.later(requests)
				}
				from := min((number-1)*size, len(rows))
				page := kantata.Page[kantata.ID]{Items: rows[from:min(from+size, len(rows))], Count: len(rows), PageSize: size}
				if requests > 0 && c.page != nil {
					c.page(requests, &page)
				}
				requests++
				if page.PageSize < 0 {
					return kantata.Page[kantata.ID]{}, errUnavailable
				}
				return page, nil
			}}
			first, err := list.Page(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			first.Count = cmp.Or(c.count, first.Count)
			read, err := list.ReadQuickly(t.Context(), first, time.Now())
			if !errors.Is(err, c.err) || !slices.Equal(read.Rows, c.want) {
				t.Errorf("got rows %v and the error %v, want %v and %v", read.Rows, err, c.want, c.err)
			}
			if got := requests - 1; got != c.requests {
				t.Errorf("got %d requests after the first page, want %d", got, c.requests)
			}
		})
	}
}

// The last of the most pages that a count may claim is found like any other.
func TestLastOfTheMostPages(t *testing.T) {
	t.Parallel()
	pages, requests := numbers(func(_, n int) kantata.Page[kantata.ID] {
		return kantata.Page[kantata.ID]{Items: []kantata.ID{kantata.ID(strconv.Itoa(n))}, Count: maxPages, PageSize: 1}
	})
	_, last, _, err := pages.last(t.Context(), 1)
	if err != nil || last != maxPages || *requests != 2 {
		t.Errorf("got page %d and the error %v after %d requests, want page %d after 2", last, err, *requests, maxPages)
	}
}

// lastRow returns the number of the last row of a full page in a list of consecutive numbers, or 0 if the page is not full.
func lastRow(page *kantata.Page[kantata.ID]) int {
	if len(page.Items) < page.PageSize {
		return 0
	}
	return int(page.Items[len(page.Items)-1].Int64())
}
