package kantata

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// spread calls f for 0 to n-1, at most parallel at a time, as Terraform does, and returns the errors.
func spread(n, parallel int, f func(i int) error) []error {
	var mu sync.Mutex
	var errs []error
	work := make(chan int)
	var all sync.WaitGroup
	for range parallel {
		all.Go(func() {
			for i := range work {
				if err := f(i); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
	return errs
}

// sameCondition checks that all errors share one condition of the kind, and that none of their requests may have been carried out.
func sameCondition(t *testing.T, errs []error, kind ConditionKind) {
	t.Helper()
	for i, err := range errs {
		e := asError(t, err)
		if e.Condition == nil || e.Condition.Kind != kind || e.Condition != asError(t, errs[0]).Condition {
			t.Fatalf("got %v with condition %+v, want the one of kind %d that the others have", e, e.Condition, kind)
		}
		if first := e.Condition.FirstReport(); first != (i == 0) {
			t.Errorf("error %d: got first report %t, want %t", i, first, i == 0)
		}
	}
}

func TestRejectedTokenIsFinal(t *testing.T) {
	for _, parallel := range []int{1, 10, 40} {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, func(w http.ResponseWriter, _ int) {
				time.Sleep(50 * time.Millisecond)
				send(w, 401, `{"errors":[{"type":"oauth","message":"Invalid OAuth 2 Request"}]}`)
			})
			start := time.Now()
			errs := spread(1000, parallel, func(i int) error { return get(t.Context(), client, i+1) })
			if len(errs) != 1000 || a.sent() > parallel || time.Since(start) > time.Second {
				t.Errorf("got %d errors after %d requests and %s, want 1000 after at most %d and 1 s", len(errs), a.sent(), time.Since(start), parallel)
			}
			sameCondition(t, errs, TokenRejected)
			e := asError(t, call(t.Context(), client, http.MethodPost))
			if e.Method != "POST" || e.StatusCode != 401 || e.RequestID != "req-1" || len(e.Details) != 1 || e.Outcome != OutcomeNotDone {
				t.Errorf("got %+v, want the 401 of the first response with outcome %d", e, OutcomeNotDone)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	for _, n := range []int{1, 10, 1000} {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, says(200, one))
			a.refuse = refused
			start := time.Now()
			errs := spread(n, 10, func(i int) error { return get(t.Context(), client, i+1) })
			if took := time.Since(start); len(errs) != n || took < 29*time.Second || took > 30*time.Second || a.dials > 45 {
				t.Errorf("got %d errors after %d connections and %s, want %d after at most 45 and about 30 s", len(errs), a.dials, took, n)
			}
			sameCondition(t, errs, Unreachable)
			if !hasCause(errs[0], ErrNotSent) {
				t.Errorf("got %v, want the last failure as the cause", errs[0])
			}

			// A later request finds out that Kantata responds again.
			a.mu.Lock()
			a.refuse = nil
			a.mu.Unlock()
			time.Sleep(time.Minute)
			if err := get(t.Context(), client, 1); err != nil {
				t.Errorf("after the outage: got the error %v, want none", err)
			}
		})
	}
}

// A host that hangs, from the beginning or in the middle of a run, ends everything within the time limit of a request and 30 seconds.
func TestHangingHost(t *testing.T) {
	const limit = 3 * time.Minute
	for _, healthy := range []int{0, 1, 25} {
		for _, n := range []int{1, 10, 300} {
			for _, parallel := range []int{1, 10, 40} {
				t.Run(fmt.Sprintf("%d after %d, parallelism %d", n, healthy, parallel), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						start := time.Now()
						var lastResponse atomic.Int64 // since start
						client, a := serve(t, func(w http.ResponseWriter, i int) {
							if i <= healthy {
								// The first of these responses are slow, so that requests of any age hang when the last one arrives.
								time.Sleep(time.Duration(healthy-i) * time.Second)
								lastResponse.Store(int64(time.Since(start)))
								send(w, 200, one)
								return
							}
							if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
								untilClosed(conn)
							}
						}, func(c *Config) { c.RequestTimeout, c.MaxRetries = limit, 4 })
						errs := spread(n+healthy, parallel, func(i int) error { return get(t.Context(), client, i+1) })
						took := time.Since(start) - time.Duration(lastResponse.Load())
						if len(errs) != n || took > limit+30*time.Second || a.sent() > healthy+parallel+15 {
							t.Errorf("got %d errors after %d requests and %s, want %d after at most 15 for each slot and 210 s", len(errs), a.sent(), took, n)
						}
						if n == 1 && parallel == 1 && took != limit+26*time.Second {
							t.Errorf("got a duration of %s for one request, want 206 s", took)
						}
						if !slices.ContainsFunc(errs, func(err error) bool { return hasCause(err, ErrTimeout) }) {
							t.Errorf("got %v, want a timeout as the cause", errs[0])
						}
					})
				})
			}
		}
	}
}

