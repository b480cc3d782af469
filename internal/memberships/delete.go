package memberships

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxNewIDs is how many times a delete removes a pair that is added again each time.
const maxNewIDs = 5

// Delete removes the membership that the state knows by its ID and its pair, under that ID or a new one (rules 6 and 11). Without an
// error, the state's membership is gone, or it belongs to another resource of this run that created or adopted it. Errors:
// [*RefusedDeleteError], [*NotDeletedError], or what the API returned.
func (s *Store) Delete(ctx context.Context, id kantata.ID, key kantata.Pair) error {
	p := s.pair(key)
	defer s.startDelete(p)()
	if err := p.lock.Acquire(ctx, 1); err != nil {
		return err
	}
	defer p.lock.Release(1)
	s.mu.Lock()
	refused, made := p.refused, p.made
	s.mu.Unlock()
	switch {
	case made == id:
		return nil
	case refused:
		return &RefusedDeleteError{Pair: key}
	}
	write := s.deletes.Enter(ctx, key)
	defer write.Leave()
	err := write.Send(func() error { return s.remove(ctx, p, id, key) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil { // a later delete of the pair, under another ID, says nothing about this one
		p.deleteErr = err
	}
	return err
}

// remove deletes the ID, and the pair's new ID if the membership was added again outside Terraform.
func (s *Store) remove(ctx context.Context, p *pair, id kantata.ID, key kantata.Pair) error {
	defer s.apart.Write(ctx)()
	for range maxNewIDs {
		err := s.api.DeleteAccessGroupMembership(ctx, id)
		if err == nil {
			s.saw(kantata.Membership{ID: id})
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
		s.mu.Lock()
		rows = slices.DeleteFunc(rows, func(m kantata.Membership) bool { return p.ours(m.ID) })
		s.mu.Unlock()
		if len(rows) == 0 {
			return nil
		}
		id = rows[0].ID
	}
	return fmt.Errorf("user %s was added to access group %s again each time the membership was removed, last with the ID %s",
		key.UserID, key.AccessGroupID, id)
}

// checkRemoved confirms that no membership has the ID, with a GET and a lookup of the pair, because a 404 to a DELETE is a claim (rule 6)
// and any other error says nothing. It returns the pair's other rows.
func (s *Store) checkRemoved(ctx context.Context, id kantata.ID, key kantata.Pair) ([]kantata.Membership, error) {
	_, err := s.getByID(ctx, id)
	if err == nil {
		return nil, &NotDeletedError{ID: id}
	}
	var rows []kantata.Membership
	if errors.Is(err, errNoID) {
		s.removed(id, key) // so that the lookup gives lists a moment to catch up
		rows, err = s.lookUpPair(ctx, key)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("the check whether membership %s still exists failed: %w", id, err)
	case slices.ContainsFunc(rows, func(m kantata.Membership) bool { return m.ID == id }):
		err = &NotDeletedError{ID: id}
	default:
		return rows, nil
	}
	s.forget(key)
	return nil, err
}
