package kantata

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// rampEnd is the number of requests in flight at which a gate that is opening step by step is simply open: more than
// Terraform's own parallelism of ten.
const rampEnd = 32

// gate is the rate limit of one client. Open, it costs a mutex. A 429 closes it for everyone; when the time is over one
// request goes through, and its answer decides: the gate opens by doubling, or closes again for longer.
type gate struct {
	low, high time.Duration

	mu sync.Mutex
	// changed is closed and replaced whenever a waiter should look again.
	changed chan struct{}
	// epoch counts the closings and openings, so that the answer to an older request is told apart.
	epoch    int
	strikes  int
	until    time.Time
	window   int // how many may be in flight; 0 is no limit
	inFlight int
}

func newGate(low, high time.Duration) *gate {
	return &gate{low: low, high: high, changed: make(chan struct{})}
}

// wait returns once a request may be sent, with a ticket for done; or the context's error.
func (g *gate) wait(ctx context.Context) (ticket int, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		g.mu.Lock()
		closedFor := time.Until(g.until)
		if g.window == 0 || closedFor <= 0 && g.inFlight < g.window {
			if g.window > 0 {
				g.inFlight++
			}
			ticket = g.epoch
			g.mu.Unlock()
			return ticket, nil
		}
		changed := g.changed
		g.mu.Unlock()

		if closedFor <= 0 {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		timer := time.NewTimer(closedFor)
		select {
		case <-timer.C:
		case <-changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// done reports the answer to a request that wait let through; resp is nil when there was none.
func (g *gate) done(ticket int, resp *http.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()

	limited := resp != nil && resp.StatusCode == http.StatusTooManyRequests
	switch {
	case limited && (g.window == 0 || ticket == g.epoch):
		g.strikes++
		wait := retryAfter(resp)
		if wait == 0 {
			wait = jittered(g.low, g.high, g.strikes)
		}
		g.epoch++
		g.until, g.window, g.inFlight = time.Now().Add(wait), 1, 0
	case limited:
		// One of those that were under way when the gate closed: it may know better when to come back.
		if until := time.Now().Add(retryAfter(resp)); until.After(g.until) {
			g.until = until
		}
	case g.window > 0 && ticket == g.epoch:
		g.inFlight--
		if resp != nil {
			g.strikes = 0
			if g.window *= 2; g.window > rampEnd {
				g.epoch++
				g.window, g.inFlight = 0, 0
			}
		}
	default:
		return
	}
	close(g.changed)
	g.changed = make(chan struct{})
}