// The same holds for the last requests of a run, all of which began before the last response.
func TestHostHangsAfterTheLastResponse(t *testing.T) {
	for _, limit := range []time.Duration{5 * time.Second, 28 * time.Second, 3 * time.Minute} {
		inBubble(t, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, n int) {
				if n == 1 {
					time.Sleep(time.Second)
					send(w, 200, one)
				} else if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
					untilClosed(conn)
				}
			}, func(c *Config) { c.RequestTimeout, c.MaxRetries = limit, 4 })
			start := time.Now()
			errs := spread(3, 3, func(i int) error { return get(t.Context(), client, i+1) })
			if took := time.Since(start); len(errs) != 2 || took > limit+30*time.Second {
				t.Errorf("got %d errors after %s, want 2 after at most %s and 30 s", len(errs), took, limit)
			}
		})
	}
}

// A request that was in flight when an outage began fails when the outage has used up its budget, and not later.
func TestOutageEndsRequestsInFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		start := time.Now()
		client, _ := serve(t, func(w http.ResponseWriter, _ int) {
			if since := time.Since(start); since > 10*time.Minute {
				if since > 20*time.Minute {
					time.Sleep(time.Minute)
				}
				send(w, 200, one)
				return
			}
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				untilClosed(conn)
			}
		}, func(c *Config) { c.RequestTimeout = 3 * time.Minute })
		var all sync.WaitGroup
		all.Go(func() { _ = get(t.Context(), client, 1) })
		time.Sleep(170 * time.Second)
		err := call(t.Context(), client, http.MethodPost)
		if !hasCause(err, ErrTimeout) || OutcomeOf(err) != OutcomePending {
			t.Errorf("got %v with outcome %d, want a timeout with %d", err, OutcomeOf(err), OutcomePending)
		}
		if took := time.Since(start); took < 205*time.Second || took > 210*time.Second {
			t.Errorf("got a duration of %s, want about 206 s", took)
		}
		if want := "within 36s"; !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
		all.Wait()

		// It has no consequences for the requests after the outage, even if they are slow.
		for n := range 2 {
			time.Sleep(10 * time.Minute)
			if err := get(t.Context(), client, n+1); err != nil {
				t.Errorf("after the outage: got the error %v, want none", err)
			}
		}
	})
}

// No request fails because of an outage of ten seconds, of any kind.
func TestShortOutage(t *testing.T) {
	for _, kind := range []string{"refused", "reset", "hangs"} {
		for _, parallel := range []int{1, 10, 40} {
			t.Run(fmt.Sprint(kind, " ", parallel), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					start := time.Now()
					down := func() bool {
						since := time.Since(start)
						return since > time.Second && since < 11*time.Second
					}
					client, a := serve(t, func(w http.ResponseWriter, _ int) {
						time.Sleep(100 * time.Millisecond)
						if down() {
							if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
								if kind == "hangs" {
									untilClosed(conn)
								}
								_ = conn.Close()
							}
							return
						}
						send(w, 200, one)
					}, func(c *Config) { c.RequestTimeout, c.MaxRetries = 4*time.Second, 4 })
					if kind == "refused" {
						a.refuse = func() error {
							if down() {
								return refused()
							}
							return nil
						}
					}
					errs := spread(20*parallel, parallel, func(i int) error {
						return get(t.Context(), client, i+1)
					})
					if len(errs) > 0 {
						t.Errorf("got %d errors, want none; the first is %v", len(errs), errs[0])
					}
					if took := time.Since(start); took > 25*time.Second {
						t.Errorf("got a duration of %s, want at most 25 s", took)
					}
				})
			})
		}
	}
}

