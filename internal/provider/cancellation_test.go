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
	for name, c := range map[string]struct {
		effect kantatatest.Effect
		made   bool
	}{
		"Kantata did it":                  {kantatatest.HangAfter, true},
		"Kantata did not do it":           {kantatatest.HangBefore, false},
		"Kantata did it and disconnected": {kantatatest.ResetAfter, true},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			fake.Inject(kantatatest.Fault{Method: http.MethodPost, Effect: c.effect, Times: 1})
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var interrupted time.Time
			fake.OnRequest(func(r kantatatest.Request) {
				if r.Method == http.MethodPost {
					// The user interrupts while the request is in progress.
					interrupted = time.Now().Add(100 * time.Millisecond)
					time.AfterFunc(100*time.Millisecond, interrupt)
				}
			})
			after, said := newRun(t, fake).create(ctx, fmt.Sprint(group), fmt.Sprint(user))
			if took := time.Since(interrupted); took > 5*time.Second {
				t.Errorf("got the end of the create %s after the interrupt, want it within 5s", took)
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
			again, said := newRun(t, fake).create(t.Context(), fmt.Sprint(group), fmt.Sprint(user))
			if said != "" || again == nil || len(fake.Memberships()) != 1 {
				t.Errorf("next apply: got the state %v, the error %q and the memberships %v, want one", again, said, fake.Memberships())
			}
		})
	}
}

func TestInterruptedReadAndDeleteKeepTheState(t *testing.T) {
	for name, play := range map[string]func(r *run, ctx context.Context, before state) (state, string){
		"read":   (*run).read,
		"delete": (*run).delete,
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			fake.AddMembership(group, user)
			before, said := newRun(t, fake).importID(t.Context(), fmt.Sprintf("%d/%d", group, user))
			if said != "" {
				t.Fatalf("got the error %q, want none", said)
			}
			fake.Inject(kantatatest.Fault{Effect: kantatatest.HangBefore})
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var interrupted time.Time
			fake.OnRequest(func(kantatatest.Request) {
				interrupted = time.Now()
				interrupt()
			})
			after, said := play(newRun(t, fake), ctx, before)
			if took := time.Since(interrupted); took != 0 {
				t.Errorf("got the end of the call %s after the interrupt, want it at once", took)
			}
			if after["id"] != before["id"] || !strings.Contains(said, "ontext canceled") {
				t.Errorf("got the state %v and the error %q, want %v and a cancellation", after, said, before)
			}
		})
	}
}
