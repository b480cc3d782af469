// Package people finds people by their e-mail addresses, and the addresses of people, for all resources and data sources of one provider
// process.
//
// Lookups that arrive together share requests of 200 addresses. In an apply, Terraform plans creates one by one, so these requests become
// small: once enough of them were sent, the list of all people is read instead. The people of an address are kept for a minute, and the
// fact that no one has an address for ten seconds. A list of several pages that is read once does not prove this, so such an address is
// requested (rule 13). A request does not prove it either, because Kantata's comparison may be case-sensitive: [Directory.confirmAbsences].
package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/rounds"
)

const (
	// quiet and most bound the wait for more lookups. On a busy machine, Terraform's calls reach the provider further apart than usual,
	// and people are looked up seldom enough to wait for them.
	quiet, most = 20 * time.Millisecond, 100 * time.Millisecond
	// exists is how long someone is known to have an address, and absent is how long no one is.
	exists, absent = time.Minute, 10 * time.Second
	// severalRefused is how many addresses Kantata must refuse one by one to show that it refuses all.
	severalRefused = 4
)

// API is what a [Directory] needs of Kantata. [*kantata.Client] implements it.
type API interface {
	UsersByEmailAddress(ctx context.Context, addresses []string) ([]kantata.User, error)
	NoUsersWithEmailAddress(ctx context.Context, addresses []string, known kantata.User) (bool, error)
	UsersPage(ctx context.Context, filter kantata.UserFilter, page, perPage int) (kantata.Page[kantata.User], error)
}

// Directory finds the people of an account. All resources and data sources of one provider process share one.
type Directory struct {
	api    API
	rounds rounds.Gatherer[*question]
	// exporting and reading admit one export, and one reading of the list, at a time: the next one finds what it read.
	exporting, reading *semaphore.Weighted

	mu        sync.Mutex        // guards the fields below; it is never held during a request
	byAddress map[string]answer // by normalized address
	byID      map[kantata.ID]answer
	list      list
	// known is someone whose address Kantata has returned. caseMatters means that a request for such a person in another case did not show
	// that Kantata ignores case, or could not be sent. The request is not tried again.
	known       kantata.User
	caseMatters bool
}

// answer is the people who have an address or an ID at a time: none, one, or several.
type answer struct {
	users []kantata.User
	began time.Time
}

func (a answer) valid() bool {
	if len(a.users) == 0 {
		return time.Since(a.began) <= absent
	}
	return time.Since(a.began) <= exists
}

// New returns the directory of an account.
func New(api API) *Directory {
	d := &Directory{
		api: api, exporting: semaphore.NewWeighted(1), reading: semaphore.NewWeighted(1),
		byAddress: map[string]answer{}, byID: map[kantata.ID]answer{},
	}
	d.rounds = rounds.Gatherer[*question]{Quiet: quiet, Most: most, Serve: d.serve}
	return d
}

// SameAddress reports whether two spellings are the same e-mail address: case and surrounding whitespace do not matter.
func SameAddress(a, b string) bool { return normalize(a) == normalize(b) }

func normalize(address string) string { return kantata.FoldEmailAddress(address) }

// ByEmailAddress returns the people who have the address in any spelling, the lowest ID first.
func (d *Directory) ByEmailAddress(ctx context.Context, address string) ([]kantata.User, error) {
	found, err := d.ByEmailAddresses(ctx, []string{address})
	return found(address), err
}

// question is a call of ByEmailAddresses. done is closed when each of its addresses has an answer, or err is set.
type question struct {
	addresses []string
	answers   map[string]answer // by normalized address
	err       error
	done      chan struct{}
}

// ByEmailAddresses looks up any number of addresses. The function that it returns gives the people who have one of them in any
// spelling, the lowest ID first.
func (d *Directory) ByEmailAddresses(ctx context.Context, addresses []string) (found func(address string) []kantata.User, err error) {
	q := &question{answers: map[string]answer{}, done: make(chan struct{})}
	if q.addresses = d.unknown(addresses, q.answers); len(q.addresses) > 0 {
		if err = d.rounds.Join(ctx, q, q.done); err == nil {
			err = q.err
		}
	}
	if err != nil {
		return func(string) []kantata.User { return nil }, err
	}
	return func(address string) []kantata.User { return q.answers[normalize(address)].users }, nil
}

// unknown copies the answers that are kept, and returns the addresses without one, each in one spelling.
func (d *Directory) unknown(addresses []string, answers map[string]answer) (open []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	listed := map[string]bool{}
	for _, address := range addresses {
		key := normalize(address)
		if a, ok := d.byAddress[key]; ok && a.valid() {
			answers[key] = a
		} else if !listed[key] {
			listed[key] = true
			open = append(open, strings.TrimSpace(address))
		}
	}
	return open
}

// serve answers every question of a round: from what is kept, from the list if it is worth reading, or by a request.
func (d *Directory) serve(ctx context.Context, questions []*question) {
	var addresses []string
	for _, q := range questions {
		addresses = append(addresses, q.addresses...)
	}
	answers, errs := map[string]answer{}, map[string]error{}
	open := d.unknown(addresses, answers)
	if len(open) > 0 && d.listIsWorthReading() {
		_ = d.readList(ctx) // addresses that it does not resolve are requested (rule 13)
		open = d.unknown(open, answers)
	}
	var firstPage sync.WaitGroup
	if len(open) > 0 {
		if d.costIsOfInterest() {
			firstPage.Go(func() { d.readFirstPage(ctx) })
		}
		d.request(ctx, open, answers, errs)
		d.confirmAbsences(ctx, open, answers, errs)
	}
	for _, q := range questions {
		for _, address := range q.addresses {
			key := normalize(address)
			q.answers[key] = answers[key]
			if errs[key] != nil {
				q.err = errs[key]
			}
		}
		close(q.done)
	}
	firstPage.Wait()
}