// A request that always fails does not make others fail, or wait for long.
func TestOneBrokenRequest(t *testing.T) {
	broken := map[string]func(http.ResponseWriter){
		"500":   func(w http.ResponseWriter) { send(w, 500, "") },
		"reset": reset,
		"hangs": func(w http.ResponseWriter) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				untilClosed(conn)
			}
		},
	}
	for name, fault := range broken {
		for _, parallel := range []int{1, 10} {
			t.Run(fmt.Sprint(name, " ", parallel), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					var a *api
					var client *Client
					client, a = serve(t, func(w http.ResponseWriter, n int) {
						time.Sleep(20 * time.Millisecond)
						a.mu.Lock()
						bad := a.received[n-1] == "GET /api/v1/access_group_memberships?only=7&per_page=200"
						a.mu.Unlock()
						if bad {
							fault(w)
							return
						}
						send(w, 200, one)
					})
					start := time.Now()
					errs := spread(500, parallel, func(i int) error { return get(t.Context(), client, i+1) })
					if len(errs) != 1 {
						t.Errorf("got %d errors, want 1: %v", len(errs), errs)
					}
					if took := time.Since(start); took > 65*time.Second {
						t.Errorf("got a duration of %s, want at most 65 s", took)
					}
				})
			})
		}
	}
}

// A request that always hangs does not make others fail, even if Kantata takes more than a second to respond to them.
func TestOneRequestHangsAndOthersAreSlow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, nil)
		a.respond = func(w http.ResponseWriter, n int) {
			a.mu.Lock()
			hangs := a.received[n-1] == "GET /api/v1/access_group_memberships?only=1&per_page=200"
			a.mu.Unlock()
			if !hangs {
				time.Sleep(1900 * time.Millisecond)
				send(w, 200, one)
			} else if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				untilClosed(conn)
			}
		}
		errs := spread(20, 1, func(i int) error { return get(t.Context(), client, i+1) })
		if len(errs) != 1 {
			t.Errorf("got %d errors, want 1: %v", len(errs), errs)
		}
	})
}

// TestWaitingEndsWithItsContext expects a request to end with its context, whatever it waits for.
func TestWaitingEndsWithItsContext(t *testing.T) {
	for name, respond := range map[string]func(http.ResponseWriter, int){
		"outage": func(w http.ResponseWriter, _ int) { reset(w) },
		"limit":  says(429, ""),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, _ := serve(t, respond)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				errs := spread(20, 20, func(i int) error { return get(ctx, client, i+1) })
				if took := time.Since(start); len(errs) != 20 || took > 10*time.Second {
					t.Errorf("got %d errors after %s, want 20 after at most 10 s", len(errs), took)
				}
				for _, err := range errs {
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want the context's error", err)
					}
				}
			})
		})
	}
}

// A probe whose caller leaves does not end the outage, and does not block the next probe.
func TestAbandonedProbe(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var dials atomic.Int32
		client, _ := serve(t, says(200, one), func(c *Config) { c.RequestTimeout = time.Minute })
		dial := client.transport.DialTLSContext
		client.transport.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			switch dials.Add(1) {
			case 1:
				return nil, refused()
			case 2:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return dial(ctx, network, addr)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		first := make(chan error)
		go func() { first <- get(ctx, client, 1) }()
		synctest.Wait()
		start := time.Now()
		if err := get(t.Context(), client, 2); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("got %v after %s, want success as soon as the probe is abandoned", err, time.Since(start))
		}
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}

// limiter is a rate limit that a server may enforce.
type limiter interface{ allows(now time.Time) bool }

// window counts requests in windows that begin with a request, or with each full second.
type window1 struct {
	n, used int
	aligned bool
	begin   time.Time
}

func (l *window1) allows(now time.Time) bool {
	if l.aligned {
		now = now.Truncate(time.Second)
	}
	if now.Sub(l.begin) >= time.Second {
		l.begin, l.used = now, 0
	}
	l.used++
	return l.used <= l.n
}

