package paging

import (
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
	for _, rate := range []int{6, 20} {
		complete, refused := 0, 0
		for seed := range uint64(histories) {
			synctest.Test(t, func(t *testing.T) {
				l := newChangingList(seed, rate)
				before := slices.Clone(l.rows)
				read, err := Pages[kantata.ID]{Page: l.page, ID: itself}.Read(t.Context(), 0)
				if err != nil {
					if refused++; !errors.Is(err, ErrChanging) {
						t.Errorf("seed %d: got %v, want ErrChanging", seed, err)
					}
					return
				}
				complete++
				for _, id := range before {
					if !l.removed[id] && !slices.Contains(read.Rows, id) {
						t.Errorf("1 change in %d requests, seed %d: got a complete list without row %s, want it", rate, seed, id)
					}
				}
			})
		}
		t.Logf("1 change in %d requests: %d complete, %d refused", rate, complete, refused)
		if complete < histories/4 {
			t.Errorf("1 change in %d requests: got %d complete lists of %d, want at least a quarter", rate, complete, histories)
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
func (l *changingList) page(_ context.Context, number int) (kantata.Page[kantata.ID], error) {
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
	from := min((number-1)*l.pageSize, len(l.rows))
	page := kantata.Page[kantata.ID]{
		Items: slices.Clone(l.rows[from:min(from+l.pageSize, len(l.rows))]), Count: len(l.rows), PageSize: l.pageSize,
	}
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
		Page: func(_ context.Context, number int) (kantata.Page[kantata.ID], error) {
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
		trust    bool // the count
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
		{name: "not in ID order, and its count is trusted", trust: true, page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 5, "5", "2", "3", "4", "1")
		}, want: 5, requests: 5},
		{name: "not in ID order, and its count is trusted but too high", trust: true, page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 6, "5", "2", "3", "4", "1")
		}, want: 5, requests: 11},
		{name: "not in ID order, and it changes", page: func(r, n int) kantata.Page[kantata.ID] {
			return of(n, 4, "5", kantata.ID(strconv.Itoa(10+r/4)), "3", "4")
		}, err: ErrChanging, requests: 10},
		{name: "the page number is ignored", page: func(int, int) kantata.Page[kantata.ID] { return of(1, 5, "1", "2") },
			err: ErrChanging, requests: 13},
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
			pages.TrustCount = c.trust
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
		})
	}
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		for failing := range 5 {
			pages, _ := numbers(func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "1", "2", "3", "4", "5") })
			inner, requests := pages.Page, atomic.Int32{}
			pages.Page = func(ctx context.Context, number int) (kantata.Page[kantata.ID], error) {
				if requests.Add(1) == int32(failing+1) {
					return kantata.Page[kantata.ID]{}, errUnavailable
				}
				return inner(ctx, number)
			}
			_, err := pages.Read(t.Context(), 0)
			if !errors.Is(err, errUnavailable) {
				t.Errorf("request %d fails: got the error %v, want %v", failing+1, err, errUnavailable)
			}
		}
	})
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
