package memberships

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

// UsersAPI is what [People] needs of Kantata. [*kantata.Client] implements it.
type UsersAPI interface {
	UsersByEmailAddress(ctx context.Context, addresses []string) ([]kantata.User, error)
	UsersPage(ctx context.Context, filter kantata.UserFilter, page, perPage int) (kantata.Page[kantata.User], error)
}

// People finds people by their e-mail addresses, and the addresses of people, for all resources and data sources of one provider
// process. Lookups that arrive together share requests of 200 addresses. In an apply, Terraform plans creates one by one, so these
// requests become small: once enough of them were sent, People reads the list of all people instead.
//
// An answer is kept as long as one about memberships: Waits.Exists for a person, and Waits.Absent for an address that no one has. The
// list alone does not say that no one has an address: such an address is requested (rule 13).
type People struct {
	api   UsersAPI
	waits Waits
	// exporting admits one export at a time: the next one finds what it read.
	exporting *semaphore.Weighted

	// mu guards the fields below and those of peopleRound. It is never held during a request.
	mu        sync.Mutex
	gathering *peopleRound
	serving   <-chan struct{}         // done of the round that gathered last
	byAddress map[string]peopleAnswer // by comparable address
	byID      map[kantata.ID]peopleAnswer

	// pages is the number of pages of the list of people, 0 if unknown, and spent the number of small requests since it was read.
	pages, spent int
	// began is when the list was last read. costing means that its first page is being requested, and reading is closed when the
	// reading in progress ends.
	began   time.Time
	costing bool
	reading chan struct{}
	// blocked is until when the list is not read, and slow means never.
	blocked time.Time
	slow    bool
}

// peopleAnswer is the people who have an address or an ID at a time: none, one, or several.
type peopleAnswer struct {
	users []kantata.User
	began time.Time
}

// NewPeople returns the people of an account.
func NewPeople(api UsersAPI, waits Waits) *People {
	if waits == (Waits{}) {
		waits = DefaultWaits()
	}
	// Terraform's calls reach the provider further apart on a busy machine. People are looked up seldom enough to wait for that.
	waits.Quiet, waits.Gather = 4*waits.Quiet, 4*waits.Gather
	none := make(chan struct{})
	close(none)
	return &People{
		api: api, waits: waits, exporting: semaphore.NewWeighted(1), serving: none,
		byAddress: map[string]peopleAnswer{}, byID: map[kantata.ID]peopleAnswer{},
	}
}

// SameAddress reports that two spellings are one e-mail address: case and surrounding whitespace do not matter.
func SameAddress(a, b string) bool { return comparableAddress(a) == comparableAddress(b) }

func comparableAddress(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// ByEmailAddress returns the people who have the address in any spelling, the lowest ID first.
func (p *People) ByEmailAddress(ctx context.Context, address string) ([]kantata.User, error) {
	found, err := p.ByEmailAddresses(ctx, []string{address})
	return found(address), err
}

// ByEmailAddresses looks up any number of addresses. The function that it returns gives the people who have one of them in any
// spelling, the lowest ID first.
func (p *People) ByEmailAddresses(ctx context.Context, addresses []string) (found func(address string) []kantata.User, err error) {
	none := func(string) []kantata.User { return nil }
	if err := ctx.Err(); err != nil {
		return none, err
	}
	answers := map[string]peopleAnswer{}
	open := p.unknown(addresses, answers)
	if len(open) > 0 {
		r := p.join(ctx, open)
		select {
		case <-r.done:
		case <-ctx.Done():
			p.leave(r)
			return none, ctx.Err()
		}
		for _, address := range open {
			if err := r.errs[comparableAddress(address)]; err != nil {
				return none, err
			}
			answers[comparableAddress(address)] = r.answers[comparableAddress(address)]
		}
	}
	return func(address string) []kantata.User { return answers[comparableAddress(address)].users }, nil
}

// unknown copies the answers that are kept, and returns the addresses without one, each in one spelling.
func (p *People) unknown(addresses []string, answers map[string]peopleAnswer) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []string
	listed := map[string]bool{}
	for _, address := range addresses {
		key := comparableAddress(address)
		if a, ok := p.byAddress[key]; ok && p.valid(a) {
			answers[key] = a
		} else if !listed[key] {
			listed[key] = true
			open = append(open, strings.TrimSpace(address))
		}
	}
	return open
}

func (p *People) valid(a peopleAnswer) bool {
	if len(a.users) == 0 {
		return time.Since(a.began) <= p.waits.Absent
	}
	return time.Since(a.began) <= p.waits.Exists
}

// peopleRound is a group of lookups that arrived together. Its context ends when all its callers have left.
type peopleRound struct {
	ctx       context.Context
	cancel    context.CancelFunc
	arrived   chan struct{}
	addresses []string
	callers   int

	// done is closed when every address has an answer or an error.
	done    chan struct{}
	answers map[string]peopleAnswer
	errs    map[string]error
}