// slidingWindow counts the requests of the last second.
type slidingWindow struct {
	n     int
	times []time.Time
}

func (l *slidingWindow) allows(now time.Time) bool {
	for len(l.times) > 0 && now.Sub(l.times[0]) >= time.Second {
		l.times = l.times[1:]
	}
	if len(l.times) == l.n {
		return false
	}
	l.times = append(l.times, now)
	return true
}

// bucket gains n tokens a second up to n.
type bucket struct {
	n, tokens float64
	at        time.Time
}

func (l *bucket) allows(now time.Time) bool {
	l.tokens, l.at = min(l.n, l.tokens+l.n*now.Sub(l.at).Seconds()), now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

// limited returns a server's behavior under the limit, and counts of its responses.
func limited(l limiter, retryAfter string) (respond func(http.ResponseWriter, int), ok, refused *atomic.Int32) {
	ok, refused = new(atomic.Int32), new(atomic.Int32)
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ int) {
		time.Sleep(30*time.Millisecond + rand.N(40*time.Millisecond))
		mu.Lock()
		allowed := l.allows(time.Now())
		mu.Unlock()
		if allowed {
			ok.Add(1)
			send(w, 200, one)
			return
		}
		refused.Add(1)
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		send(w, 429, "")
	}, ok, refused
}

func limiters() map[string]func() limiter {
	return map[string]func() limiter{
		"window":         func() limiter { return &window1{n: 10} },
		"aligned window": func() limiter { return &window1{n: 10, aligned: true} },
		"sliding window": func() limiter { return &slidingWindow{n: 10} },
		"bucket":         func() limiter { return &bucket{n: 10, tokens: 10} },
	}
}

// 150 requests under a limit of ten a second end in little more than the ideal time.
func TestRateLimit(t *testing.T) {
	for name, l := range limiters() {
		for _, retryAfter := range []string{"", "1"} {
			for _, parallel := range []int{10, 40} {
				t.Run(fmt.Sprintf("%s %s %d", name, retryAfter, parallel), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						respond, ok, refused := limited(l(), retryAfter)
						client, _ := serve(t, respond)
						start := time.Now()
						errs := spread(150, parallel, func(i int) error { return get(t.Context(), client, i+1) })
						took := time.Since(start).Seconds()
						t.Logf("%.1f s for %d responses and %d 429s", took, ok.Load(), refused.Load())
						if len(errs) > 0 {
							t.Errorf("got %d errors, want none; the first is %v", len(errs), errs[0])
						}
						if ideal := float64(ok.Load()-10) / 10; took > 1.25*ideal {
							t.Errorf("got a duration of %.1f s, want at most 1.25 times %.1f s", took, ideal)
						}
						if 3*refused.Load() > ok.Load()+refused.Load() {
							t.Errorf("got %d 429s and %d other responses, want at most one in three", refused.Load(), ok.Load())
						}
					})
				})
			}
		}
	}
}

// A second process with the same token gets its part of the rate. Latencies and jitter are random, so that one run in some hundreds is less
// fair. The part is therefore that of the average run.
func TestTwoProcessesShareTheRate(t *testing.T) {
	var parts []int32
	for name, l := range limiters() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				respond, _, _ := limited(l(), "")
				first, a := serve(t, respond)
				second := a.client(t)
				defer second.transport.CloseIdleConnections()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				var counts [2]atomic.Int32
				var all sync.WaitGroup
				for p, client := range []*Client{first, second} {
					for range 10 {
						all.Go(func() {
							for i := 1; ctx.Err() == nil; i++ {
								if err := get(ctx, client, i); err == nil {
									counts[p].Add(1)
								} else if ctx.Err() == nil {
									t.Error(err)
									return
								}
							}
						})
					}
				}
				all.Wait()
				// Two minutes allow 1,200 requests.
				part := min(counts[0].Load(), counts[1].Load())
				if part < 120 {
					t.Errorf("got %d and %d requests, want 120 each in every run", counts[0].Load(), counts[1].Load())
				}
				parts = append(parts, part)
			})
		})
	}
	sum := int32(0)
	for _, part := range parts {
		sum += part
	}
	if average := int(sum) / len(parts); average < 360 {
		t.Errorf("got %d requests of the process with fewer, want 360 in the average of %v", average, parts)
	}
}

