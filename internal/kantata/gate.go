package kantata

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// maxProbePause is the longest wait between two probes of an outage, so that its end is noticed soon.
const maxProbePause = 3 * time.Second

// headStart, times the spare of the breaker, is how much of the time that a request hung counts as a part of the outage that it reveals.
// So much time is left for the requests that then fail one after the other: all of it ends within the request timeout and the budget.
const headStart = 3

// gate lets the requests of one client through, first come, first served. They wait while Kantata limits their rate or does not respond.
// They fail if that lasts longer than the budget, or if Kantata has rejected the token (rule 12).
type gate struct {
	// turn is held by the request that is next. It is a channel, so the requests that wait for it get it in the order of their arrival.
	turn chan struct{}

	// mu guards the fields below.
	mu sync.Mutex
	// changed is closed and replaced when the request that is next should decide again.
	changed chan struct{}
	pace    pace
	outage  breaker
	limit   breaker
	// rejected is set by the first 401 and never reset.
	rejected *Error
	// over ends when an outage has used up its budget, so that requests in flight fail with all others. Then it is replaced.
	over    context.Context
	endOver context.CancelFunc
	// sent counts requests, responses counts complete responses. lastResponse is when the last one arrived.
	sent, responses int
	lastResponse    time.Time
	// paced is the value of sent when the pace was last reduced. A 429 to an earlier request says nothing about the present pace.
	paced int
}

func newGate(w Waits) *gate {
	over, endOver := context.WithCancel(context.Background())
	return &gate{
		over:    over,
		endOver: endOver,
		turn:    make(chan struct{}, 1),
		changed: make(chan struct{}),
		outage: breaker{
			kind: Unreachable, budget: w.Outage - w.Outage/30, spare: w.Outage / 30, low: w.RetryMin, high: min(w.RetryMax, maxProbePause),
		},
		limit: breaker{kind: RateLimited, budget: w.RateLimit, low: w.RetryMin, high: w.RetryMax},
	}
}

// ticket permits one attempt. Its holder gives it back with exactly one of responded, failed and abandoned.
type ticket struct {
	key string
	// begin is when the attempt began.
	begin time.Time
	// number and responses are the values of the gate's sent and responses at begin.
	number, responses int
	// outageProbe and limitProbe say that the attempt is the probe of a condition.
	outageProbe, limitProbe bool
	// timeLimit is how long a probe of an outage may take. It is 0 for any other attempt, which ends with over instead.
	timeLimit time.Duration
	over      context.Context
}

