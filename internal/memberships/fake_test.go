package memberships

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// notFound is a 404 as the client reports it; only the client can tell one from a proxy's page.
var notFound error

func TestMain(m *testing.M) {
	notFound = realNotFound()
	if !kantata.IsNotFound(notFound) {
		fmt.Fprintln(os.Stderr, "no 404 from the client:", notFound)
		os.Exit(1)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	goleak.VerifyTestMain(m)
}

func realNotFound() error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"type":"system","message":"not found"}]}`))
	}))
	defer server.Close()
	client, err := kantata.NewClient(kantata.Config{AccessToken: "token", BaseURL: server.URL, RequestTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	_, err = client.GetAccessGroupMembership(context.Background(), "1")
	return err
}

// The kinds of requests that the fake counts. A list by both ids is a look.
const (
	opGet    = "get"
	opOnly   = "only"
	opPage   = "page"
	opGroup  = "group"
	opLook   = "look"
	opPost   = "post"
	opDelete = "delete"
)

// fake is an API in memory that counts requests. Each takes latency, with the work done half-way.
type fake struct {
	latency time.Duration
	// before and after run around the work of the n-th request of its kind (from 1); an error is the answer.
	before, after func(op string, n int) error
	duplicates    string // "": refused; "existing": answered with the existing row; "second": one more row

	mu     sync.Mutex
	rows   []kantata.Membership // by id, as ids ascend
	next   int64
	counts map[string]int
}

func newFake(total int) *fake {
	f := &fake{latency: 200 * time.Millisecond, next: 1000, counts: map[string]int{}}
	for i := range total {
		f.add(testPair(i))
	}
	return f
}

// testPair spreads users over 20 groups.
func testPair(i int) kantata.Pair {
	return kantata.Pair{AccessGroupID: testID(int64(1 + i%20)), UserID: testID(int64(50000 + i))}
}

func testID(n int64) kantata.ID { return kantata.ID(strconv.FormatInt(n, 10)) }

// add is a change by hand.
func (f *fake) add(pair kantata.Pair) kantata.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	m := kantata.Membership{ID: testID(f.next), AccessGroupID: pair.AccessGroupID, UserID: pair.UserID}
	f.rows = append(f.rows, m)
	return m
}

// remove is a change by hand.
func (f *fake) remove(id kantata.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.index(id)
	if ok {
		f.rows = slices.Delete(f.rows, i, i+1)
	}
	return ok
}

func (f *fake) index(id kantata.ID) (int, bool) {
	return slices.BinarySearchFunc(f.rows, id, func(m kantata.Membership, id kantata.ID) int { return cmp.Compare(m.ID.Int64(), id.Int64()) })
}

func (f *fake) of(pair kantata.Pair) []kantata.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	var rows []kantata.Membership
	for _, m := range f.rows {
		if m.Pair() == pair {
			rows = append(rows, m)
		}
	}
	return rows
}

func (f *fake) all() []kantata.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rows)
}

func (f *fake) count(ops ...string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := 0
	for op, n := range f.counts {
		if len(ops) == 0 || slices.Contains(ops, op) {
			sum += n
		}
	}
	return sum
}

func (f *fake) request(ctx context.Context, op string, work func() error) error {
	f.mu.Lock()
	f.counts[op]++
	n := f.counts[op]
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(op, n); err != nil {
			return err
		}
	}
	if err := sleep(ctx, f.latency/2); err != nil {
		return &kantata.Error{Outcome: kantata.OutcomePending, Err: err}
	}
	err := work()
	if f.after != nil {
		if err := f.after(op, n); err != nil {
			return err
		}
	}
	if err := sleep(ctx, f.latency/2); err != nil {
		return &kantata.Error{Outcome: kantata.OutcomePending, Err: err}
	}
	return err
}

func (f *fake) GetAccessGroupMembership(ctx context.Context, id kantata.ID) (found kantata.Membership, err error) {
	err = f.request(ctx, opGet, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if i, ok := f.index(id); ok {
			found = f.rows[i]
			return nil
		}
		return notFound
	})
	return found, err
}

func (f *fake) AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, page, perPage int) (answer kantata.Page[kantata.Membership], err error) {
	op := opPage
	switch {
	case filter.AccessGroupID != "" && filter.UserID != "":
		op = opLook
	case filter != kantata.MembershipFilter{}:
		op = opGroup
	}
	err = f.request(ctx, op, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		rows := f.rows
		if op != opPage {
			rows = nil
			for _, m := range f.rows {
				if matches(filter, m) {
					rows = append(rows, m)
				}
			}
		}
		from := min((page-1)*perPage, len(rows))
		answer = kantata.Page[kantata.Membership]{
			Items: slices.Clone(rows[from:min(from+perPage, len(rows))]),
			Count: len(rows), PageCount: (len(rows) + perPage - 1) / perPage, PageSize: perPage,
		}
		return nil
	})
	return answer, err
}

func (f *fake) AccessGroupMembershipsByID(ctx context.Context, ids []kantata.ID) (found []kantata.Membership, err error) {
	if len(ids) > 200 {
		return nil, fmt.Errorf("%d ids in one request", len(ids))
	}
	err = f.request(ctx, opOnly, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, id := range ids {
			if i, ok := f.index(id); ok {
				found = append(found, f.rows[i])
			}
		}
		return nil
	})
	return found, err
}

func (f *fake) CreateAccessGroupMembership(ctx context.Context, pair kantata.Pair) (created kantata.Membership, err error) {
	err = f.request(ctx, opPost, func() error {
		existing := f.of(pair)
		switch {
		case len(existing) == 0 || f.duplicates == "second":
			created = f.add(pair)
		case f.duplicates == "existing":
			created = existing[0]
		default:
			return &kantata.Error{StatusCode: http.StatusUnprocessableEntity, Outcome: kantata.OutcomeNotDone}
		}
		return nil
	})
	if err != nil {
		return kantata.Membership{}, err
	}
	return created, nil
}

func (f *fake) DeleteAccessGroupMembership(ctx context.Context, id kantata.ID) error {
	return f.request(ctx, opDelete, func() error {
		if !f.remove(id) {
			return notFound
		}
		return nil
	})
}

// inParallel calls work for 0 to n-1 from ten goroutines, as Terraform does, and reports the first error.
func inParallel(t testing.TB, n int, work func(i int) error) {
	t.Helper()
	queue := make(chan int, n)
	for i := range n {
		queue <- i
	}
	close(queue)
	var wg sync.WaitGroup
	failed := make(chan error, n)
	for range 10 {
		wg.Go(func() {
			for i := range queue {
				if err := work(i); err != nil {
					failed <- fmt.Errorf("%d: %w", i, err)
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Fatal(err)
	}
}

// listAll walks the whole list, which makes it the reader's snapshot.
func listAll(t *testing.T, reader *Reader) {
	t.Helper()
	for _, err := range reader.List(t.Context(), kantata.MembershipFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}
