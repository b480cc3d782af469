package kantata

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter is the longest Retry-After that is honored. A longer one counts as this.
const maxRetryAfter = 2 * time.Minute

// do sends the request, repeats it if that is allowed (rule 3), and passes the body of a successful response to decode. It may call
// decode once for each attempt. The error is an [*Error].
func (c *Client) do(ctx context.Context, r request, decode func(body []byte) error) error {
	if c.config.AccessToken == "" {
		return &Error{Method: r.method, Path: r.path, Outcome: OutcomeNotDone, Condition: c.tokenMissing, Err: errNoToken}
	}
	var (
		known  = OutcomeNotDone // what is known of the attempts so far
		faults int
		outage int // the last outage that an attempt belonged to
	)
	for number := 1; ; number++ {
		t, err := c.enter(ctx, r)
		if err != nil {
			e := r.notSent(err)
			e.Outcome = known
			return e
		}
		a := c.attempt(ctx, r, number, t, decode)
		if a.err == nil {
			return nil
		}
		known = worse(known, a.err.Outcome)
		a.err.Outcome = known
		switch {
		case a.err.Condition != nil:
			return a.err
		case a.err.StatusCode == http.StatusTooManyRequests:
			// The server did not act, and the gate does the waiting.
			continue
		case !r.mayRepeat(a), a.mayBeCause:
			return a.err
		case a.outage != 0 && a.outage == outage:
			// An outage has its own budget, which does not count attempts.
			continue
		}
		faults++
		allowed := c.config.MaxRetries
		if a.outage != 0 {
			// The request waits for the end of a first outage even if max_retries is 0.
			outage, allowed = a.outage, max(1, allowed)
		}
		if faults > allowed {
			return a.err
		}
		if a.outage != 0 {
			continue // the gate does the waiting
		}
		if err := Sleep(ctx, c.backoff(faults, a.retryAfter)); err != nil {
			a.err.Err = err
			return a.err
		}
	}
}

// enter waits at the gate, but not longer than the request may wait.
func (c *Client) enter(ctx context.Context, r request) (ticket, error) {
	if r.sendBy.IsZero() {
		return c.gate.enter(ctx, r.key())
	}
	limited, cancel := context.WithDeadline(ctx, r.sendBy)
	defer cancel()
	t, err := c.gate.enter(limited, r.key())
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = ErrTooLate
	}
	return t, err
}

// attempted is the result of one attempt.
type attempted struct {
	err        *Error // nil after a success
	stage      stage
	outage     int  // the number of the outage that the attempt belongs to; 0 for none
	mayBeCause bool // the request may be the reason of the outage
	retryAfter time.Duration
}

// attempt sends the request once, and tells the gate and the observer how it went.
func (c *Client) attempt(ctx context.Context, r request, number int, t ticket, decode func(body []byte) error) (a attempted) {
	limit := c.config.RequestTimeout
	if t.timeLimit > 0 {
		limit = min(limit, t.timeLimit)
	}
	start := time.Now()
	resp, at, err := c.exchange(ctx, t.over, r, limit)
	seen := Attempt{Method: r.method, Path: r.path, Number: number, Duration: time.Since(start)}
	a = attempted{err: c.judge(r, resp, at, err, decode), stage: at, retryAfter: retryAfter(resp)}
	switch {
	case err != nil && ctx.Err() != nil:
		c.gate.abandoned(t)
	case resp != nil, at == responding && !errors.Is(err, ErrTimeout):
		c.gate.responded(t, a.err, a.retryAfter)
	default:
		// The other connections to the host may be dead as well, so the next attempt makes a new one.
		c.transport.CloseIdleConnections()
		a.outage, a.mayBeCause = c.gate.failed(t, a.err)
	}
	if observe := c.config.Observe; observe != nil {
		if resp != nil {
			seen.Status, seen.RequestID = resp.status, c.secrets.short(resp.header.Get("X-Request-Id"))
		} else {
			seen.Err = a.err.Err
		}
		observe(ctx, seen)
	}
	return a
}

// mayRepeat says whether the request may be sent again after an attempt that failed with something other than a 429.
func (r request) mayRepeat(a attempted) bool {
	if r.method == http.MethodPost {
		return a.stage == connecting
	}
	if errors.Is(a.err, ErrTooLarge) {
		return false
	}
	status := a.err.StatusCode
	return status < http.StatusMultipleChoices || status == http.StatusRequestTimeout ||
		status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}

// worse returns what is known of a request that was sent twice with these outcomes.
func worse(a, b Outcome) Outcome {
	switch {
	case a == OutcomePending || b == OutcomePending:
		return OutcomePending
	case a == OutcomeUnknown || b == OutcomeUnknown:
		return OutcomeUnknown
	}
	return OutcomeNotDone
}

// backoff is the wait before the n-th repetition of a request that failed by itself.
func (c *Client) backoff(n int, retryAfter time.Duration) time.Duration {
	if retryAfter > 0 {
		return min(retryAfter, c.config.Waits.RetryMax)
	}
	return jittered(c.config.Waits.RetryMin, c.config.Waits.RetryMax, n)
}

// Sleep waits for d, or until ctx ends. Then, the error is that of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads the header as seconds or as a date; 0 without one.
func retryAfter(resp *response) time.Duration {
	if resp == nil {
		return 0
	}
	value := resp.header.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		wait = time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	} else if date, err := http.ParseTime(value); err == nil {
		wait = time.Until(date)
	}
	return min(max(wait, 0), maxRetryAfter)
}