// enter returns as soon as the request may be sent. key identifies the request by its method, path and query. The error is that of the
// context, or an [*Error] with a [Condition].
func (g *gate) enter(ctx context.Context, key string) (ticket, error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ticket{}, ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return ticket{}, err
		}
		t, wait, changed, refusal := g.decide(key)
		if refusal != nil {
			return t, refusal
		}
		if wait <= 0 {
			return t, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// decide returns a ticket, or how long to wait for one and what ends the wait early, or why there is none.
func (g *gate) decide(key string) (t ticket, wait time.Duration, changed <-chan struct{}, refusal *Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.rejected != nil {
		return t, 0, nil, g.rejected.notSent(g.rejected.Condition)
	}
	outage, limit := g.outage.decide(now, key), g.limit.decide(now, key)
	switch {
	case outage.refusal != nil:
		return t, 0, nil, outage.refusal
	case limit.refusal != nil:
		return t, 0, nil, limit.refusal
	}
	if wait = max(outage.wait, limit.wait, g.pace.wait(now)); wait > 0 {
		return t, wait, g.changed, nil
	}
	g.sent++
	g.pace.sent(now)
	g.outage.probing, g.limit.probing = g.outage.probing || outage.probe, g.limit.probing || limit.probe
	t = ticket{
		key: key, begin: now, number: g.sent, responses: g.responses, outageProbe: outage.probe, limitProbe: limit.probe,
		timeLimit: outage.limit, over: g.over,
	}
	if outage.probe {
		t.over = context.Background()
	}
	return t, 0, nil, nil
}

// responded reports a complete response. e is nil if the response is a success; retryAfter is its Retry-After, 0 without one. If the
// response reveals a condition, responded sets e.Condition.
func (g *gate) responded(t ticket, e *Error, retryAfter time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.release(t)
	g.responses++
	g.lastResponse = now
	g.outage.end()
	switch {
	case e != nil && e.StatusCode == http.StatusUnauthorized:
		if g.rejected == nil {
			e.Condition = &Condition{Kind: TokenRejected}
			first := *e
			g.rejected = &first
		}
		e.Condition = g.rejected.Condition
	case e != nil && e.StatusCode == http.StatusTooManyRequests:
		g.limited(now, t, e, retryAfter)
	default:
		early := t.number <= g.paced
		g.pace.passed(now, early)
		if !early {
			g.limit.end()
		}
	}
}

// limited records a 429. Called with mu held.
func (g *gate) limited(now time.Time, t ticket, e *Error, retryAfter time.Duration) {
	if t.number <= g.paced {
		// This request was in flight when an earlier 429 came. All it can add is a later time.
		g.limit.delay(now.Add(retryAfter))
		return
	}
	// A 429 to a probe says that the limit still holds, and nothing about the pace.
	if !g.limit.holds() {
		if retryAfter == 0 {
			retryAfter = g.firstPause()
		}
		g.pace.limited(now)
	}
	g.paced = g.sent
	g.limit.fail(now, now, t.key, t.limitProbe, e, retryAfter)
}

// firstPause is the wait after a 429 without a Retry-After. Most limits count the requests of one second, so a new limit gets one second.
// If the limit is known, the pace was only a little too fast, and the next request shows whether the reduced pace is right.
func (g *gate) firstPause() time.Duration {
	if g.pace.rate > 0 {
		return g.pace.interval()
	}
	return 2*g.limit.low + jittered(g.limit.low, g.limit.low, 1)/2
}

// failed reports an attempt without a complete response. It returns the number of the outage that it belongs to. It returns 0 if Kantata
// has responded to another request since the attempt began, and not long ago: then it is no outage, but a fault of this request.
// mayBeCause says that the request itself may be the reason: its connections break, and no other request has failed for half of the budget.
func (g *gate) failed(t ticket, e *Error) (outage int, mayBeCause bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.release(t)
	// If the host stopped responding some time ago, this request may have begun before the last response. A probe is given up early, which
	// says nothing if the host has responded since the probe began.
	counts := headStart * g.outage.spare
	if t.responses != g.responses && (t.outageProbe || now.Sub(g.lastResponse) < counts) {
		return 0, false
	}
	// Not all of the time that the request hung counts: its time limit may be longer than the budget.
	begin := now.Add(-min(now.Sub(t.begin), counts))
	number := g.outage.number
	g.outage.fail(now, begin, t.key, t.outageProbe, e, 0)
	if g.outage.number != number {
		time.AfterFunc(g.outage.left(now), g.giveUp) // it does nothing if the outage has ended
	}
	return g.outage.number, errors.Is(e, ErrBroken) && g.outage.only == t.key && g.outage.left(now) < g.outage.budget/2
}

// giveUp ends the attempts in flight if the outage has used up its budget.
func (g *gate) giveUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.outage.holds() && g.outage.left(time.Now()) <= 0 {
		g.endOver()
		g.over, g.endOver = context.WithCancel(context.Background())
	}
}

// abandoned reports an attempt that says nothing about Kantata, because its caller left.
func (g *gate) abandoned(t ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release(t)
}

// release lets another request be the probe, and has the request that is next decide again. Called with mu held.
func (g *gate) release(t ticket) {
	g.outage.probing = g.outage.probing && !t.outageProbe
	g.limit.probing = g.limit.probing && !t.limitProbe
	close(g.changed)
	g.changed = make(chan struct{})
}
