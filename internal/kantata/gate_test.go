package kantata

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func answered(status int, retryAfter string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}}
}

func TestGate(t *testing.T) {
	t.Run("open, nobody waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, start := newGate(time.Second, time.Minute), time.Now()
			for range 1000 {
				if _, err := g.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("waited %s", waited)
			}
		})
	})
	t.Run("a 429 closes it for everyone, as long as Kantata asks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, start := newGate(time.Second, time.Minute), time.Now()
			ticket, _ := g.wait(t.Context())
			g.done(ticket, answered(429, "7"))
			ticket, _ = g.wait(t.Context())
			if waited := time.Since(start); waited != 7*time.Second {
				t.Errorf("waited %s", waited)
			}
			g.done(ticket, answered(200, ""))
		})
	})
	t.Run("one goes first, the others follow by doubling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(time.Second, time.Minute)
			ticket, _ := g.wait(t.Context())
			g.done(ticket, answered(429, "1"))
			var mu sync.Mutex
			inFlight := 0
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					ticket, err := g.wait(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					inFlight++
					mu.Unlock()
					wait(t.Context(), time.Second)
					mu.Lock()
					inFlight--
					mu.Unlock()
					g.done(ticket, answered(200, ""))
				})
			}
			wait(t.Context(), 1500*time.Millisecond)
			mu.Lock()
			if inFlight != 1 {
				t.Errorf("%d went first", inFlight)
			}
			mu.Unlock()
			wait(t.Context(), time.Second)
			mu.Lock()
			if inFlight != 2 {
				t.Errorf("%d went second", inFlight)
			}
			mu.Unlock()
			all.Wait()
		})
	})
	t.Run("a second 429 closes it for longer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(time.Second, time.Hour)
			var waits []time.Duration
			for range 6 {
				start := time.Now()
				ticket, _ := g.wait(t.Context())
				waits = append(waits, time.Since(start))
				g.done(ticket, answered(429, ""))
			}
			for n, waited := range waits[1:] {
				if full := time.Second << n; waited < full/2 || waited > full {
					t.Errorf("wait %d is %s, want %s to %s", n+1, waited, full/2, full)
				}
			}
		})
	})
	t.Run("an old request's 200 does not open it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, start := newGate(time.Second, time.Minute), time.Now()
			first, _ := g.wait(t.Context())
			second, _ := g.wait(t.Context())
			g.done(first, answered(429, "5"))
			g.done(second, answered(200, ""))
			if _, err := g.wait(t.Context()); err != nil || time.Since(start) != 5*time.Second {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
	})
	t.Run("an old request's 429 prolongs it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, start := newGate(time.Second, time.Minute), time.Now()
			first, _ := g.wait(t.Context())
			second, _ := g.wait(t.Context())
			g.done(first, answered(429, "5"))
			g.done(second, answered(429, "9"))
			if _, err := g.wait(t.Context()); err != nil || time.Since(start) != 9*time.Second {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
	})
	t.Run("whoever goes first and gets no answer makes way for the next", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(time.Second, time.Minute)
			ticket, _ := g.wait(t.Context())
			g.done(ticket, answered(429, "1"))
			ticket, _ = g.wait(t.Context())
			g.done(ticket, nil)
			if _, err := g.wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a context ends its own wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, start := newGate(time.Second, time.Minute), time.Now()
			ticket, _ := g.wait(t.Context())
			g.done(ticket, answered(429, "60"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := g.wait(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
	})
}

// wait lets the bubble's time pass.
func wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"":     0,
			"3":    3 * time.Second,
			"0.5":  500 * time.Millisecond,
			"-1":   0,
			"3600": maxRetryAfter,
			"1e99": maxRetryAfter,
			"NaN":  0,
			"soon": 0,
			time.Now().UTC().Add(30 * time.Second).Format(http.TimeFormat): 30 * time.Second,
			time.Now().UTC().Add(-time.Hour).Format(http.TimeFormat):       0,
			time.Now().UTC().Add(time.Hour).Format(http.TimeFormat):        maxRetryAfter,
		} {
			if got := retryAfter(answered(429, value)); got != want {
				t.Errorf("%q: %s, want %s", value, got, want)
			}
		}
		if retryAfter(nil) != 0 {
			t.Error("a wait without an answer")
		}
	})
}
