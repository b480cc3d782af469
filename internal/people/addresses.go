package people

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/paging"
)

// EmailAddresses returns the e-mail addresses of people by their IDs. Kantata does not return deactivated people, so they have no address.
// Such an ID is requested once in a process, because a deactivated person may stay in many groups.
func (d *Directory) EmailAddresses(ctx context.Context, ids []kantata.ID) (map[kantata.ID]*string, error) {
	if err := d.exporting.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer d.exporting.Release(1)
	requests, requestsCtx := errgroup.WithContext(ctx)
	requests.SetLimit(paging.Readers)
	for chunk := range slices.Chunk(d.unknownIDs(ids), kantata.MaxPerPage) {
		requests.Go(func() error { return d.requestIDs(requestsCtx, chunk) })
	}
	if err := requests.Wait(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	addresses := make(map[kantata.ID]*string, len(ids))
	for _, id := range ids {
		if a := d.byID[id]; len(a.users) > 0 {
			addresses[id] = a.users[0].EmailAddress
		} else {
			d.byID[id] = answer{}
		}
	}
	return addresses, nil
}

// requestIDs requests people of the account. Without OnMyAccount, those who are in no project would be missing. If the response counts more
// people than fit on a page, the next page is requested: whoever is on no page counts as deactivated.
func (d *Directory) requestIDs(ctx context.Context, ids []kantata.ID) error {
	seen := map[kantata.ID]bool{}
	for number := 1; ; number++ {
		began, before := time.Now(), len(seen)
		page, err := d.api.UsersPage(ctx, kantata.UserFilter{IDs: ids, OnMyAccount: true}, number, kantata.MaxPerPage)
		d.mu.Lock()
		for _, u := range page.Items {
			seen[u.ID] = true
			d.byID[u.ID] = answer{users: []kantata.User{u}, began: began}
		}
		d.mu.Unlock()
		if half := len(ids) / 2; half > 0 && refused(err) { // the request may be too long for a proxy (rule 13)
			if err = d.requestIDs(ctx, ids[:half]); err == nil {
				err = d.requestIDs(ctx, ids[half:])
			}
			return err
		}
		// A page without other people ends the list in any case.
		if err != nil || number >= paging.Count(page) || len(seen) == before {
			return err
		}
	}
}

// unknownIDs returns the IDs whose addresses must be requested, each once.
func (d *Directory) unknownIDs(ids []kantata.ID) []kantata.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	unknown := slices.SortedFunc(slices.Values(ids), kantata.ID.Compare)
	return slices.DeleteFunc(slices.Compact(unknown), func(id kantata.ID) bool {
		a, ok := d.byID[id]
		return ok && (len(a.users) == 0 || a.valid())
	})
}
