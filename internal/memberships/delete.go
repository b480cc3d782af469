package memberships

import (
	"context"
	"fmt"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// maxNewIDs bounds how often a pair is removed that somebody keeps adding again.
const maxNewIDs = 5

// Delete removes the membership by rule 6; nil means that the pair is known to be absent.
func (w *Writer) Delete(ctx context.Context, id kantata.ID, pair kantata.Pair) error {
	for range maxNewIDs {
		missing, err := w.deleteID(ctx, id)
		if err != nil {
			return err
		}
		w.reader.recordDeleted(id)
		if !missing {
			w.release(pair)
			return nil
		}
		m, there, err := w.reader.lookDirect(ctx, pair)
		if err != nil {
			return err
		}
		if !there {
			w.release(pair)
			return nil
		}
		id = m.ID
	}
	return fmt.Errorf("user %s is added to access group %s again each time the membership is removed; last under id %s", pair.UserID, pair.AccessGroupID, id)
}

// deleteID deletes the id; missing says that there is none. The client has sent an ambiguous DELETE again as often as it
// may, so what is left is to look whether one of them worked.
func (w *Writer) deleteID(ctx context.Context, id kantata.ID) (missing bool, err error) {
	err = w.api.DeleteAccessGroupMembership(ctx, id)
	switch {
	case err == nil:
		return false, nil
	case kantata.IsNotFound(err):
		return true, nil
	case kantata.OutcomeOf(err) == kantata.OutcomeNotDone:
		return false, err
	}
	_, there, lookErr := w.reader.getDirect(ctx, id)
	switch {
	case lookErr != nil:
		return false, fmt.Errorf("%w; whether the membership is still there could not be told: %w", err, lookErr)
	case there:
		return false, err
	}
	return true, nil
}
