package memberships

import (
	"context"
	"fmt"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxNewIDs is how many times a pair is removed that is added again each time.
const maxNewIDs = 5

// Delete removes the membership that the state knows by its ID and its pair, under that ID or a new one (rules 6 and 11). Without an
// error, the state's membership is gone, or it belongs to another resource of this run that created or adopted it. Errors:
// [*RefusedDeleteError], [*NotDeletedError], or what the API returned.
func (s *Store) Delete(ctx context.Context, id kantata.ID, key kantata.Pair) error {
	s.saw(kantata.Membership{ID: id})
	p := s.pair(key)
	defer s.startDelete(p)()
	if err := p.acquire(ctx); err != nil {
		return err
	}
	defer p.release()
	s.mu.Lock()
	refused, made := p.refused, p.made
	s.mu.Unlock()
	switch {
	case made == id:
		return nil
	case refused:
		return &RefusedDeleteError{Pair: key}
	}
	release, _ := s.apart(ctx, 1)
	defer release()
	defer s.startWrite(key)()
	err := s.remove(ctx, p, id, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.deleteErr = err
	return err
}

// remove deletes the ID, and the pair's new ID if the membership was added again outside Terraform.
func (s *Store) remove(ctx context.Context, p *pair, id kantata.ID, key kantata.Pair) error {
	for range maxNewIDs {
		err := s.api.DeleteAccessGroupMembership(ctx, id)
		if err == nil {
			s.removed(id, key)
			return nil
		}
		if kantata.OutcomeOf(err) == kantata.OutcomeNotDone && !kantata.IsNotFound(err) {
			return err
		}
		rows, checkErr := s.checkRemoved(ctx, id, key)
		switch {
		case checkErr != nil && kantata.IsNotFound(err): // the check says more than the 404 that it did not confirm
			return fmt.Errorf("%w; %w", checkErr, err)
		case checkErr != nil:
			return fmt.Errorf("%w; %w", err, checkErr)
		}
		s.removed(id, key)
		if id = s.notOurs(p, rows); id == "" {
			return nil
		}
	}
	return fmt.Errorf("user %s was added to access group %s again each time the membership was removed, last with the ID %s",
		key.UserID, key.AccessGroupID, id)
}

// notOurs returns the lowest ID of the rows that this process may delete, or "".
func (s *Store) notOurs(p *pair, rows []kantata.Membership) kantata.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range rows {
		if !p.ours(m.ID) {
			return m.ID
		}
	}
	return ""
}

// checkRemoved confirms that there is no membership with the ID, with a GET and a lookup of the pair, because a 404 to a DELETE is a
// claim (rule 6) and any other error says nothing. It returns the pair's other rows. Lists may lag, so it looks again twice.
func (s *Store) checkRemoved(ctx context.Context, id kantata.ID, key kantata.Pair) (rows []kantata.Membership, err error) {
	for _, wait := range []time.Duration{0, s.waits.Lag / 3, s.waits.Lag * 2 / 3} {
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
		_, err = s.api.GetAccessGroupMembership(ctx, id)
		switch {
		case err == nil:
			err = &NotDeletedError{ID: id}
			continue
		case !kantata.IsNotFound(err):
			return nil, fmt.Errorf("whether membership %s still exists is not known: %w", id, err)
		}
		if rows, err = s.lookUpPair(ctx, key); err != nil {
			return nil, fmt.Errorf("whether membership %s still exists is not known: %w", id, err)
		}
		listed := false
		for _, m := range rows {
			listed = listed || m.ID == id
		}
		if !listed {
			return rows, nil
		}
		err = &NotDeletedError{ID: id}
	}
	return nil, err
}
