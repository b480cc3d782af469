package memberships

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

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
				random := rand.New(rand.NewPCG(seed, uint64(rate)))
				f := newFake(0).randomly(seed)
				f.pageSize = 2 + random.IntN(8)
				for i := range f.pageSize + random.IntN(10*f.pageSize) {
					f.add(testPair(i))
				}
				rows := f.all()
				var mu sync.Mutex // guards random and touched
				touched := map[kantata.ID]bool{}
				f.before = func(string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if random.IntN(rate) == 0 {
						m := rows[random.IntN(len(rows))]
						touched[m.ID] = true
						if f.remove(m.ID) && random.IntN(4) > 0 {
							f.add(m.Pair())
						}
					}
					return nil
				}
				got := map[kantata.ID]bool{}
				for m, err := range newStore(f).List(t.Context(), kantata.MembershipFilter{}) {
					if err != nil {
						if refused++; !errors.Is(err, ErrChanging) {
							t.Errorf("seed %d: got %v, want ErrChanging", seed, err)
						}
						return
					}
					got[m.ID] = true
				}
				complete++
				for _, m := range rows {
					if !touched[m.ID] && !got[m.ID] {
						t.Errorf("1 change in %d requests, seed %d: a list that counts as complete lacks membership %s", rate, seed, m.ID)
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

// numbers is a list of IDs whose pages can be anything.
func numbers(page func(request, number int) kantata.Page[kantata.ID]) (Pages[kantata.ID], *int) {
	var mu sync.Mutex // guards requests
	requests := 0
	return Pages[kantata.ID]{
		ID: func(id kantata.ID) kantata.ID { return id },
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
	}{
		{name: "empty", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 0) }, requests: 1},
		{name: "one page", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 2, "1", "2") }, want: 2, requests: 1},
		{name: "three pages", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "1", "2", "3", "4", "5") }, want: 5, requests: 5},
		{name: "three pages, known", guess: 3, page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 5, "1", "2", "3", "4", "5")
		}, want: 5, requests: 4},
		{name: "three pages, once seven", guess: 7, page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 5, "1", "2", "3", "4", "5")
		}, want: 5, requests: 5},
		{name: "more rows counted than shown", page: func(_, n int) kantata.Page[kantata.ID] {
			return of(n, 9, "1", "2", "3", "4")
		}, want: 4, requests: 8},
		{name: "a row counted and never shown", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 1) }, requests: 2},
		{name: "not in ID order", page: func(_, n int) kantata.Page[kantata.ID] { return of(n, 5, "5", "2", "3", "4", "1") },
			want: 5, requests: 9},
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
			checkError(t, err, c.err)
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
			checkError(t, err, errUnavailable)
		}
	})
}
