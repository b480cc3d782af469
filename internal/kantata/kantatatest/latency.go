package kantatatest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"time"
)

// latency is how long a request and its response take on the network.
type latency struct {
	least, most time.Duration
	seed        uint64
	random      bool
	received    map[string]int // how often each request was received
}

// SetLatency delays every request before it is served. 0 ends the delay.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = latency{least: d}
}

// SetRandomLatency delays every request before it is served and every response after that, each by a time from least to
// most. The delays depend on the seed, on the request, and on how often the same request was received. They do not
// depend on the order in which different requests arrive, so that a test can be repeated.
func (s *Server) SetRandomLatency(least, most time.Duration, seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = latency{least: least, most: most, seed: seed, random: true, received: map[string]int{}}
}

// delays returns the delay of the request and that of its response. Called with mu held.
func (l *latency) delays(r Request) (request, response time.Duration) {
	if !l.random {
		return l.least, 0
	}
	key := fmt.Sprintf("%s %s?%s %s", r.Method, r.Path, r.Query, r.Body)
	l.received[key]++
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", key, l.received[key])
	source := rand.New(rand.NewPCG(l.seed, h.Sum64())) //nolint:gosec // a test repeats it
	draw := func() time.Duration {
		return l.least + time.Duration(source.Int64N(max(int64(l.most-l.least), 0)+1))
	}
	return draw(), draw()
}

// wait returns after the delay, or as soon as the client leaves, because no one waits for the rest. It reports false only if the server
// closes, so a request whose client has left is served like any other.
func (s *Server) wait(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.closing:
		return false
	}
	return true
}
