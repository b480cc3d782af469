package kantatatest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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
		check  func(reply) bool
	}{
		"ReturnStatus": {
			fault: kantatatest.Fault{
				Effect: kantatatest.ReturnStatus, Status: 503, Body: "<h1>busy</h1>", Header: http.Header{"retry-after": {"7"}},
			},
			status: 503, check: func(a reply) bool {
				return a.status == 503 && a.body == "<h1>busy</h1>" && a.header.Get("Retry-After") == "7"
			},
		},
		"Delay": {
			fault: kantatatest.Fault{Effect: kantatatest.Delay, Delay: time.Nanosecond}, status: 200, works: true,
			check: func(a reply) bool { return a.status == 200 },
		},
		"ReturnStatus without a status": {
			fault: kantatatest.Fault{Effect: kantatatest.ReturnStatus}, status: 500,
			check: func(a reply) bool {
				return a.body == `{"errors":[{"message":"Internal Server Error","type":"system"}]}`
			},
		},
		"ReturnStatusAfter": {
			fault: kantatatest.Fault{Effect: kantatatest.ReturnStatusAfter, Status: 502}, status: 502, works: true,
			check: func(a reply) bool { return a.status == 502 },
		},
		"ResetBefore": {fault: kantatatest.Fault{Effect: kantatatest.ResetBefore}, broken: true},
		"ResetAfter":  {fault: kantatatest.Fault{Effect: kantatatest.ResetAfter}, works: true, broken: true},
		"CutBody": {
			fault: kantatatest.Fault{Effect: kantatatest.CutBody}, works: true, broken: true,
			check: func(a reply) bool { return a.status == 200 && a.body != "" && !json.Valid([]byte(a.body)) },
		},
		"TruncateJSON": {
			fault: kantatatest.Fault{Effect: kantatatest.TruncateJSON}, status: 200, works: true,
			check: func(a reply) bool { return a.status == 200 && a.body != "" && !json.Valid([]byte(a.body)) },
		},
		"LoginPage": {
			fault: kantatatest.Fault{Effect: kantatatest.LoginPage}, status: 200, works: true,
			check: func(a reply) bool {
				return a.header.Get("Content-Type") == "text/html" && strings.HasPrefix(a.body, "<!doctype html>")
			},
		},
		"NoResults": {
			fault: kantatatest.Fault{Effect: kantatatest.NoResults}, status: 200, works: true,
			check: func(a reply) bool {
				return a.body == `{"access_group_memberships":{},"count":1,`+
					`"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20},"results":[]}`
			},
		},
		"EmptyList": {
			fault: kantatatest.Fault{Effect: kantatatest.EmptyList}, status: 200,
			check: func(a reply) bool {
				return a.body == `{"access_group_memberships":{},"count":0,`+
					`"meta":{"count":0,"page_count":0,"page_number":0,"page_size":20},"results":[]}`
			},
		},
		"LateCommit": {
			fault: kantatatest.Fault{Effect: kantatatest.LateCommit}, status: 504,
			check: func(a reply) bool { return a.status == 504 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t)
			s.Inject(test.fault)
			got, err := send(t.Context(), http.MethodPost, s.URL()+memberships, newBody("340001", "12000001"))
			if (err != nil) != test.broken {
				t.Errorf("got error %v, want one: %t", err, test.broken)
			}
			if test.check != nil && !test.check(got) {
				t.Errorf("got %+v", got)
			}
			if err == nil && got.header.Get("X-Request-Id") == "" {
				t.Error("got no X-Request-Id")
			}
			if worked := len(s.Memberships()) == 1; worked != test.works {
				t.Errorf("got done: %v, want %v", worked, test.works)
			}
			if got := statuses(s); !slices.Equal(got, []int{test.status}) {
				t.Errorf("got logged statuses %v, want %d", got, test.status)
			}
		})
	}
}

func TestHangs(t *testing.T) {
	t.Parallel()
	for effect, rows := range map[kantatatest.Effect]int{kantatatest.HangBefore: 0, kantatatest.HangAfter: 1} {
		t.Run(effect.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := company(t, kantatatest.WithoutListener())
				s.Inject(kantatatest.Fault{Effect: effect})
				ctx, cancel := context.WithCancel(t.Context())
				ended := serveInBackground(ctx, s, http.MethodPost, memberships, newBody("340001", "12000001"))
				time.Sleep(time.Hour)
				if ended() {
					t.Error("got a request that ended, want one that hangs for an hour")
				}
				if got := statuses(s); !slices.Equal(got, []int{0}) {
					t.Errorf("got logged statuses %v, want 0", got)
				}
				if got := len(s.Memberships()); got != rows {
					t.Errorf("got %d rows, want %d", got, rows)
				}
				cancel()
				if synctest.Wait(); !ended() {
					t.Error("got a request that hangs, want it to end with its client")
				}
			})
		})
	}
}

