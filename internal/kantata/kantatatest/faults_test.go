package kantatatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestEffects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  kantatatest.Fault
		status int // logged
		works  bool
		broken bool
		check  func(answer) bool
	}{
		"AnswerStatus": {
			fault:  kantatatest.Fault{Effect: kantatatest.AnswerStatus, Status: 503, Body: "<h1>busy</h1>", Header: http.Header{"retry-after": {"7"}}},
			status: 503, check: func(a answer) bool {
				return a.status == 503 && a.body == "<h1>busy</h1>" && a.header.Get("Retry-After") == "7"
			},
		},
		"AnswerStatus without a status": {
			fault: kantatatest.Fault{Effect: kantatatest.AnswerStatus}, status: 500,
			check: func(a answer) bool {
				return a.body == `{"errors":[{"message":"Internal Server Error","type":"system"}]}`
			},
		},
		"AnswerStatusAfter": {
			fault: kantatatest.Fault{Effect: kantatatest.AnswerStatusAfter, Status: 502}, status: 502, works: true,
			check: func(a answer) bool { return a.status == 502 },
		},
		"ResetBefore": {fault: kantatatest.Fault{Effect: kantatatest.ResetBefore}, broken: true},
		"ResetAfter":  {fault: kantatatest.Fault{Effect: kantatatest.ResetAfter}, works: true, broken: true},
		"CutBody": {
			fault: kantatatest.Fault{Effect: kantatatest.CutBody}, works: true, broken: true,
			check: func(a answer) bool { return a.status == 200 && a.body != "" && !json.Valid([]byte(a.body)) },
		},
		"TruncateJSON": {
			fault: kantatatest.Fault{Effect: kantatatest.TruncateJSON}, status: 200, works: true,
			check: func(a answer) bool { return a.status == 200 && a.body != "" && !json.Valid([]byte(a.body)) },
		},
		"LoginPage": {
			fault: kantatatest.Fault{Effect: kantatatest.LoginPage}, status: 200, works: true,
			check: func(a answer) bool {
				return a.header.Get("Content-Type") == "text/html" && strings.HasPrefix(a.body, "<!doctype html>")
			},
		},
		"NoResults": {
			fault: kantatatest.Fault{Effect: kantatatest.NoResults}, status: 200, works: true,
			check: func(a answer) bool {
				return a.body == `{"access_group_memberships":{},"count":1,"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20},"results":[]}`
			},
		},
		"EmptyList": {
			fault: kantatatest.Fault{Effect: kantatatest.EmptyList}, status: 200,
			check: func(a answer) bool {
				return a.body == `{"access_group_memberships":{},"count":0,"meta":{"count":0,"page_count":0,"page_number":0,"page_size":20},"results":[]}`
			},
		},
		"LateCommit": {
			fault: kantatatest.Fault{Effect: kantatatest.LateCommit}, status: 504,
			check: func(a answer) bool { return a.status == 504 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t)
			s.Inject(test.fault)
			got, err := send(t.Context(), http.MethodPost, s.URL()+memberships, newBody("340001", "12000001"))
			if (err != nil) != test.broken {
				t.Errorf("error: %v", err)
			}
			if test.check != nil && !test.check(got) {
				t.Errorf("answered %+v", got)
			}
			if err == nil && got.header.Get("X-Request-Id") == "" {
				t.Error("no request id")
			}
			if worked := len(s.Memberships()) == 1; worked != test.works {
				t.Errorf("done: %v, want %v", worked, test.works)
			}
			if got := statuses(s); !slices.Equal(got, []int{test.status}) {
				t.Errorf("logged %v", got)
			}
		})
	}
}

func TestHangs(t *testing.T) {
	t.Parallel()
	for effect, rows := range map[kantatatest.Effect]int{kantatatest.HangBefore: 0, kantatatest.HangAfter: 1} {
		t.Run(fmt.Sprint(effect), func(t *testing.T) {
			t.Parallel()
			s := company(t)
			s.Inject(kantatatest.Fault{Effect: effect})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				defer cancel()
				waitForLog(s)
			}()
			if _, err := send(ctx, http.MethodPost, s.URL()+memberships, newBody("340001", "12000001")); !errors.Is(err, context.Canceled) {
				t.Errorf("error: %v", err)
			}
			if got := statuses(s); !slices.Equal(got, []int{0}) {
				t.Errorf("logged %v", got)
			}
			if got := len(s.Memberships()); got != rows {
				t.Errorf("%d rows, want %d", got, rows)
			}
		})
	}
}