func TestEndlessRateLimit(t *testing.T) {
	for _, retryAfter := range []string{"", "1", "100", "3600"} {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, func(w http.ResponseWriter, _ int) {
				time.Sleep(50 * time.Millisecond)
				w.Header().Set("Retry-After", retryAfter)
				send(w, 429, "")
			})
			start := time.Now()
			errs := spread(1000, 10, func(i int) error { return get(t.Context(), client, i+1) })
			took := time.Since(start)
			most := 60
			if retryAfter == "1" {
				most = 310
			}
			if len(errs) != 1000 || took < 5*time.Minute || took > 5*time.Minute+5*time.Second || a.sent() > most {
				t.Errorf("got %d errors after %d requests and %s, want 1000 after at most %d and 5 minutes", len(errs), a.sent(), took, most)
			}
			sameCondition(t, errs, RateLimited)
			if e := asError(t, errs[0]); e.StatusCode != 429 || e.Outcome != OutcomeNotDone {
				t.Errorf("got %+v, want a 429 with outcome %d", e, OutcomeNotDone)
			}
		})
	}
}

// TestFirstComeFirstServed expects that a request that waits for a rate limit is sent before later ones.
func TestFirstComeFirstServed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, func(w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", "5")
				send(w, 429, "")
				return
			}
			send(w, 200, one)
		})
		var all sync.WaitGroup
		all.Go(func() { _ = get(t.Context(), client, 1) })
		time.Sleep(time.Millisecond)
		for i := range 20 {
			all.Go(func() { _ = get(t.Context(), client, i+100) })
			synctest.Wait()
		}
		all.Wait()
		for i := range 20 {
			want := fmt.Sprintf("GET /api/v1/access_group_memberships?only=%d&per_page=200", i+100)
			if got := slices.Index(a.received, want); got != i+2 {
				t.Errorf("got request %d in place %d of %q, want %d", i+100, got, a.received, i+2)
			}
		}
	})
}

// TestLongestRetryAfterCounts expects a wait for the longest Retry-After of requests that were sent together.
func TestLongestRetryAfterCounts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, func(w http.ResponseWriter, n int) {
			time.Sleep(time.Duration(n) * time.Millisecond)
			if n <= 3 {
				w.Header().Set("Retry-After", []string{"5", "60", "10"}[n-1])
				send(w, 429, "")
				return
			}
			send(w, 200, one)
		})
		start := time.Now()
		if errs := spread(3, 3, func(i int) error { return get(t.Context(), client, i+1) }); len(errs) > 0 {
			t.Errorf("got the errors %v, want none", errs)
		}
		if took := time.Since(start); took < 60*time.Second || took > 65*time.Second || a.sent() != 6 {
			t.Errorf("got %d requests in %s, want 6 in about 60 s", a.sent(), took)
		}
	})
}

// enter lets a request through that need not wait.
func enter(t *testing.T, g *gate) ticket {
	t.Helper()
	passed, wait, _, refusal := g.decide("GET /x?")
	if wait > 0 || refusal != nil {
		t.Fatalf("got a wait of %s and the refusal %v, want neither", wait, refusal)
	}
	return passed
}

// A response to a request that was sent before a 429 came does not end the limit, but a later Retry-After counts.
func TestResponsesAfterThe429(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		g := newGate(Waits{}.orDefault())
		first, second, third := enter(t, g), enter(t, g), enter(t, g)
		wait := func() time.Duration { _, wait, _, _ := g.decide("GET /x?"); return wait }

		g.responded(first, &Error{StatusCode: 429}, 0)
		if got := wait(); got < 1125*time.Millisecond || got > 1250*time.Millisecond {
			t.Errorf("got a wait of %s without a Retry-After, want 1.125 s to 1.25 s", got)
		}
		g.responded(second, nil, 0)
		g.responded(third, &Error{StatusCode: 429}, time.Minute)
		if got := wait(); got != time.Minute || !g.limit.holds() {
			t.Errorf("got a wait of %s, want a minute", got)
		}
	})
	inBubble(t, func(t *testing.T) {
		g := newGate(Waits{}.orDefault())
		first, second := enter(t, g), enter(t, g)
		g.responded(first, &Error{StatusCode: 429}, 5*time.Second)
		g.responded(second, nil, 0)
		if _, wait, _, _ := g.decide("GET /x?"); wait != 5*time.Second || !g.limit.holds() {
			t.Errorf("got a wait of %s, want 5 s", wait)
		}
	})
}

