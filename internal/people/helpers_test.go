package people

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errUnavailable = apiError(http.StatusServiceUnavailable, kantata.OutcomeUnknown)
	errForbidden   = &kantata.Error{StatusCode: http.StatusForbidden, Outcome: kantata.OutcomeNotDone, FromKantata: true}
	errInvalid     = apiError(http.StatusUnprocessableEntity, kantata.OutcomeNotDone)
	// errRefusedByProxy is an error that does not have the form of Kantata's errors.
	errRefusedByProxy = apiError(http.StatusForbidden, kantata.OutcomeNotDone)
)

// apiError is an error as the client reports it.
func apiError(status int, outcome kantata.Outcome) error {
	return &kantata.Error{StatusCode: status, Outcome: outcome}
}

// fakePeople is /users in memory. The people are in alphabetical order, which is not the order of their IDs.
type fakePeople struct {
	random *rand.Rand
	people []kantata.User
	// exact means that a request finds an address only in the spelling that the person has.
	exact bool
	// hidden is how many people the list counts and never shows.
	hidden int
	// idsPerPage is the size of a page of people by their IDs; 0 means the size that is requested.
	idsPerPage int
	// pageDelay is how much longer a page of the list takes than other requests.
	pageDelay time.Duration
	// fail returns the error of a request, before its work is done.
	fail func(op string, addresses []string) error

	mu     sync.Mutex // guards the fields below, random, and people during the test
	counts map[string]int
	ended  map[string]int // requests whose context ended
}

const (
	opByAddress = "users by address"
	opNoUsers   = "no users with an address"
	opByIDs     = "users by ID"
	opPeople    = "page of users"
)

func newFakePeople(people int) *fakePeople {
	f := &fakePeople{random: rand.New(rand.NewPCG(1, 2)), counts: map[string]int{}, ended: map[string]int{}}
	for i := range people {
		f.people = append(f.people, testUser(people-i, testAddress(i)))
	}
	return f
}

// awaitList waits until the list is not being read.
func awaitList(t *testing.T, d *Directory) {
	t.Helper()
	synctest.Wait()
	if err := d.reading.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	d.reading.Release(1)
	synctest.Wait()
}

func testUser(id int, address string) kantata.User {
	return kantata.User{ID: kantata.ID(strconv.Itoa(id)), EmailAddress: &address}
}

func testAddress(i int) string { return fmt.Sprintf("person%d@example.com", i) }

func (f *fakePeople) request(ctx context.Context, op string, addresses []string) error {
	f.mu.Lock()
	f.counts[op]++
	f.mu.Unlock()
	delay := f.delay()
	if op == opPeople {
		delay += f.pageDelay
	}
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended[op]++
		return ctx.Err()
	}
	if f.fail != nil {
		return f.fail(op, addresses)
	}
	return nil
}

// delay is how long a request takes.
func (f *fakePeople) delay() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 100*time.Millisecond + time.Duration(f.random.IntN(200))*time.Millisecond
}

func (f *fakePeople) UsersByEmailAddress(ctx context.Context, addresses []string) ([]kantata.User, error) {
	if err := f.request(ctx, opByAddress, addresses); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(f.snapshot(), func(u kantata.User) bool {
		return !slices.ContainsFunc(addresses, func(a string) bool {
			return a == *u.EmailAddress || !f.exact && strings.EqualFold(a, *u.EmailAddress)
		})
	}), nil
}

func (f *fakePeople) NoUsersWithEmailAddress(ctx context.Context, addresses []string, known kantata.User) (bool, error) {
	if err := f.request(ctx, opNoUsers, addresses); err != nil {
		return false, err
	}
	return !f.exact && !slices.ContainsFunc(f.snapshot(), func(u kantata.User) bool {
		return u.ID != known.ID && slices.ContainsFunc(addresses, func(a string) bool { return strings.EqualFold(a, *u.EmailAddress) })
	}), nil
}

func (f *fakePeople) UsersPage(ctx context.Context, filter kantata.UserFilter, page, perPage int) (kantata.Page[kantata.User], error) {
	if len(filter.IDs) > 0 {
		rows := slices.DeleteFunc(f.snapshot(), func(u kantata.User) bool { return !slices.Contains(filter.IDs, u.ID) })
		size := perPage
		if f.idsPerPage > 0 {
			size = f.idsPerPage
		}
		from, to := min((page-1)*size, len(rows)), min(page*size, len(rows))
		err := f.request(ctx, opByIDs, make([]string, len(filter.IDs)))
		return kantata.Page[kantata.User]{Items: rows[from:to], Count: len(rows), PageSize: size}, err
	}
	if err := f.request(ctx, opPeople, nil); err != nil {
		return kantata.Page[kantata.User]{}, err
	}
	people := f.snapshot()
	from, to := min((page-1)*perPage, len(people)), min(page*perPage, len(people))
	return kantata.Page[kantata.User]{Items: people[from:to], Count: len(people) + f.hidden, PageSize: perPage}, nil
}

// move moves everyone to another place in the list.
func (f *fakePeople) move() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.people = append(slices.Clone(f.people[1:]), f.people[0])
}

func (f *fakePeople) snapshot() []kantata.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.people)
}

func (f *fakePeople) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := 0
	for _, n := range f.counts {
		total += n
	}
	return total
}

// lookUpLikeTerraform looks up the addresses ten at a time. Between two lookups, each of the ten does other work for about the given time.
func lookUpLikeTerraform(t *testing.T, d *Directory, addresses []string, work time.Duration) {
	t.Helper()
	fake := d.api.(*fakePeople)
	next := make(chan string)
	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			for address := range next {
				want := 0
				for _, u := range fake.snapshot() {
					if strings.EqualFold(address, *u.EmailAddress) {
						want++
					}
				}
				users, err := d.ByEmailAddress(t.Context(), address)
				if err != nil || len(users) != want || want > 0 && !strings.EqualFold(address, *users[0].EmailAddress) {
					t.Errorf("%s: got %v and the error %v, want %d people with this address", address, users, err, want)
				}
				if work > 0 {
					time.Sleep(work + fake.delay())
				}
			}
		})
	}
	for _, address := range addresses {
		next <- address
	}
	close(next)
	workers.Wait()
}

// age makes all that the directory knows older.
func age(d *Directory, by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range []*time.Time{&d.list.began, &d.list.firstBegan, &d.list.notBefore} {
		*t = t.Add(-by)
	}
	for address, known := range d.byAddress {
		known.began = known.began.Add(-by)
		d.byAddress[address] = known
	}
}