// request requests the people with the addresses, and reports whether Kantata accepted one of them. An address that Kantata refuses does
// not fail the others (rule 13), unless it refuses several and accepts none: then the reason is not one of the addresses.
func (d *Directory) request(ctx context.Context, addresses []string, answers map[string]answer, errs map[string]error) (accepted bool) {
	began := time.Now()
	requests := (len(addresses) + kantata.MaxPerPage - 1) / kantata.MaxPerPage
	d.mu.Lock()
	d.list.spent += requests
	d.mu.Unlock()
	users, err := d.api.UsersByEmailAddress(ctx, addresses)
	if half := len(addresses) / 2; half > 0 && refused(err) {
		accepted = d.request(ctx, addresses[:half], answers, errs)
		if accepted || half < severalRefused {
			return d.request(ctx, addresses[half:], answers, errs) || accepted
		}
	}
	found := byAddress(users)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil && len(users) == 0 { // a list that is read once does not save requests that find no one
		d.list.spent = max(d.list.spent-requests, 0)
	}
	d.remember(users)
	for _, address := range addresses {
		key := normalize(address)
		if errs[key] = err; err == nil {
			answers[key] = answer{users: found[key], began: began}
			if len(found[key]) > 0 {
				d.byAddress[key] = answers[key] // an absence is kept once it is confirmed
			}
		}
	}
	return err == nil
}

// refused reports an error that may be about one of several addresses, or about the length of the request.
func refused(err error) bool {
	if errors.Is(err, kantata.ErrHiddenAddress) {
		return true
	}
	var e *kantata.Error
	return errors.As(err, &e) && !kantata.IsForbidden(err) && slices.Contains([]int{
		http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnprocessableEntity,
	}, e.StatusCode)
}

// confirmAbsences makes certain that no one has the addresses that no one was found with. If Kantata compares addresses exactly, a request
// finds an address only as it is written there, and not in the spelling of the configuration. A request that also finds someone whose
// address is written differently excludes this. Otherwise, only a complete list tells. If it fails, it is not known whether someone has the
// address: a configuration that ignores missing people would remove them.
func (d *Directory) confirmAbsences(ctx context.Context, addresses []string, answers map[string]answer, errs map[string]error) {
	missing := slices.DeleteFunc(slices.Clone(addresses), func(address string) bool {
		key := normalize(address)
		return errs[key] != nil || len(answers[key].users) > 0
	})
	if len(missing) == 0 {
		return
	}
	var err error
	asked := time.Now()
	byRequest := d.caseIsIgnored(ctx, missing, asked)
	if !byRequest {
		err = d.proveList(ctx, asked)
	}
	missing = d.unknown(missing, answers) // without those whom the list shows in another spelling
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, address := range missing {
		key := normalize(address)
		if err == nil {
			a := answers[key]
			if !byRequest && d.list.began.Before(a.began) {
				a.began = d.list.began // an absence is kept no longer than the list that proves it
			}
			d.byAddress[key] = a
		} else {
			errs[key] = fmt.Errorf("no one was found with the e-mail address %q, and the list of all people, which would confirm this, "+
				"could not be read: %w", address, err)
		}
	}
}

// caseIsIgnored reports whether Kantata finds a person who is known in another case, but no one with the addresses. It sends no request if
// a list proves who is missing.
func (d *Directory) caseIsIgnored(ctx context.Context, missing []string, asked time.Time) bool {
	d.mu.Lock()
	known, caseMatters, list := d.known, d.caseMatters, d.list
	d.mu.Unlock()
	if caseMatters || list.proves(asked) {
		return false
	}
	if known.EmailAddress == nil {
		d.readFirstPage(ctx)
		d.mu.Lock()
		known, list = d.known, d.list
		d.mu.Unlock()
		if known.EmailAddress == nil || list.proves(asked) {
			return false
		}
	}
	ignored, err := d.api.NoUsersWithEmailAddress(ctx, missing, known)
	if err == nil && !ignored {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.caseMatters = true
	}
	return ignored
}

// remember keeps someone whose address is known, preferably one in upper case. The mutex is held.
func (d *Directory) remember(users []kantata.User) {
	for _, u := range users {
		if u.EmailAddress != nil && (d.known.EmailAddress == nil || *u.EmailAddress != normalize(*u.EmailAddress)) {
			d.known = u
		}
	}
}

// byAddress groups the people by normalized address, each once and the lowest ID first.
func byAddress(users []kantata.User) map[string][]kantata.User {
	sorted := slices.SortedFunc(slices.Values(users), func(a, b kantata.User) int { return a.ID.Compare(b.ID) })
	found := map[string][]kantata.User{}
	for i, u := range sorted {
		if u.EmailAddress != nil && (i == 0 || sorted[i-1].ID != u.ID) {
			key := normalize(*u.EmailAddress)
			found[key] = append(found[key], u)
		}
	}
	return found
}