// A request that fails long after the last response reveals an outage, even if it began before that response.
func TestWhatBeginsAnOutage(t *testing.T) {
	for ago, want := range map[time.Duration]int{3*time.Second - 1: 0, 3 * time.Second: 1} {
		inBubble(t, func(t *testing.T) {
			g := newGate(Waits{}.orDefault())
			hangs, responds := enter(t, g), enter(t, g)
			g.responded(responds, nil, 0)
			inFlight := enter(t, g)
			time.Sleep(ago)
			if outage, _ := g.failed(hangs, &Error{Err: ErrTimeout}); outage != want {
				t.Errorf("got outage %d %s after a response, want %d", outage, ago, want)
			}
			// The time that the request hung counts in part.
			time.Sleep(26*time.Second - 1)
			synctest.Wait()
			if inFlight.over.Err() != nil {
				t.Error("got the end of the request in flight, want it later")
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if ended := inFlight.over.Err() != nil; ended != (want == 1) || g.over.Err() != nil {
				t.Errorf("got the end of the request in flight: %t, want %t, and that of no later one", ended, want == 1)
			}
		})
	}
}

// The probe of an outage has a short time limit. If Kantata responds to another request in that time, the probe reveals no outage.
func TestSlowProbeAfterAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		g := newGate(Waits{}.orDefault())
		broken, slow := enter(t, g), enter(t, g)
		if outage, _ := g.failed(broken, &Error{Err: ErrBroken}); outage != 1 {
			t.Errorf("got outage %d, want the first", outage)
		}
		time.Sleep(time.Second)
		probe := enter(t, g)
		g.responded(slow, nil, 0)
		time.Sleep(probe.timeLimit)
		if outage, _ := g.failed(probe, &Error{Err: ErrTimeout}); outage != 0 {
			t.Errorf("got outage %d, want none", outage)
		}
	})
}

// A request may be the reason of an outage if its connections break and no other request has failed for half of the budget.
func TestWhatMayBeTheCause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		g := newGate(Waits{}.orDefault())
		broken := enter(t, g)
		check := func(ticket ticket, err error, want bool) {
			t.Helper()
			if _, got := g.failed(ticket, &Error{Err: err}); got != want {
				t.Errorf("got %t, want %t", got, want)
			}
		}
		check(broken, ErrBroken, false)
		time.Sleep(14500 * time.Millisecond)
		check(broken, ErrBroken, false)
		time.Sleep(time.Nanosecond)
		check(broken, ErrNotSent, false)
		check(broken, ErrBroken, true)
		other := broken
		other.key = "GET /y?"
		check(other, ErrBroken, false)
		check(broken, ErrBroken, false)
	})
}

// TestFirstPause expects a little more than a second after the first 429, and one interval if the rate is known.
func TestFirstPause(t *testing.T) {
	t.Parallel()
	for range 100 {
		g := newGate(Waits{}.orDefault())
		if got := g.firstPause(); got < 1125*time.Millisecond || got > 1250*time.Millisecond {
			t.Errorf("got %s, want 1.125 s to 1.25 s", got)
		}
		g.pace.rate = 10
		if got := g.firstPause(); got != 100*time.Millisecond {
			t.Errorf("got %s at ten requests a second, want 100 ms", got)
		}
	}
}

// TestOpenGate expects no delay if there is no limit and no outage.
func TestOpenGate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, _ := serve(t, func(w http.ResponseWriter, _ int) { time.Sleep(time.Second); send(w, 200, one) })
		start := time.Now()
		errs := spread(100, 100, func(i int) error { return get(t.Context(), client, i+1) })
		if len(errs) > 0 || time.Since(start) != time.Second {
			t.Errorf("got %v after %s, want no error after 1 s", errs, time.Since(start))
		}
	})
}
