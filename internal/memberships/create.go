package memberships

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

const (
	// detachedLook bounds the look after a cancellation; cancelGrace is the part of it that leaves Kantata time to finish.
	detachedLook = 5 * time.Second
	cancelGrace  = time.Second
)

// pendingLooks are the waits before each look for a create that may still be running.
var pendingLooks = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}

// Created is what a create led to.
type Created struct {
	Membership kantata.Membership
	// Raced says that somebody else created the pair between our direct look, which did not find it, and our request, which
	// Kantata then refused.
	Raced bool
}

// Create puts the pair's user into the pair's group, exactly once (rules 3, 5, 9). Errors: [*ExistsError],
// [*ClaimedError], [*UncertainError], or what the API answered.
func (w *Writer) Create(ctx context.Context, pair kantata.Pair) (created Created, err error) {
	if !w.claim(pair) {
		return created, &ClaimedError{Pair: pair}
	}
	defer func() {
		if err != nil {
			w.release(pair)
			return
		}
		w.reader.recordCreated(created.Membership)
	}()
	absent, err := w.lookFirst(ctx, pair)
	if err != nil {
		return created, err
	}
	done := w.reader.creating()
	defer done()
	m, err := w.post(ctx, pair)
	var exists *ExistsError
	if errors.As(err, &exists) && absent {
		return Created{Membership: exists.Membership, Raced: true}, nil
	}
	return Created{Membership: m}, err
}

// lookFirst returns an [*ExistsError] if a direct look shows the pair. absent says that a direct look did not; else a
// snapshot lacks the pair, which is enough to go ahead: Kantata's answer to the POST decides.
func (w *Writer) lookFirst(ctx context.Context, pair kantata.Pair) (absent bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	l := &lookup{pair: pair, beforeCreate: true}
	if err := w.reader.ask(ctx, l); err != nil {
		return false, err
	}
	if !l.found {
		return l.direct, nil
	}
	m, there := l.membership, true
	if !l.direct {
		m, there, err = w.reader.lookDirect(ctx, pair)
	}
	if err == nil && there {
		err = &ExistsError{Membership: m}
	}
	return true, err
}

// post sends the POST by rule 3.
func (w *Writer) post(ctx context.Context, pair kantata.Pair) (kantata.Membership, error) {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil && attempt == 1 {
			return kantata.Membership{}, err
		}
		m, err := w.api.CreateAccessGroupMembership(ctx, pair)
		if err == nil && m.Pair() == pair {
			return m, nil
		}
		if err == nil {
			err = fmt.Errorf("%w: the create of %s answered %s", errContradiction, pair, m.Pair())
		}
		again := attempt > 1
		switch {
		case refused(err):
			return w.afterRefusal(ctx, pair, err, again)
		case kantata.OutcomeOf(err) == kantata.OutcomeNotDone && again:
			// This one was not carried out, but one before it may have been.
			return w.settle(ctx, pair, err)
		case kantata.OutcomeOf(err) == kantata.OutcomeNotDone:
			return kantata.Membership{}, err
		case ctx.Err() != nil:
			return w.afterCancel(ctx, pair, err)
		case kantata.OutcomeOf(err) == kantata.OutcomePending:
			return w.awaitPending(ctx, pair, err)
		}
		if backoff(ctx, attempt) != nil {
			return w.afterCancel(ctx, pair, err)
		}
		m, there, lookErr := w.reader.lookDirect(ctx, pair)
		switch {
		case lookErr != nil && ctx.Err() != nil:
			return w.afterCancel(ctx, pair, err)
		case lookErr != nil:
			return kantata.Membership{}, &UncertainError{Pair: pair, Err: err, LookErr: lookErr}
		case there:
			return m, nil
		case attempt > w.maxRetries:
			return kantata.Membership{}, err
		}
	}
}

// refused reports an answer that a pair which exists already may have got; its text is not promised.
func refused(err error) bool {
	var e *kantata.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusConflict || e.StatusCode == http.StatusUnprocessableEntity
}

// afterRefusal tells a pair that existed from another reason. After an attempt in doubt, the pair is that attempt's.
func (w *Writer) afterRefusal(ctx context.Context, pair kantata.Pair, err error, again bool) (kantata.Membership, error) {
	if again {
		return w.settle(ctx, pair, err)
	}
	m, there, lookErr := w.reader.lookDirect(ctx, pair)
	if lookErr == nil && there {
		return kantata.Membership{}, &ExistsError{Membership: m}
	}
	return kantata.Membership{}, err
}

// settle looks for what an earlier attempt may have created, after a last one that created nothing.
func (w *Writer) settle(ctx context.Context, pair kantata.Pair, err error) (kantata.Membership, error) {
	if ctx.Err() != nil {
		return w.afterCancel(ctx, pair, err)
	}
	m, there, lookErr := w.reader.lookDirect(ctx, pair)
	switch {
	case lookErr != nil && ctx.Err() != nil:
		return w.afterCancel(ctx, pair, err)
	case lookErr != nil:
		return kantata.Membership{}, &UncertainError{Pair: pair, Err: err, LookErr: lookErr}
	case there:
		return m, nil
	}
	return kantata.Membership{}, err
}

// awaitPending looks for a create that may still be running; a second POST could double it.
func (w *Writer) awaitPending(ctx context.Context, pair kantata.Pair, err error) (kantata.Membership, error) {
	var lastErr error
	for _, wait := range pendingLooks {
		if sleep(ctx, wait) != nil {
			return w.afterCancel(ctx, pair, err)
		}
		m, there, lookErr := w.reader.lookDirect(ctx, pair)
		if there {
			return m, nil
		}
		if lookErr != nil && ctx.Err() != nil {
			return w.afterCancel(ctx, pair, err)
		}
		lastErr = lookErr
	}
	return kantata.Membership{}, &UncertainError{Pair: pair, Err: err, LookErr: lastErr}
}

// afterCancel is the one look that outlives the context, so that what was made gets into the state (rule 9).
func (w *Writer) afterCancel(ctx context.Context, pair kantata.Pair, err error) (kantata.Membership, error) {
	cause := ctx.Err()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachedLook)
	defer cancel()
	_ = sleep(ctx, cancelGrace) // shorter than the context lasts
	m, there, lookErr := w.reader.lookDirect(ctx, pair)
	if there {
		return m, nil
	}
	if !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return kantata.Membership{}, &UncertainError{Pair: pair, Err: err, LookErr: lookErr}
}
