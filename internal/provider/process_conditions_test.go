package provider

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// processCondition is something that makes every request of a process fail.
type processCondition struct {
	name    string
	dial    func() error
	respond http.HandlerFunc
	// summary is the summary of all errors. The first error contains says.
	summary, says string
	// most is the longest time that any number of memberships may take, and requests the highest number of requests.
	most     time.Duration
	requests int
}

func processConditions() []processCondition {
	return []processCondition{
		{
			name: "wrong token",
			respond: func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(50 * time.Millisecond)
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"errors":[{"type":"oauth","message":"Invalid OAuth 2 Request"}]}`)
			},
			summary: "Kantata Access Token Rejected", says: "Invalid OAuth 2 Request", most: 2 * time.Second, requests: 15,
		},
		{
			name:    "refused connection",
			dial:    func() error { return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED} },
			summary: "Kantata Not Reachable", says: "connection refused", most: 40 * time.Second, requests: 60,
		},
		{
			name: "hanging host",
			respond: func(w http.ResponseWriter, _ *http.Request) {
				if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
					_, _ = io.Copy(io.Discard, conn)
				}
			},
			summary: "Kantata Not Reachable", says: "no complete response within", most: 210 * time.Second, requests: 55,
		},
		{
			name: "endless 429",
			respond: func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(50 * time.Millisecond)
				w.WriteHeader(http.StatusTooManyRequests)
			},
			summary: "Kantata Rate Limit Exceeded", says: "429 Too Many Requests", most: 305 * time.Second, requests: 60,
		},
	}
}

// TestConditionsOfTheProcess runs operations on memberships while every request fails (rule 12). It replaces http.DefaultTransport, so it
// is not parallel.
func TestConditionsOfTheProcess(t *testing.T) {
	for _, c := range processConditions() {
		for _, operation := range []string{"read", "plan", "create"} {
			for _, n := range []int{1, 10, 100, 300} {
				for _, parallelism := range []int{1, terraformParallelism, 40} {
					if c.name != "hanging host" && (n == 300 || parallelism != terraformParallelism) {
						continue // only a host that hangs has a limit that one membership after the other may exceed
					}
					t.Run(fmt.Sprintf("%s/%s/%d/parallelism %d", c.name, operation, n, parallelism), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { playCondition(t, c, operation, n, parallelism) })
					})
				}
			}
		}
	}
}

func playCondition(t *testing.T, c processCondition, operation string, n, parallelism int) {
	requests := replaceTransport(t, c)
	start := time.Now()
	r := newServer(t, New("test")())
	settings := filters(map[string]string{"access_token": "wrong-token", "base_url": "http://127.0.0.1/api/v1"})
	if said := diagnosticText(r.configure(settings)); said != "" {
		t.Fatalf("got the error %q, want none", said)
	}
	errors := said(n, parallelism, func(i int) string { return r.condition(operation, i) })
	took := time.Since(start)

	lines, full := 0, 0
	for _, said := range errors {
		summary, detail, _ := strings.Cut(said, "\n")
		n := strings.Count(wrapped(strings.TrimSpace(detail)), "\n") + 1
		lines += n + 8 // what Terraform prints around a detail
		if strings.Contains(detail, c.says) && strings.Contains(detail, "\n\n") {
			full++
		} else if n > 6 {
			t.Errorf("got %d lines in an error, want 6 at most:\n%s", n, detail)
		}
		if summary != "ERROR: "+c.summary {
			t.Fatalf("got %s\nwant %s", said, c.summary)
		}
	}
	t.Logf("%-18s %-6s %4d memberships, parallelism %2d: %4d requests, %4.0f s, %5d lines",
		c.name, operation, n, parallelism, requests.Load(), took.Seconds(), lines)
	if len(errors) != n || full != 1 {
		t.Errorf("got %d errors, %d of them in full; want %d, 1 in full", len(errors), full, n)
	}
	if took > c.most || int(requests.Load()) > c.requests {
		t.Errorf("got %s and %d requests, want at most %s and %d", took, requests.Load(), c.most, c.requests)
	}
}

// TestMissingToken expects the whole explanation in each error, because Terraform may print any of them first.
func TestMissingToken(t *testing.T) {
	t.Setenv(envAccessToken, "")
	synctest.Test(t, func(t *testing.T) {
		r := newServer(t, New("test")())
		if said := diagnosticText(r.configure(filters(map[string]string{"base_url": "http://127.0.0.1/api/v1"}))); said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		for i, operation := range []string{"read", "plan", "create"} {
			said := r.condition(operation, i)
			summary, detail, _ := strings.Cut(said, "\n")
			if lines := strings.Count(wrapped(strings.TrimSpace(detail)), "\n") + 1; summary != "ERROR: Missing Kantata Access Token" || lines > 6 {
				t.Errorf("%s: got %d lines of %s, want at most 6 about the token", operation, lines, said)
			}
			for _, want := range []string{envAccessToken, "ephemeral variable", "clear text"} {
				if !strings.Contains(detail, want) {
					t.Errorf("%s: got %s, want %q in it", operation, detail, want)
				}
			}
		}
	})
}

// condition calls the operation for the i-th membership and returns its error.
func (r *run) condition(operation string, i int) (said string) {
	group, user := "340001", fmt.Sprint(12000001+i)
	switch operation {
	case "plan":
		return r.plan(r.t.Context(), nil, nil, r.config(map[string]tftypes.Value{"access_group_id": text(group), "user_id": text(user)})).said
	case "create":
		_, said = r.create(r.t.Context(), group, user)
	default:
		_, said = r.read(r.t.Context(), state{"id": fmt.Sprint(56000001 + i), "access_group_id": group, "user_id": user})
	}
	return said
}

// replaceTransport makes http.DefaultTransport lead to the condition for the duration of the test, and counts what is sent.
func replaceTransport(t *testing.T, c processCondition) *atomic.Int32 {
	t.Helper()
	requests := new(atomic.Int32)
	listener := servePipes(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		c.respond(w, r)
	}))
	replaceDial(t, func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.dial != nil {
			requests.Add(1)
			return nil, c.dial()
		}
		return listener.dial(ctx, network, address)
	})
	t.Cleanup(func() { time.Sleep(time.Hour) }) // what is still in flight ends by itself
	return requests
}
