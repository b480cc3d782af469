package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestWritesInVain expects that any number of creates or deletes without a usable response takes at most twice as long as one of them, or
// half a minute longer if one does not take that long, although Kantata responds to reads (rule 12). Errors about writes that were not sent
// are short and name the pair (rule 11).
func TestWritesInVain(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault kantatatest.Fault
		// create and del are the longest time that one of them takes.
		create, del time.Duration
	}{
		{"no response", kantatatest.Fault{Effect: kantatatest.HangBefore}, 215 * time.Second, 210 * time.Second},
		{"connection cut", kantatatest.Fault{Effect: kantatatest.ResetBefore}, 25 * time.Second, 30 * time.Second},
		{"503", kantatatest.Fault{Effect: kantatatest.ReturnStatus, Status: 503}, 25 * time.Second, 10 * time.Second},
		{
			"502 after a minute", kantatatest.Fault{Effect: kantatatest.ReturnStatus, Status: 502, Delay: time.Minute}, 325 * time.Second,
			310 * time.Second,
		},
	} {
		for method, alone := range map[string]time.Duration{http.MethodPost: c.create, http.MethodDelete: c.del} {
			for _, n := range []int{1, 30, 300} {
				for _, parallelism := range []int{1, terraformParallelism, 40} {
					name := fmt.Sprintf("%s/%s/%d, parallelism %d", method, c.name, n, parallelism)
					runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
						f := c.fault
						f.Method = method
						fake.Inject(f)
						start := time.Now()
						errors, _ := writeAll(t, fake, method, n, parallelism)
						took := time.Since(start)
						most := alone
						if n > parallelism {
							most += max(alone, 30*time.Second)
						}
						t.Logf("%3.0f s, %d requests", took.Seconds(), len(fake.Requests()))
						if len(errors) != n || took > most {
							t.Errorf("got %d errors in %s, want %d in at most %s", len(errors), took, n, most)
						}
						checkWritesInVain(t, errors)
					})
				}
			}
		}
	}
}

// TestShortTimeWithoutEffect expects that no write is refused because others had no effect for less than half a minute, however few retries
// there are.
func TestShortTimeWithoutEffect(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		for _, retries := range []int64{0, 1, 4} {
			for _, lasts := range []time.Duration{time.Second, 5 * time.Second, 15 * time.Second} {
				for _, parallelism := range []int{1, terraformParallelism, 40} {
					name := fmt.Sprintf("%s/%s with %d retries, parallelism %d", method, lasts, retries, parallelism)
					runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
						begin := time.Now().Add(time.Second)
						fake.Inject(kantatatest.Fault{
							Method: method, Effect: kantatatest.ReturnStatus, Status: 503,
							Match: func(kantatatest.Request) bool { return time.Now().After(begin) && time.Since(begin) < lasts },
						})
						errors, _ := writeAll(t, fake, method, 100, parallelism, map[string]tftypes.Value{"max_retries": number(retries)})
						for _, said := range errors {
							if strings.Contains(said, "Changes to Kantata Have No Effect") {
								t.Errorf("got %s, want no refused write", said)
							}
						}
					})
				}
			}
		}
	}
}

// writeAll creates or deletes n memberships, and returns the errors and what was created. Each error must name its pair, unless Kantata was
// not reachable.
func writeAll(t *testing.T, fake *kantatatest.Server, method string, n, parallelism int,
	settings ...map[string]tftypes.Value) (errors []string, created []state) {
	t.Helper()
	seeded := fake.SeedMemberships(1, n, map[string]int{http.MethodDelete: n}[method])
	fake.SetLatency(300 * time.Millisecond)
	r := newRun(t, fake, settings...)
	created = make([]state, n)
	return said(n, parallelism, func(i int) (said string) {
		person := fmt.Sprint(kantatatest.FirstUser + int64(i))
		if method == http.MethodPost {
			created[i], said = r.create(t.Context(), fmt.Sprint(group), person)
		} else {
			before := stateOf(seeded[i])
			person = before["user_id"]
			_, said = r.delete(t.Context(), before)
		}
		if said != "" && !strings.Contains(said, "ser "+person) && !strings.Contains(said, "Kantata Not Reachable") {
			t.Errorf("got %s, want the ID of user %s in it", said, person)
		}
		return said
	}), created
}

// checkWritesInVain checks that each error is about a write that was sent, or is short and says that it was not sent, and that one of the
// latter has the details.
func checkWritesInVain(t *testing.T, errors []string) {
	t.Helper()
	short, full := 0, 0
	for _, said := range errors {
		summary, detail, _ := strings.Cut(said, "\n")
		if summary != "ERROR: Changes to Kantata Have No Effect" {
			if !strings.HasPrefix(summary, "ERROR: Unable to ") && summary != "ERROR: Kantata Not Reachable" {
				t.Errorf("got the error %q, want one about a write", said)
			}
			continue
		}
		if strings.Contains(detail, "\n\n") {
			full++
			continue
		}
		short++
		if lines := strings.Count(wrapped(strings.TrimSpace(detail)), "\n") + 1; lines > 6 || !strings.Contains(detail, "was not sent") {
			t.Errorf("got %d lines, want at most 6 that say that the request was not sent:\n%s", lines, detail)
		}
	}
	if full > 1 || full == 0 && short > 0 {
		t.Errorf("got %d errors in full and %d short ones, want one in full", full, short)
	}
}

// TestLostResponsesToCreates expects every create to work although a proxy swallows every response to a POST (rules 3 and 5).
func TestLostResponsesToCreates(t *testing.T) {
	for _, parallelism := range []int{1, terraformParallelism, 40} {
		runInFakeTime(t, fmt.Sprint(parallelism), func(t *testing.T, fake *kantatatest.Server) {
			const n = 60
			fake.Inject(kantatatest.Fault{Method: http.MethodPost, Effect: kantatatest.HangAfter})
			errors, created := writeAll(t, fake, http.MethodPost, n, parallelism)
			if len(errors) > 0 || writes(fake, http.MethodPost) != n || len(fake.Memberships()) != n {
				t.Errorf("got %d memberships after %d POSTs with the errors %v, want %d, %d and none",
					len(fake.Memberships()), writes(fake, http.MethodPost), errors, n, n)
			}
			for i, s := range created {
				if s["id"] == "" {
					t.Errorf("%d: got the state %v, want one with an ID", i, s)
				}
			}
		})
	}
}
