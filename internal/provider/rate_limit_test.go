package provider

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestRateLimit applies and plans against a Kantata that accepts few requests a second.
func TestRateLimit(t *testing.T) {
	for name, retryAfter := range map[string]string{"with Retry-After": "1", "without Retry-After": ""} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			const creates, reads = 18, 150
			rows := fake.SeedMemberships(16, 100, 1_600)
			fake.AddAccessGroup(350000, "New")
			fake.SetLatency(20 * time.Millisecond)

			all := func(n, rate int, play func(r *run, i int) error) (limited int) {
				fake.ResetRequests()
				fake.SetRateLimit(rate, retryAfter)
				r := newRun(t, fake)
				var group errgroup.Group
				group.SetLimit(terraformParallelism)
				for i := range n {
					group.Go(func() error { return play(r, i) })
				}
				if err := group.Wait(); err != nil {
					t.Fatal(err)
				}
				for _, request := range fake.Requests() {
					if request.Status == http.StatusTooManyRequests {
						limited++
					}
				}
				t.Logf("%d requests, %d of them with the response 429", len(fake.Requests()), limited)
				return limited
			}

			limited := all(creates, 15, func(r *run, i int) error {
				if _, said := r.create(t.Context(), "350000", fmt.Sprint(kantatatest.FirstUser+i)); said != "" {
					return fmt.Errorf("create: got the error %q, want none", said)
				}
				return nil
			})
			if got := len(fake.Memberships()) - len(rows); got != creates {
				t.Errorf("got %d new memberships, want %d", got, creates)
			}
			if limited > 2*terraformParallelism {
				t.Errorf("creates: got %d responses with 429, want at most %d, because requests wait together", limited, 2*terraformParallelism)
			}
			limited = all(reads, 3, func(r *run, i int) error {
				if after, said := r.read(t.Context(), stateOf(rows[i*len(rows)/reads])); said != "" || after == nil {
					return fmt.Errorf("read: got %v and the error %q, want the membership", after, said)
				}
				return nil
			})
			if limited > 2*terraformParallelism {
				t.Errorf("reads: got %d responses with 429, want at most %d", limited, 2*terraformParallelism)
			}
		})
	}
}
