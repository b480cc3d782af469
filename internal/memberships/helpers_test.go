package memberships

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// notFound is a 404 as the client reports it. Only the client can create one.
var notFound error

func TestMain(m *testing.M) {
	notFound = clientNotFound()
	if !kantata.IsNotFound(notFound) {
		fmt.Fprintln(os.Stderr, "the client did not report a 404, but:", notFound)
		os.Exit(1)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	goleak.VerifyTestMain(m)
}

func clientNotFound() error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"type":"system","message":"not found"}]}`))
	}))
	defer server.Close()
	client, err := kantata.NewClient(kantata.Config{AccessToken: "token", BaseURL: server.URL, RequestTimeout: time.Minute})
	if err != nil {
		return err
	}
	_, err = client.GetAccessGroupMembership(context.Background(), "1")
	return err
}

// apiError is an error as the client reports it.
func apiError(status int, outcome kantata.Outcome) error {
	return &kantata.Error{StatusCode: status, Outcome: outcome}
}

var (
	errUnavailable = apiError(http.StatusServiceUnavailable, kantata.OutcomeUnknown)
	errForbidden   = apiError(http.StatusForbidden, kantata.OutcomeNotDone)
	errInvalid     = apiError(http.StatusUnprocessableEntity, kantata.OutcomeNotDone)
	errTimeout     = apiError(0, kantata.OutcomePending)
)

// The kinds of requests that the fake counts.
const (
	opGet     = "GET by ID"
	opIDs     = "GET by IDs"
	opAccount = "list of the account"
	opGroup   = "list of a group or user"
	opPair    = "list of a pair"
	opPost    = "POST"
	opDelete  = "DELETE"
)

// fake is an API in memory that counts requests. It does the work of a request halfway through the request.
type fake struct {
	// latency is how long a request takes. With random, each request takes up to twice as long.
	latency time.Duration
	random  *rand.Rand
	// before and after run around the work of the nth request of its kind (from 1). If they return an error, it is the response.
	before, after func(op string, n int) error
	// gate is how long the first POST waits for its turn.
	gate time.Duration
	// hang are the kinds of requests that take an hour.
	hang []string
	// duplicate is what a POST of an existing pair does: "" is refused, "existing" returns the existing row, "second" adds a row.
	duplicate string
	// pageSize is the largest page; 200 if it is 0.
	pageSize int
	// hide leaves rows out of lists and requests by IDs.
	hide func(m kantata.Membership) bool
	// page changes a page before it is returned.
	page func(filter kantata.MembershipFilter, number int, page *kantata.Page[kantata.Membership])

	mu     sync.Mutex           // guards all below, and random
	rows   []kantata.Membership // in ascending ID order
	groups map[kantata.ID][]kantata.Membership
	next   int64
	counts map[string]int
}

// newFake returns an account of n memberships in 20 groups. The membership IDs begin with 1001.
func newFake(total int) *fake {
	f := &fake{latency: 200 * time.Millisecond, next: 1000, counts: map[string]int{}, groups: map[kantata.ID][]kantata.Membership{}}
	for i := range total {
		f.add(testPair(i))
	}
	return f
}

// testPair spreads users over 20 groups.
func testPair(i int) kantata.Pair {
	return kantata.Pair{AccessGroupID: testID(1 + i%20), UserID: testID(50000 + i)}
}

func testID(n int) kantata.ID { return kantata.ID(strconv.Itoa(n)) }

// groupOfSixPages returns an account with that many rows, all of them in group 7, and the rows.
func groupOfSixPages(rows int) (*fake, []kantata.Membership) {
	f := newFake(0)
	for i := range rows {
		f.add(kantata.Pair{AccessGroupID: "7", UserID: testID(50000 + i)})
	}
	return f, f.all()
}

// add is a change outside Terraform.
func (f *fake) add(pair kantata.Pair) kantata.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	m := kantata.Membership{ID: testID(int(f.next)), AccessGroupID: pair.AccessGroupID, UserID: pair.UserID}
	f.rows = append(f.rows, m)
	f.groups[pair.AccessGroupID] = append(f.groups[pair.AccessGroupID], m)
	return m
}

// remove is a change outside Terraform.
func (f *fake) remove(id kantata.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := index(f.rows, id)
	if ok {
		group := f.rows[i].AccessGroupID
		f.rows = slices.Delete(f.rows, i, i+1)
		i, _ = index(f.groups[group], id)
		f.groups[group] = slices.Delete(f.groups[group], i, i+1)
	}
	return ok
}

func index(rows []kantata.Membership, id kantata.ID) (int, bool) {
	return slices.BinarySearchFunc(rows, id, func(m kantata.Membership, id kantata.ID) int { return cmp.Compare(m.ID.Int64(), id.Int64()) })
}

func (f *fake) of(pair kantata.Pair) []kantata.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	group := slices.Clone(f.groups[pair.AccessGroupID])
	return slices.DeleteFunc(group, func(m kantata.Membership) bool { return m.Pair() != pair })
}

func (f *fake) all() []kantata.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rows)
}

// count returns the number of requests of these kinds, or of all.
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

// besidesWrites returns the number of requests that are not a POST or DELETE.
func (f *fake) besidesWrites() int { return f.count() - f.count(opPost, opDelete) }

// randomly gives each request a delay of its own, from a seed.
func (f *fake) randomly(seed uint64) *fake {
	f.random = rand.New(rand.NewPCG(seed, 1))
	return f
}

func (f *fake) request(ctx context.Context, op string, work func() error) error {
	if ctx.Err() != nil { // the client sends nothing
		return &kantata.Error{Outcome: kantata.OutcomeNotDone, Err: ctx.Err()}
	}
	f.mu.Lock()
	f.counts[op]++
	n, latency := f.counts[op], f.latency
	if f.random != nil {
		latency = time.Duration(f.random.Int64N(2*int64(latency) + 1))
	}
	if slices.Contains(f.hang, op) {
		latency = time.Hour
	}
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(op, n); err != nil {
			return err
		}
	}
	if err := kantata.Sleep(ctx, latency/2); err != nil {
		return &kantata.Error{Outcome: kantata.OutcomePending, Err: err}
	}
	err := work()
	if f.after != nil {
		if err := f.after(op, n); err != nil {
			return err
		}
	}
	if err := kantata.Sleep(ctx, latency/2); err != nil {
		return &kantata.Error{Outcome: kantata.OutcomePending, Err: err}
	}
	return err
}

func (f *fake) GetAccessGroupMembership(ctx context.Context, id kantata.ID) (found kantata.Membership, err error) {
	err = f.request(ctx, opGet, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if i, ok := index(f.rows, id); ok {
			found = f.rows[i]
			return nil
		}
		return notFound
	})
	return found, err
}

func (f *fake) AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, number,
	perPage int) (page kantata.Page[kantata.Membership], err error) {
	op := opGroup
	switch {
	case filter.AccessGroupID != "" && filter.UserID != "":
		op = opPair
	case filter == kantata.MembershipFilter{}:
		op = opAccount
	}
	err = f.request(ctx, op, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		rows := f.rows
		if filter.AccessGroupID != "" {
			rows = f.groups[filter.AccessGroupID]
		}
		if filter.UserID != "" {
			rows = slices.DeleteFunc(slices.Clone(rows), func(m kantata.Membership) bool { return m.UserID != filter.UserID })
		}
		size := min(perPage, cmp.Or(f.pageSize, 200))
		from := min((number-1)*size, len(rows))
		items := slices.Clone(rows[from:min(from+size, len(rows))])
		if f.hide != nil {
			items = slices.DeleteFunc(items, f.hide)
		}
		page = kantata.Page[kantata.Membership]{Items: items, Count: len(rows), PageCount: (len(rows) + size - 1) / size, PageSize: size}
		if f.page != nil {
			f.page(filter, number, &page)
		}
		return nil
	})
	return page, err
}

func (f *fake) AccessGroupMembershipsByID(ctx context.Context, ids []kantata.ID) (found []kantata.Membership, err error) {
	if len(ids) > 200 {
		return nil, fmt.Errorf("%d IDs in one request", len(ids))
	}
	err = f.request(ctx, opIDs, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, id := range ids {
			if i, ok := index(f.rows, id); ok && (f.hide == nil || !f.hide(f.rows[i])) {
				found = append(found, f.rows[i])
			}
		}
		return nil
	})
	return found, err
}

func (f *fake) CreateAccessGroupMembership(ctx context.Context, pair kantata.Pair, sendBy time.Time) (created kantata.Membership,
	err error) {
	if f.gate > 0 {
		if wait := time.Until(sendBy); sendBy.IsZero() || f.gate < wait {
			time.Sleep(f.gate)
		} else {
			time.Sleep(wait)
			f.gate = 0
			return created, &kantata.Error{Outcome: kantata.OutcomeNotDone, Err: kantata.ErrTooLate}
		}
	}
	err = f.request(ctx, opPost, func() error {
		existing := f.of(pair)
		switch {
		case len(existing) == 0 || f.duplicate == "second":
			created = f.add(pair)
		case f.duplicate == "existing":
			created = existing[0]
		default:
			return errInvalid
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

// fail returns a hook that fails requests of these kinds.
func fail(err error, ops ...string) func(string, int) error {
	return func(op string, _ int) error {
		if slices.Contains(ops, op) {
			return err
		}
		return nil
	}
}

// lag shows the rows of the pair in lists for a while after they were deleted.
func (f *fake) lag(pair kantata.Pair, d time.Duration) {
	rows, until := f.of(pair), time.Now().Add(d)
	f.page = func(filter kantata.MembershipFilter, number int, page *kantata.Page[kantata.Membership]) {
		if number != 1 || !filter.Matches(pair) || time.Now().After(until) {
			return
		}
		page.Items = slices.DeleteFunc(page.Items, func(m kantata.Membership) bool { return m.Pair() == pair })
		page.Items = append(slices.Clone(rows), page.Items...)
	}
}

// bubble runs a test in fake time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t)
			time.Sleep(time.Minute) // a round may gather for a moment after its callers have left
		})
	})
}

// sampled returns n, and in -short mode the smaller number: make mutants runs the tests hundreds of times.
func sampled(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// awaitLists waits until no list is being read.
func awaitLists(s *Store) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lists {
		for l.inProgress != nil {
			done := l.inProgress.done
			s.mu.Unlock()
			<-done
			synctest.Wait()
			s.mu.Lock()
		}
	}
}

func newStore(f *fake) *Store { return New(f, 4) }

// inParallel calls work for 0 to n-1, width calls at a time as Terraform does, and reports the first error.
func inParallel(t testing.TB, width, n int, work func(i int) error) {
	t.Helper()
	queue := make(chan int, n)
	for i := range n {
		queue <- i
	}
	close(queue)
	var wg sync.WaitGroup
	failed := make(chan error, n)
	for range width {
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

func (s *Store) mustList(t *testing.T) (rows []kantata.Membership) {
	t.Helper()
	rows, err := s.completeRows(t.Context(), kantata.MembershipFilter{AccessGroupID: testPair(1).AccessGroupID})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func checkError(t *testing.T, got, want error) {
	t.Helper()
	same := errors.Is(got, want)
	if want != nil && !same { // any error of the same type
		same = errors.As(got, reflect.New(reflect.TypeOf(want)).Interface()) && !errors.As(want, new(*kantata.Error))
	}
	if !same {
		t.Errorf("got error %v, want %T %v", got, want, want)
	}
}
