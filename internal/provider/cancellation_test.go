package provider

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestInterruptedCreate checks rule 9: what Kantata did before the interrupt is in the state, or the error says what may have been done,
// and the next apply creates nothing twice.
func TestInterruptedCreate(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		effect kantatatest.Effect
		made   bool
	}{
		"Kantata did it":                  {kantatatest.HangAfter, true},
		"Kantata did not do it":           {kantatatest.HangBefore, false},
		"Kantata did it and disconnected": {kantatatest.ResetAfter, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			fake := newMatrixFake(t, kantatatest.Dialect{})
			fake.Inject(kantatatest.Fault{Method: http.MethodPost, Effect: c.effect, Times: 1})
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			fake.OnRequest(func(r kantatatest.Request) {
				if r.Method == http.MethodPost {
					// The user interrupts while the request is in progress.
					time.AfterFunc(100*time.Millisecond, interrupt)
				}
			})
			began := time.Now()
			after, said := newRun(t, fake, 2, time.Minute).create(ctx, fmt.Sprint(group), fmt.Sprint(user))
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("the interrupt took: got %s, want at most 6s", took)
			}
			if c.made {
				if said != "" || after["id"] != fmt.Sprint(fake.Memberships()[0].ID) {
					t.Errorf("got the state %v and the error %q, want the membership", after, said)
				}
				return
			}
			if after != nil || !strings.Contains(said, "may still appear") || !strings.Contains(said, "Settings > Access Groups") {
				t.Errorf("got the state %v and the error %q, want no state and an error that says what to check", after, said)
			}
			fake.OnRequest(nil)
			again, said := newRun(t, fake, 2, time.Minute).create(t.Context(), fmt.Sprint(group), fmt.Sprint(user))
			if said != "" || again == nil || len(fake.Memberships()) != 1 {
				t.Errorf("next apply: got the state %v, the error %q and the memberships %v, want one", again, said, fake.Memberships())
			}
		})
	}
}

func TestInterruptedReadAndDeleteKeepTheState(t *testing.T) {
	t.Parallel()

	fake := newMatrixFake(t, kantatatest.Dialect{})
	fake.AddMembership(group, user)
	before, said := newRun(t, fake, 0, time.Minute).importID(t.Context(), fmt.Sprintf("%d/%d", group, user))
	if said != "" {
		t.Fatalf("got the error %q, want none", said)
	}
	fake.Inject(kantatatest.Fault{Effect: kantatatest.HangBefore})
	for name, play := range map[string]func(*run, context.Context) (state, string){
		"read":   func(r *run, ctx context.Context) (state, string) { return r.read(ctx, before) },
		"delete": func(r *run, ctx context.Context) (state, string) { return r.delete(ctx, before) },
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		fake.OnRequest(func(kantatatest.Request) { interrupt() })
		began := time.Now()
		after, said := play(newRun(t, fake, 2, time.Minute), ctx)
		if after["id"] != before["id"] || !strings.Contains(said, "ontext canceled") || time.Since(began) > 6*time.Second {
			t.Errorf("%s: got the state %v and the error %q after %s, want %v and a cancellation", name, after, said, time.Since(began), before)
		}
		interrupt()
	}
}