func TestCloseEndsHungAndSlowRequests(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*kantatatest.Server){
		"hung": func(s *kantatatest.Server) { s.Inject(kantatatest.Fault{Effect: kantatatest.HangBefore}) },
		"slow": func(s *kantatatest.Server) { s.SetLatency(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t)
			set(s)
			arrived, failed := make(chan struct{}), make(chan error, 1)
			s.OnRequest(func(kantatatest.Request) { close(arrived) })
			go func() {
				_, err := send(t.Context(), http.MethodDelete, s.URL()+memberships+"/1", "")
				failed <- err
			}()
			<-arrived
			closed := make(chan struct{})
			go func() { s.Close(); close(closed) }()
			for range 2 {
				select {
				case err := <-failed:
					if err == nil {
						t.Error("the request was answered")
					}
				case <-closed:
					closed = nil
				case <-time.After(30 * time.Second):
					t.Fatal("Close hangs")
				}
			}
			if got := statuses(s); !slices.Equal(got, []int{0}) {
				t.Errorf("logged %v", got)
			}
		})
	}
}

func TestFaultsAreUsedInOrder(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.Inject(kantatatest.Fault{Method: http.MethodPost, Status: 500})
	s.Inject(kantatatest.Fault{Path: "/access_group_memberships/", Status: 501})
	s.Inject(kantatatest.Fault{Match: func(r kantatatest.Request) bool { return r.Query == "page=2" }, Status: 502})
	s.Inject(kantatatest.Fault{Skip: 1, Times: 2, Status: 503})
	s.Inject(kantatatest.Fault{Times: 1, Status: 504})
	for i, path := range []string{"/1.json?page=2", "?page=2", "", "", "", ""} {
		want := []int{501, 502, 504, 503, 503, 200}[i]
		if got := get(t, s, memberships+path); got.status != want {
			t.Errorf("%d: %q answered %d, want %d", i, path, got.status, want)
		}
	}
	if got := post(t, s, "12000001"); got.status != 500 {
		t.Error(got.status)
	}
	s.ClearFaults()
	if got := post(t, s, "12000001"); got.status != 200 {
		t.Error(got.status)
	}
	last := s.Requests()[7]
	if last.Method != http.MethodPost || last.Path != memberships || last.Body != newBody("340001", "12000001") || last.Status != 200 {
		t.Errorf("logged %+v", last)
	}
	s.ResetRequests()
	if got := s.Requests(); len(got) != 0 {
		t.Errorf("logged %v", got)
	}
}

// TestLateCommit has other memberships made while the late one waits: its id is lower than theirs.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Method: http.MethodPost, Looks: 2, Times: 1})
	if got := post(t, s, "12000001"); got.status != 504 {
		t.Error(got.status)
	}
	s.AddMembership(340001, 12000002)
	s.AddMembership(340001, 12000003)
	for _, want := range []int{2, 2, 3} {
		if got := summarize(t, get(t, s, memberships)); got.count != want {
			t.Errorf("%d memberships, want %d", got.count, want)
		}
	}
	if got := summarize(t, get(t, s, memberships)).ids; !slices.Equal(got, []string{"56000101", "56000102", "56000103"}) {
		t.Error(got)
	}
	for _, id := range []string{"56000101", "56000102", "56000103"} {
		if got := get(t, s, memberships+"/"+id); got.status != 200 {
			t.Errorf("%s: %d", id, got.status)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.SetRateLimit(1, "3")
	var refused []answer
	for range 200 {
		if got := get(t, s, memberships); got.status == http.StatusTooManyRequests {
			refused = append(refused, got)
		}
	}
	if len(refused) == 0 || refused[0].header.Get("Retry-After") != "3" {
		t.Errorf("refused: %v", refused)
	}
	s.SetRateLimit(0, "")
	if got := get(t, s, memberships); got.status != 200 {
		t.Error(got.status)
	}
}

func TestLatencyEndsWithTheClient(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.SetLatency(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.OnRequest(func(kantatatest.Request) { cancel() })
	if _, err := send(ctx, http.MethodGet, s.URL()+memberships, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	if waitForLog(s); len(s.Requests()) != 1 {
		t.Fatal("the request goes on without its client")
	}
	s.SetLatency(20 * time.Millisecond)
	began := time.Now()
	if got := get(t, s, memberships); got.status != 200 || time.Since(began) < 20*time.Millisecond {
		t.Errorf("%d after %v", got.status, time.Since(began))
	}
}