func (p *People) join(ctx context.Context, addresses []string) *peopleRound {
	p.mu.Lock()
	r := p.gathering
	if r == nil {
		r = &peopleRound{
			arrived: make(chan struct{}, 1), done: make(chan struct{}), answers: map[string]peopleAnswer{}, errs: map[string]error{},
		}
		r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
		p.gathering = r
		go p.serve(r)
	}
	r.addresses = append(r.addresses, addresses...)
	r.callers++
	p.mu.Unlock()
	select {
	case r.arrived <- struct{}{}:
	default:
	}
	return r
}

func (p *People) leave(r *peopleRound) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.callers--; r.callers > 0 {
		return
	}
	r.cancel()
	if p.gathering == r {
		p.gathering = nil
	}
}

// serve answers every lookup of the round: from what is kept, from the list if it is worth reading, or by a request.
func (p *People) serve(r *peopleRound) {
	defer r.cancel()
	addresses := p.gather(r)
	open := p.unknown(addresses, r.answers)
	if p.worthReading(len(open)) {
		p.readList(r.ctx)
		open = p.unknown(open, r.answers)
	}
	var first sync.WaitGroup
	if p.needsCost(len(open)) {
		first.Go(func() { p.readFirstPage(r.ctx) })
	}
	if len(open) > 0 {
		p.send(r, open)
		p.findOtherSpellings(r, open)
	}
	close(r.done)
	first.Wait()
}

// gather waits until no lookup has arrived for a moment. Before that, it waits for the result of the round before it, whose callers
// are about to ask for more, so that one request answers all of them. A round that takes long is not waited for.
func (p *People) gather(r *peopleRound) (addresses []string) {
	p.mu.Lock()
	before := p.serving
	p.mu.Unlock()
	timer := time.NewTimer(p.waits.Cost)
	defer timer.Stop()
	select {
	case <-before:
	case <-timer.C:
	case <-r.ctx.Done():
	}
	awaitQuiet(r.ctx, r.arrived, p.waits)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathering == r {
		p.gathering = nil
	}
	p.serving = r.done
	return r.addresses
}

