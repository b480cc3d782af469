package simulation

import (
	"net/http"
	"sync"
	"time"
)

// conditions checks rule 12 for one process: a condition that concerns all requests is detected once.
type conditions struct {
	broke func(kind, format string, args ...any)

	mu            sync.Mutex // guards the rest
	rejected      time.Time  // when a 401 was returned
	down, limited condition
}

// condition lasts from the first attempt that fails because of it to the next response that shows that it is over.
type condition struct {
	began time.Time
	late  int
}

const (
	// A request that was sent before an outage fails within inFlight of its beginning.
	inFlight = time.Second
	// rateLimit is how long requests wait for the end of a rate limit.
	rateLimit = 5 * time.Minute
	// lateProbes is how many probes are sent in the first seconds of an outage, or after the end of that wait.
	lateProbes = 5
)

// failed records an attempt, and returns how many came later than grace after the first, and how long it is since then.
func (c *condition) failed(grace time.Duration) (late int, lasted time.Duration) {
	if c.began.IsZero() {
		c.began = time.Now()
	}
	if lasted = time.Since(c.began); lasted > grace {
		c.late++
	}
	return c.late, lasted
}

// refused records an attempt to connect that failed. During an outage, one request at a time is sent as a probe, with a pause of a second
// or more after the first few.
func (c *conditions) refused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, lasted := c.down.failed(inFlight); n > lateProbes+int(lasted.Seconds()) {
		c.broke(kindNotShared, "%d attempts to connect in an outage of %s", n, lasted)
	}
}

// received records a response that the process received.
func (c *conditions) received(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = condition{}
	switch {
	case status == http.StatusTooManyRequests:
		if n, lasted := c.limited.failed(rateLimit); n > lateProbes {
			c.broke(kindNotShared, "%d requests after five minutes of a rate limit that has lasted %s", n, lasted)
		}
		return
	case status == http.StatusUnauthorized && c.rejected.IsZero():
		c.rejected = time.Now()
	}
	c.limited = condition{}
}

// sent records a request. None may follow after the token was rejected.
func (c *conditions) sent(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.rejected.IsZero() && time.Now().After(c.rejected) {
		c.broke(kindNotShared, "%s %s after a 401", r.Method, r.RequestURI)
	}
}
