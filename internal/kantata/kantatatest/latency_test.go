package kantatatest_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.SetLatency(time.Minute)
		began := time.Now()
		if got := serveDirectly(t, s, http.MethodGet, memberships, ""); got.status != 200 || time.Since(began) != time.Minute {
			t.Errorf("got %d after %v, want 200 after a minute", got.status, time.Since(began))
		}
	})
}

// TestLatencyEndsWithTheClient shows that the server acts on a request whose client has left.
func TestLatencyEndsWithTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.SetLatency(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		ended := serveInBackground(ctx, s, http.MethodPost, memberships, newBody("340001", "12000001"))
		cancel()
		if synctest.Wait(); !ended() || len(s.Memberships()) != 1 {
			t.Errorf("got ended: %v and %d memberships, want true and 1", ended(), len(s.Memberships()))
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.SetRateLimit(2, "3")
		for i, want := range []int{200, 200, 429, 200, 200, 429} {
			if i == 3 {
				time.Sleep(time.Second)
			}
			got := serveDirectly(t, s, http.MethodGet, memberships, "")
			if limited := got.header.Get("Retry-After") == "3"; got.status != want || limited != (want == 429) {
				t.Errorf("request %d: got %d with header %v, want %d", i+1, got.status, got.header, want)
			}
		}
		s.SetRateLimit(1, "")
		serveDirectly(t, s, http.MethodGet, memberships, "")
		if got := serveDirectly(t, s, http.MethodGet, memberships, ""); got.status != 429 || got.header.Get("Retry-After") != "" {
			t.Errorf("got %d with header %v, want 429 without Retry-After", got.status, got.header)
		}
		s.SetRateLimit(0, "")
		if got := serveDirectly(t, s, http.MethodGet, memberships, ""); got.status != 200 {
			t.Errorf("got %d without a limit, want 200", got.status)
		}
	})
}

// TestRandomLatency sends the same requests in two orders. Each takes as long as before.
func TestRandomLatency(t *testing.T) {
	t.Parallel()
	const least, most = 10 * time.Millisecond, 500 * time.Millisecond
	took := func(seed uint64, paths ...string) map[string]time.Duration {
		durations := map[string]time.Duration{}
		synctest.Test(t, func(t *testing.T) {
			s := company(t, kantatatest.WithoutListener())
			s.SetRandomLatency(least, most, seed)
			for _, path := range paths {
				began := time.Now()
				serveDirectly(t, s, http.MethodGet, path, "")
				durations[path] += time.Since(began)
			}
		})
		return durations
	}
	paths := []string{"/users", memberships, memberships + "/1"}
	got := took(1, paths...)
	seen := map[time.Duration]bool{}
	for path, d := range got {
		if d < 2*least || d > 2*most || seen[d] {
			t.Errorf("%s: got %v, want from %v to %v, and different for each request: %v", path, d, 2*least, 2*most, got)
		}
		seen[d] = true
	}
	slices.Reverse(paths)
	if again := took(1, paths...); !maps.Equal(again, got) {
		t.Errorf("in another order: got %v, want %v", again, got)
	}
	if other := took(2, paths...); maps.Equal(other, got) {
		t.Errorf("with another seed: got %v, want other delays", other)
	}
	if twice := took(1, "/users", "/users"); twice["/users"] == 2*got["/users"] {
		t.Errorf("got %v for both requests, want different delays for equal requests", got["/users"])
	}
}

// TestRandomLatencyIsOnBothWays changes a list while its response is in transit.
func TestRandomLatencyIsOnBothWays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.SetRandomLatency(time.Second, time.Second, 1)
		time.AfterFunc(1500*time.Millisecond, func() { s.AddMembership(340001, 12000001) })
		if got := summarize(t, serveDirectly(t, s, http.MethodGet, memberships, "")); got.count != 0 {
			t.Errorf("got %d memberships, want the list as it was after a second", got.count)
		}
		if got := len(s.Memberships()); got != 1 {
			t.Errorf("got %d memberships after the response, want 1", got)
		}
	})
}

func TestDelayOfAFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.Inject(kantatatest.Fault{Effect: kantatatest.Delay, Delay: time.Minute, Times: 1})
		s.Inject(kantatatest.Fault{Effect: kantatatest.ReturnStatus, Status: 503, Delay: time.Second, Times: 1})
		for _, want := range []struct {
			status int
			after  time.Duration
		}{{200, time.Minute}, {503, time.Second}, {200, 0}} {
			began := time.Now()
			got := serveDirectly(t, s, http.MethodGet, memberships, "")
			if after := time.Since(began); got.status != want.status || after != want.after {
				t.Errorf("got %d after %v, want %d after %v", got.status, after, want.status, want.after)
			}
		}
	})
}