// awaitQuiet waits until nothing has arrived for Waits.Quiet, at most Waits.Gather.
func awaitQuiet(ctx context.Context, arrived <-chan struct{}, waits Waits) {
	ctx, cancel := context.WithTimeout(ctx, waits.Gather)
	defer cancel()
	quiet := time.NewTimer(waits.Quiet)
	defer quiet.Stop()
	for {
		select {
		case <-arrived:
			quiet.Reset(waits.Quiet)
		case <-quiet.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// send requests the people with the addresses. An address that Kantata refuses does not fail the others (rule 13).
func (p *People) send(r *peopleRound, addresses []string) {
	began := time.Now()
	p.mu.Lock()
	p.spent += (len(addresses) + kantata.MaxPerPage - 1) / kantata.MaxPerPage
	p.mu.Unlock()
	users, err := p.api.UsersByEmailAddress(r.ctx, addresses)
	if len(addresses) > 1 && refused(err) {
		half := len(addresses) / 2
		p.send(r, addresses[:half])
		p.send(r, addresses[half:])
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := peopleByAddress(users)
	for _, address := range addresses {
		key := comparableAddress(address)
		if r.errs[key] = err; err == nil {
			r.answers[key] = peopleAnswer{users: found[key], began: began}
			p.byAddress[key] = r.answers[key]
		}
	}
}

// findOtherSpellings looks in the list for addresses that no one seems to have. If Kantata compares addresses exactly, a request finds
// an address only as it is written there, and not in the spelling of the configuration.
func (p *People) findOtherSpellings(r *peopleRound, addresses []string) {
	missing := slices.DeleteFunc(slices.Clone(addresses), func(address string) bool {
		key := comparableAddress(address)
		return r.errs[key] != nil || len(r.answers[key].users) > 0
	})
	p.mu.Lock()
	read := len(missing) > 0 && !p.slow && time.Now().After(p.blocked) && time.Since(p.began) > p.waits.Exists
	p.mu.Unlock()
	if read {
		p.readList(r.ctx)
		p.unknown(missing, r.answers)
	}
}

// refused reports an error that may be about one of several addresses, or about the length of the request.
func refused(err error) bool {
	var e *kantata.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// peopleByAddress groups the people by comparable address, each once and the lowest ID first.
func peopleByAddress(users []kantata.User) map[string][]kantata.User {
	sorted := slices.SortedFunc(slices.Values(users), func(a, b kantata.User) int { return a.ID.Compare(b.ID) })
	sorted = slices.CompactFunc(sorted, func(a, b kantata.User) bool { return a.ID == b.ID })
	found := map[string][]kantata.User{}
	for _, u := range sorted {
		if u.EmailAddress != nil {
			key := comparableAddress(*u.EmailAddress)
			found[key] = append(found[key], u)
		}
	}
	return found
}

const (
	// freePeopleRequests is how many requests are sent before the cost of the list is of interest.
	freePeopleRequests = 1
	// A list of at most fewPeoplePages is read after small requests of a third of its cost, and a longer one after as many as its pages:
	// while a plan runs, ten lookups share a request, so a long list is seldom worth reading.
	fewPeoplePages = 6
)

// needsCost reports that the caller is to request the first page of the list, which tells what the list costs.
func (p *People) needsCost(open int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open == 0 || p.pages > 0 || p.spent < freePeopleRequests || p.costing || time.Now().Before(p.blocked) {
		return false
	}
	p.costing = true
	return true
}

// worthReading compares the small requests since the last reading with the cost of the list, whose last page is read twice.
func (p *People) worthReading(open int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open == 0 || p.pages == 0 || p.slow || time.Now().Before(p.blocked) || time.Since(p.began) <= p.waits.Exists {
		return false
	}
	if p.pages <= fewPeoplePages {
		return 3*p.spent >= p.pages
	}
	return p.spent >= p.pages
}

// everyone is the list of all people, in alphabetical order. Without OnMyAccount, those who are in no project would be missing.
func (p *People) everyone() paging.Pages[kantata.User] {
	return paging.Pages[kantata.User]{
		TrustCount: true,
		ID:         func(u kantata.User) kantata.ID { return u.ID },
		Page: func(ctx context.Context, number int) (kantata.Page[kantata.User], error) {
			return p.api.UsersPage(ctx, kantata.UserFilter{OnMyAccount: true}, number, kantata.MaxPerPage)
		},
	}
}

// readFirstPage learns the number of pages. A list of one page is complete.
func (p *People) readFirstPage(ctx context.Context) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.costing = false
	}()
	began := time.Now()
	page, err := p.everyone().Page(ctx, 1)
	switch {
	case err != nil:
		p.block(ctx, false)
	case paging.Count(page) <= 1 && !paging.Short(page, 1):
		p.store(paging.Complete[kantata.User]{Rows: page.Items, Pages: 1, Began: began})
	default:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pages = max(paging.Count(page), 1)
	}
}

// readList reads the list, or waits for the reading in progress. It has no error: what it does not tell is requested (rule 13).
func (p *People) readList(ctx context.Context) {
	p.mu.Lock()
	done, pages := p.reading, p.pages
	if done != nil {
		p.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		return
	}
	done = make(chan struct{})
	p.reading = done
	p.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, p.waits.Absent)
	defer cancel()
	read, err := p.everyone().Read(limited, pages)
	if err == nil {
		p.store(read)
	} else {
		p.block(ctx, limited.Err() != nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading = nil
	close(done)
}

// store keeps an answer for the address of each person.
func (p *People) store(read paging.Complete[kantata.User]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages, p.spent, p.began = read.Pages, 0, read.Began
	for key, users := range peopleByAddress(read.Rows) {
		p.byAddress[key] = peopleAnswer{users: users, began: read.Began}
	}
	for _, u := range read.Rows {
		p.byID[u.ID] = peopleAnswer{users: []kantata.User{u}, began: read.Began}
	}
}

// block keeps a list that failed from being read for a while, unless the callers have left.
func (p *People) block(ctx context.Context, slow bool) {
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked = time.Now().Add(p.waits.Blocked)
	p.slow = p.slow || slow
}

// EmailAddresses returns the e-mail addresses of people by their IDs. Kantata returns no one who is deactivated: they have none. Such
// an ID is requested once in a process, because a deactivated person may stay in many groups.
func (p *People) EmailAddresses(ctx context.Context, ids []kantata.ID) (map[kantata.ID]*string, error) {
	if err := p.exporting.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer p.exporting.Release(1)
	// Guests of other accounts are missing from the people of this account, and people in no project from the others.
	for _, onMyAccount := range []bool{true, false} {
		requests, requestsCtx := errgroup.WithContext(ctx)
		requests.SetLimit(paging.Readers)
		for chunk := range slices.Chunk(p.unknownIDs(ids), kantata.MaxPerPage) {
			requests.Go(func() error { return p.requestIDs(requestsCtx, chunk, onMyAccount) })
		}
		if err := requests.Wait(); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	addresses := make(map[kantata.ID]*string, len(ids))
	for _, id := range ids {
		if a := p.byID[id]; len(a.users) > 0 {
			addresses[id] = a.users[0].EmailAddress
		} else {
			p.byID[id] = peopleAnswer{}
		}
	}
	return addresses, nil
}

func (p *People) requestIDs(ctx context.Context, ids []kantata.ID, onMyAccount bool) error {
	began := time.Now()
	page, err := p.api.UsersPage(ctx, kantata.UserFilter{IDs: ids, OnMyAccount: onMyAccount}, 1, kantata.MaxPerPage)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range page.Items {
		p.byID[u.ID] = peopleAnswer{users: []kantata.User{u}, began: began}
	}
	return nil
}

// unknownIDs returns the IDs whose addresses must be requested, each once.
func (p *People) unknownIDs(ids []kantata.ID) []kantata.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	unknown := slices.SortedFunc(slices.Values(ids), kantata.ID.Compare)
	return slices.DeleteFunc(slices.Compact(unknown), func(id kantata.ID) bool {
		a, ok := p.byID[id]
		return ok && (len(a.users) == 0 || p.valid(a))
	})
}
