package memberships

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// Created is the result of a create.
type Created struct {
	Membership kantata.Membership
	// Adopted means that the membership existed, and that nothing was created.
	Adopted bool
}

// Create adds the pair's user to the pair's access group, exactly once (rules 3, 5, 9 and 11). If the membership exists, adopt takes it
// instead of refusing to create it. Errors: [*ExistsError], [*ClaimedError], [*FailedDeleteError], [*UncertainError], or what the API
// returned.
func (s *Store) Create(ctx context.Context, key kantata.Pair, adopt bool) (Created, error) {
	p := s.pair(key)
	s.mu.Lock()
	claimed := p.claimed
	p.claimed = true
	s.mu.Unlock()
	if claimed {
		return Created{}, &ClaimedError{Pair: key}
	}
	created, err := s.createAfterDeletes(ctx, p, key, adopt)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.claimed = err == nil || errors.As(err, new(*UncertainError))
	return created, err
}

// createAfterDeletes creates the membership, again after each delete of the pair that ended in the meantime.
func (s *Store) createAfterDeletes(ctx context.Context, p *pair, key kantata.Pair, adopt bool) (Created, error) {
	for {
		s.mu.Lock()
		ended := p.ended
		s.mu.Unlock()
		created, err := s.createOrAdopt(ctx, p, key, adopt)
		if !errors.As(err, new(*ExistsError)) {
			return created, err
		}
		if again, waitErr := s.awaitDelete(ctx, p, ended); waitErr != nil || !again {
			return created, cmp.Or(waitErr, err)
		}
	}
}

// createOrAdopt does everything that needs the pair's lock.
func (s *Store) createOrAdopt(ctx context.Context, p *pair, key kantata.Pair, adopt bool) (Created, error) {
	if err := p.lock.Acquire(ctx, 1); err != nil {
		return Created{}, err
	}
	defer p.lock.Release(1)
	s.mu.Lock()
	deleteErr := p.deleteErr
	s.mu.Unlock()
	if deleteErr != nil {
		return Created{}, &FailedDeleteError{Pair: key, Err: deleteErr}
	}
	write := s.creates.Enter(ctx, key)
	defer write.Leave()
	m, err := s.lookAndPost(ctx, write, p, key, time.Time{})
	if errors.Is(err, kantata.ErrTooLate) { // what the lookup showed is too old by now (rule 5)
		m, err = s.lookAndPost(ctx, write, p, key, time.Now())
	}
	adopted := false
	if existing := existing(err); existing != nil && adopt {
		m, err, adopted = *existing, nil, true
	}
	if err != nil {
		return Created{}, err
	}
	s.mu.Lock()
	p.made = m.ID
	s.mu.Unlock()
	s.wrote(m)
	return Created{Membership: m, Adopted: adopted}, nil
}

// lookAndPost looks up the pair and creates it if it is absent. A list that was begun before since is no evidence. If since is zero, the
// POST is sent only while the lookup is recent enough to be evidence (rule 5).
func (s *Store) lookAndPost(ctx context.Context, write *kantata.Write, p *pair, key kantata.Pair, since time.Time) (m kantata.Membership,
	err error) {
	q := &lookup{pair: key, direct: true, since: since}
	if err = s.ask(ctx, q); err != nil {
		return m, err
	}
	s.mu.Lock()
	_, deleted := s.deleted[q.membership.ID]
	s.mu.Unlock()
	if q.found && deleted { // a list that lags, or a DELETE that did nothing
		if _, err = s.getByID(ctx, q.membership.ID); err != nil && !errors.Is(err, errNoID) {
			return m, err
		}
	}
	if q.found && err == nil {
		return m, &ExistsError{Membership: q.membership}
	}
	sendBy := time.Time{}
	if since.IsZero() {
		sendBy = q.began.Add(absentFor)
	}
	err = write.Send(func() error {
		m, err = s.post(ctx, p, key, sendBy)
		return err
	})
	return m, err
}

// existing returns the membership because of which a create failed, or nil.
func existing(err error) *kantata.Membership {
	if exists, ok := errors.AsType[*ExistsError](err); ok {
		return &exists.Membership
	}
	if uncertain, ok := errors.AsType[*UncertainError](err); ok {
		return uncertain.Membership
	}
	return nil
}