func TestCloseEndsRequests(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*kantatatest.Server){
		"hung":    func(s *kantatatest.Server) { s.Inject(kantatatest.Fault{Effect: kantatatest.HangBefore}) },
		"slow":    func(s *kantatatest.Server) { s.SetLatency(time.Hour) },
		"delayed": func(s *kantatatest.Server) { s.Inject(kantatatest.Fault{Effect: kantatatest.Delay, Delay: time.Hour}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := company(t, kantatatest.WithoutListener())
				set(s)
				ended := serveInBackground(t.Context(), s, http.MethodDelete, memberships+"/1", "")
				synctest.Wait()
				s.Close()
				if synctest.Wait(); !ended() {
					t.Error("got a request that goes on, want it to end with the server")
				}
				if got := statuses(s); !slices.Equal(got, []int{0}) {
					t.Errorf("got logged statuses %v, want 0", got)
				}
			})
		})
	}
}

// TestCloseWithAConnection closes a server that listens, while a request hangs.
func TestCloseWithAConnection(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.Inject(kantatatest.Fault{Effect: kantatatest.HangBefore})
	s.OnRequest(func(kantatatest.Request) { go s.Close() })
	if got, err := send(t.Context(), http.MethodGet, s.URL()+memberships, ""); err == nil {
		t.Errorf("got %+v, want a cut connection", got)
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
			t.Errorf("%d: %q: got %d, want %d", i, path, got.status, want)
		}
	}
	if got := post(t, s, "12000001"); got.status != 500 {
		t.Errorf("got %d, want 500", got.status)
	}
	s.ClearFaults()
	if got := post(t, s, "12000001"); got.status != 200 {
		t.Errorf("got %d without faults, want 200", got.status)
	}
	last := s.Requests()[7]
	if last.Method != http.MethodPost || last.Path != memberships || last.Body != newBody("340001", "12000001") || last.Status != 200 {
		t.Errorf("got logged %+v, want the POST with its body", last)
	}
	s.ResetRequests()
	if got := s.Requests(); len(got) != 0 {
		t.Errorf("got logged %v, want nothing", got)
	}
}

func TestComposedEffects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effects []kantatatest.Effect
		rows    int
		check   func(reply, error) bool
	}{
		"not served wins": {[]kantatatest.Effect{kantatatest.ResetAfter, kantatatest.ReturnStatus}, 0, func(_ reply, err error) bool {
			return err != nil
		}},
		"half of an error": {[]kantatatest.Effect{kantatatest.ReturnStatusAfter, kantatatest.TruncateJSON}, 1, func(a reply, err error) bool {
			return err == nil && a.status == 500 && a.body != "" && !json.Valid([]byte(a.body))
		}},
		"half of a login page": {[]kantatatest.Effect{kantatatest.LoginPage, kantatatest.CutBody}, 1, func(a reply, err error) bool {
			return err != nil && strings.HasPrefix(a.body, "<!doctype")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t)
			s.Inject(kantatatest.Fault{Effect: test.effects[0], Also: test.effects[1:]})
			got, err := send(t.Context(), http.MethodPost, s.URL()+memberships, newBody("340001", "12000001"))
			if !test.check(got, err) {
				t.Errorf("got %+v and the error %v, want the response that the check of this test accepts", got, err)
			}
			if rows := len(s.Memberships()); rows != test.rows {
				t.Errorf("got %d memberships, want %d", rows, test.rows)
			}
		})
	}
}

func TestEffectsHaveDescriptions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for e := kantatatest.ReturnStatus; e <= kantatatest.Delay; e++ {
		if text := e.String(); text == "" || seen[text] {
			t.Errorf("effect %d: got description %q, want one of its own", int(e), text)
		} else {
			seen[text] = true
		}
	}
	fault := kantatatest.Fault{
		Effect: kantatatest.LateCommit, Also: []kantatatest.Effect{kantatatest.HangAfter},
		Method: "POST", Path: memberships, Skip: 2, Times: 3, Looks: 1, Delay: time.Second,
	}
	want := "POST /access_group_memberships, 3 times, after the first 2: " +
		"delayed by 1s; done later, and a status in the meantime (504); done, then no response"
	if got := fault.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = "every request: not done, a status instead (500)"
	if got := (kantatatest.Fault{Effect: kantatatest.ReturnStatus}).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
