package provider

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestShortOutage expects that no membership fails because of an outage of ten seconds in the middle of its operation (rule 12). It
// replaces http.DefaultTransport, so it is not parallel.
func TestShortOutage(t *testing.T) {
	for _, kind := range []string{"refused", "cut before", "cut after"} {
		for _, operation := range []string{"create", "read", "delete"} {
			for _, parallelism := range []int{1, terraformParallelism, 40} {
				t.Run(fmt.Sprintf("%s/%s/parallelism %d", kind, operation, parallelism), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { playShortOutage(t, kind, operation, parallelism) })
				})
			}
		}
	}
}

func playShortOutage(t *testing.T, kind, operation string, parallelism int) {
	n := 20 + 2*parallelism
	begin := 500 * time.Millisecond
	if operation == "read" {
		begin = 100 * time.Millisecond // few requests read all memberships
	}
	fake := kantatatest.New(kantatatest.WithoutListener())
	t.Cleanup(fake.Close)
	rows := n
	if operation == "create" {
		rows = 0
	}
	seeded := fake.SeedMemberships(1, n, rows)
	fake.SetLatency(300 * time.Millisecond)

	start := time.Now()
	down := func() bool { since := time.Since(start); return since > begin && since < begin+10*time.Second }
	listener := servePipes(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind == "cut after" && down() {
			fake.ServeHTTP(discard{}, r)
		} else if !down() {
			fake.ServeHTTP(w, r)
		}
		if down() {
			panic(http.ErrAbortHandler) // it cuts the connection
		}
	}))
	replaceDial(t, func(ctx context.Context, network, address string) (net.Conn, error) {
		if kind == "refused" && down() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return listener.dial(ctx, network, address)
	})
	r := newServer(t, New("test")())
	settings := filters(map[string]string{"access_token": kantatatest.Token, "base_url": "http://127.0.0.1/api/v1"})
	if said := diagnosticText(r.configure(settings)); said != "" {
		t.Fatalf("got the error %q, want none", said)
	}
	errors := said(n, parallelism, func(i int) (said string) {
		switch operation {
		case "create":
			_, said = r.create(t.Context(), fmt.Sprint(kantatatest.FinanceApprovers), fmt.Sprint(kantatatest.FirstUser+int64(i)))
		case "read":
			_, said = r.read(t.Context(), stateOf(seeded[i]))
		case "delete":
			_, said = r.delete(t.Context(), stateOf(seeded[i]))
		}
		return said
	})
	if len(errors) > 0 {
		t.Errorf("got %d errors, want none; the first is %s", len(errors), errors[0])
	}
	if took := time.Since(start); took < begin+10*time.Second {
		t.Errorf("got a duration of %s, want more than that of the outage", took)
	}
	want := map[string]int{"create": n, "read": n, "delete": 0}[operation]
	if got := len(fake.Memberships()); got != want {
		t.Errorf("got %d memberships, want %d", got, want)
	}
}

// discard is a response that no one receives.
type discard struct{}

func (discard) Header() http.Header            { return http.Header{} }
func (discard) Write(data []byte) (int, error) { return len(data), nil }
func (discard) WriteHeader(int)                {}