// post sends the POST, and repeats it if that is allowed, until its outcome is known (rule 3). The pair was absent just before. The error
// wraps [kantata.ErrTooLate] if the first POST cannot be sent by sendBy.
func (s *Store) post(ctx context.Context, p *pair, key kantata.Pair, sendBy time.Time) (kantata.Membership, error) {
	s.mu.Lock()
	if s.unordered {
		s.mu.Unlock()
		defer s.apart.Write(ctx)()
		s.mu.Lock()
	}
	p.above = s.highest
	c := creation{pair: key, above: p.above, budget: pendingFor}
	s.mu.Unlock()
	var first error
	for attempt := 1; ; attempt++ {
		m, err := s.api.CreateAccessGroupMembership(ctx, key, sendBy)
		sendBy, c.err = time.Time{}, err // before each further POST, the pair is looked up again
		outcome := kantata.OutcomeOf(err)
		switch {
		case err == nil && m.ID.Int64() > c.above:
			return m, nil
		case err == nil: // an ID that was there before the POST: Kantata returned what existed
			return m, &ExistsError{Membership: m}
		case outcome == kantata.OutcomeNotDone && attempt == 1:
			return m, s.refusal(ctx, key, err)
		}
		s.mu.Lock()
		p.inDoubt = true
		s.mu.Unlock()
		s.forget(key)
		first = cmp.Or(first, err)
		m, absent, err := s.lookUpCreated(ctx, &c, repeatWait<<min(attempt-1, 4))
		switch {
		case !absent:
			return m, err
		case outcome == kantata.OutcomePending: // a second POST could create a second membership
			return m, &UncertainError{Pair: key, Err: c.err}
		case mayMeanExists(c.err): // what an earlier POST created may not be visible yet
			return m, &UncertainError{Pair: key, Err: fmt.Errorf("%w; the first attempt: %w", c.err, first)}
		case outcome == kantata.OutcomeNotDone, attempt > s.maxRetries:
			return m, c.err
		}
	}
}

// creation is a create whose outcome is not known.
type creation struct {
	pair kantata.Pair
	// above is the highest ID seen before the POST.
	above int64
	// err is the error of the last attempt.
	err error
	// budget is the time that is left for lookups.
	budget time.Duration
}

// lookUpCreated waits and then looks up the pair, again until lists must show it; if the create may still be running, again and again, with
// longer waits, until the budget is used up. It returns the membership if it is ours by rule 5, absent if the last lookup did not find the
// pair, or an error.
func (s *Store) lookUpCreated(ctx context.Context, c *creation, wait time.Duration) (m kantata.Membership, absent bool, err error) {
	limited, cancel := context.WithTimeout(ctx, c.budget)
	defer cancel()
	began := time.Now()
	defer func() { c.budget -= time.Since(began) }()
	for again := true; again; wait *= 2 {
		if err = kantata.Sleep(limited, wait); err != nil {
			break
		}
		var rows []kantata.Membership
		looked := time.Since(began) // a response may arrive long after Kantata read its list
		if rows, err = s.lookUpPair(limited, c.pair); len(rows) > 0 {
			m, err := c.choose(rows)
			return m, false, err
		}
		pending := kantata.OutcomeOf(c.err) == kantata.OutcomePending
		again = looked < lag || pending && time.Since(began)+2*wait < c.budget
	}
	switch {
	case ctx.Err() != nil:
		m, err = s.lookUpCanceled(ctx, c)
		return m, false, err
	case err != nil:
		return m, false, &UncertainError{Pair: c.pair, Err: c.err, LookupErr: err}
	}
	return m, true, nil
}

// lookUpCanceled is the one lookup that outlives its context, so that what was created gets into the state (rule 9). It leaves Kantata
// a moment to finish.
func (s *Store) lookUpCanceled(ctx context.Context, c *creation) (kantata.Membership, error) {
	cause := ctx.Err()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), canceledFor)
	defer cancel()
	_ = kantata.Sleep(ctx, canceledFor/5)
	rows, err := s.lookUpPair(ctx, c.pair)
	if len(rows) > 0 {
		return c.choose(rows)
	}
	if !errors.Is(c.err, cause) {
		c.err = errors.Join(cause, c.err)
	}
	return kantata.Membership{}, &UncertainError{Pair: c.pair, Err: c.err, LookupErr: err}
}

// choose returns the row that this create created. If no row has an ID higher than those seen before the POST, it was someone else; if
// several have, the account contains the pair twice, and no one knows which of them is ours.
func (c *creation) choose(rows []kantata.Membership) (kantata.Membership, error) {
	newest := rows[len(rows)-1]
	if newest.ID.Int64() > c.above && (len(rows) == 1 || rows[len(rows)-2].ID.Int64() <= c.above) {
		return newest, nil
	}
	return kantata.Membership{}, &UncertainError{Pair: c.pair, Membership: &rows[0], Err: c.err}
}

// refusal returns an [*ExistsError] if the pair exists although the create was refused: someone else created it just now, or a proxy
// replaced the response. Only a missing permission, and a POST that was not sent, need no lookup.
func (s *Store) refusal(ctx context.Context, key kantata.Pair, err error) error {
	var e *kantata.Error
	if !errors.As(err, &e) || e.StatusCode == 0 || kantata.IsForbidden(err) {
		return err
	}
	if rows, lookupErr := s.lookUpPair(ctx, key); lookupErr == nil && len(rows) > 0 {
		return &ExistsError{Membership: rows[0]}
	}
	return err
}

// mayMeanExists reports a response with which Kantata may refuse a pair that exists. Which status and text it uses for that is not
// documented.
func mayMeanExists(err error) bool {
	var e *kantata.Error
	return errors.As(err, &e) &&
		slices.Contains([]int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity}, e.StatusCode)
}
