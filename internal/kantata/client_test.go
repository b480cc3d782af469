package kantata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "s3cret-token"

// kantata is a server that answers with literal text, and the log of what it received.
type kantata struct {
	*httptest.Server
	mu       sync.Mutex
	received []string // "METHOD uri body"
	headers  []http.Header
	attempts []Attempt
}

// serve starts a server that answers the n-th request, from 1, with answer, and returns a client of it.
func serve(t *testing.T, answer func(w http.ResponseWriter, n int), change ...func(*Config)) (*Client, *kantata) {
	t.Helper()
	k := &kantata{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		k.mu.Lock()
		k.received = append(k.received, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
		k.headers = append(k.headers, r.Header)
		n := len(k.received)
		k.mu.Unlock()
		answer(w, n)
	}))
	config := Config{
		AccessToken: token, BaseURL: k.URL + "/api/v1", MaxRetries: 2, RequestTimeout: 10 * time.Second, UserAgent: "test/1",
		RetryWaitMin: time.Millisecond, RetryWaitMax: 2 * time.Millisecond,
		Observe: func(_ context.Context, a Attempt) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.attempts = append(k.attempts, a)
		},
	}
	for _, c := range change {
		c(&config)
	}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		k.CloseClientConnections()
		k.Close()
	})
	return client, k
}

// says answers every request with the status and the body.
func says(status int, body string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) { send(w, status, body) }
}

func send(w http.ResponseWriter, status int, body string) {
	w.Header().Set("X-Request-Id", "req-1")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = connection.(*net.TCPConn).SetLinger(0)
		_ = connection.Close()
	}
}

const one = `{"count":1,"results":[{"key":"access_group_memberships","id":"56000101"}],
"access_group_memberships":{"56000101":{"id":"56000101","access_group_id":"7","user_id":"42","access_group_name":"Finance","user_name":"Jane","creator_id":9,"created_at":"2026-11-22"}},
"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`

func TestRequests(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, c := range map[string]struct {
		call func(*Client) error
		want string
	}{
		"get": {
			func(c *Client) error { _, err := c.GetAccessGroupMembership(ctx, "56000101"); return err },
			"GET /api/v1/access_group_memberships/56000101",
		},
		"list, no filter": {
			func(c *Client) error {
				_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{}, 1, 200)
				return err
			},
			"GET /api/v1/access_group_memberships?page=1&per_page=200",
		},
		"list, both filters": {
			func(c *Client) error {
				_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{AccessGroupID: "7", UserID: "42"}, 3, 20)
				return err
			},
			"GET /api/v1/access_group_memberships?access_group_id=7&page=3&per_page=20&user_id=42",
		},
		"by ids": {
			func(c *Client) error {
				_, err := c.AccessGroupMembershipsByID(ctx, []ID{"56000101", "5"})
				return err
			},
			"GET /api/v1/access_group_memberships?only=56000101%2C5&per_page=200",
		},
		"create": {
			func(c *Client) error {
				_, err := c.CreateAccessGroupMembership(ctx, Pair{AccessGroupID: "7", UserID: "42"})
				return err
			},
			`POST /api/v1/access_group_memberships {"access_group_membership":{"access_group_id":7,"user_id":42}}`,
		},
		"delete": {
			func(c *Client) error { return c.DeleteAccessGroupMembership(ctx, "56000101") },
			"DELETE /api/v1/access_group_memberships/56000101",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, k := serve(t, says(200, one))
			if err := c.call(client); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(k.received, []string{c.want}) {
				t.Errorf("sent %q\nwant %q", k.received, c.want)
			}
			h := k.headers[0]
			if h.Get("Authorization") != "Bearer "+token || h.Get("Accept") != "application/json" || h.Get("User-Agent") != "test/1" {
				t.Errorf("headers %v", h)
			}
			if post := strings.HasPrefix(c.want, "POST"); post != (h.Get("Content-Type") == "application/json") {
				t.Errorf("Content-Type %q", h.Get("Content-Type"))
			}
			if a := k.attempts; len(a) != 1 || a[0].Status != 200 || a[0].RequestID != "req-1" || a[0].Number != 1 || strings.Contains(a[0].Path, "?") {
				t.Errorf("attempts %+v", a)
			}
		})
	}
}

func TestBlankIsNeverSent(t *testing.T) {
	t.Parallel()
	client, k := serve(t, says(200, one))
	if found, err := client.AccessGroupMembershipsByID(t.Context(), nil); err != nil || len(found) != 0 {
		t.Errorf("no ids: %v, %v", found, err)
	}
	for _, address := range []string{"", " ", "a@b,c@d"} {
		if _, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com", address}); err == nil {
			t.Errorf("%q: no error", address)
		}
	}
	if len(k.received) != 0 {
		t.Errorf("sent %q", k.received)
	}
}

func TestPagesAreWalked(t *testing.T) {
	t.Parallel()
	page := func(n int, ids ...string) string {
		results, objects := make([]string, len(ids)), make([]string, len(ids))
		for i, id := range ids {
			results[i] = fmt.Sprintf(`{"key":"access_group_memberships","id":%q}`, id)
			objects[i] = fmt.Sprintf(`%q:{"id":%q,"access_group_id":7,"user_id":%s}`, id, id, id)
		}
		return fmt.Sprintf(`{"count":3,"results":[%s],"access_group_memberships":{%s},"meta":{"count":3,"page_count":2,"page_number":%d,"page_size":2}}`,
			strings.Join(results, ","), strings.Join(objects, ","), n)
	}
	pages := func(w http.ResponseWriter, n int) { send(w, 200, []string{page(1, "11", "12"), page(2, "13")}[n-1]) }
	client, k := serve(t, pages)
	var ids []ID
	for m, err := range client.ListAccessGroupMemberships(t.Context(), MembershipFilter{}, 2) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	if !slices.Equal(ids, []ID{"11", "12", "13"}) || len(k.received) != 2 {
		t.Errorf("%v after %q", ids, k.received)
	}

	client, k = serve(t, pages)
	for range client.ListAccessGroupMemberships(t.Context(), MembershipFilter{}, 2) { //nolint:errcheck // what counts is what was asked
		break
	}
	if len(k.received) != 1 {
		t.Errorf("a walk that was left asked for %q", k.received)
	}

	client, _ = serve(t, func(w http.ResponseWriter, n int) { send(w, []int{200, 403}[n-1], page(1, "11", "12")) })
	var errs []error
	for _, err := range client.ListAccessGroupMemberships(t.Context(), MembershipFilter{}, 2) {
		errs = append(errs, err)
	}
	if len(errs) != 3 || errs[2] == nil {
		t.Errorf("a failed page is %v", errs)
	}
}

func TestUsersByEmailAddress(t *testing.T) {
	t.Parallel()
	client, k := serve(t, says(200, `{"count":1,"results":[{"key":"users","id":"42"}],"users":{"42":{"id":42,"full_name":"Jane","email_address":"Jane@Example.com"}},"meta":{"count":1,"page_count":1,"page_number":1,"page_size":200}}`))
	users, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com"})
	if err != nil || len(users) != 1 || users[0].ID != "42" || *users[0].FullName != "Jane" || *users[0].EmailAddress != "Jane@Example.com" {
		t.Errorf("%+v, %v", users, err)
	}
	if want := "GET /api/v1/users?by_email_addresses=jane%40example.com&on_my_account=true&page=1&per_page=200"; k.received[0] != want {
		t.Errorf("sent %q\nwant %q", k.received[0], want)
	}
	addresses := make([]string, 201)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("p%d@example.com", i)
	}
	client, k = serve(t, says(200, `{"count":0,"results":[],"users":{},"meta":{"count":0,"page_count":0,"page_number":0,"page_size":200}}`))
	if users, err := client.UsersByEmailAddress(t.Context(), addresses); err != nil || len(users) != 0 || len(k.received) != 2 {
		t.Errorf("201 addresses: %v, %v after %d requests", users, err, len(k.received))
	}
}

func TestAnswersToAnotherQuestionAreErrors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, call := range map[string]func(*Client) error{
		"get":    func(c *Client) error { _, err := c.GetAccessGroupMembership(ctx, "5"); return err },
		"create": func(c *Client) error { _, err := c.CreateAccessGroupMembership(ctx, Pair{"7", "43"}); return err },
		"page": func(c *Client) error {
			_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{UserID: "43"}, 1, 200)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := serve(t, says(200, one))
			if err := call(client); !errors.Is(err, errUnreadable) || IsNotFound(err) || OutcomeOf(err) != OutcomeUnknown {
				t.Errorf("got %v", err)
			}
		})
	}
	client, _ := serve(t, says(200, one))
	if found, err := client.AccessGroupMembershipsByID(ctx, []ID{"5"}); err != nil || len(found) != 0 {
		t.Errorf("rows that were not asked for: %v, %v", found, err)
	}
}

func TestDeleteSucceedsOnlyOnASuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		ok     bool
	}{
		"204":                   {204, "", true},
		"200 with an object":    {200, `{"success":"deleted"}`, true},
		"200 without content":   {200, "", true},
		"200 with a login page": {200, "<html>Log in</html>", false},
		"200 with errors":       {200, `{"errors":[{"type":"system","message":"no"}]}`, false},
		"302":                   {302, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := serve(t, says(c.status, c.body))
			if err := client.DeleteAccessGroupMembership(t.Context(), "5"); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// what a request leads to: how often it was sent, and what is known after the last.
type result struct {
	sent    int
	outcome Outcome
}

func TestWhichRequestIsSentAgain(t *testing.T) {
	t.Parallel()
	statuses := map[int]map[string]result{
		301: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		400: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		401: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		404: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		408: {"GET": {3, OutcomePending}, "POST": {1, OutcomePending}, "DELETE": {3, OutcomePending}},
		409: {"GET": {1, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {1, OutcomeUnknown}},
		422: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		500: {"GET": {3, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {3, OutcomeUnknown}},
		501: {"GET": {1, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {1, OutcomeUnknown}},
		502: {"GET": {3, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {3, OutcomeUnknown}},
		503: {"GET": {3, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {3, OutcomeUnknown}},
		504: {"GET": {3, OutcomePending}, "POST": {1, OutcomePending}, "DELETE": {3, OutcomePending}},
	}
	for status, methods := range statuses {
		for method, want := range methods {
			t.Run(fmt.Sprintf("%s %d", method, status), func(t *testing.T) {
				t.Parallel()
				client, k := serve(t, says(status, `{"errors":[{"type":"validation","message":"no","field":"user_id"}]}`))
				checkResult(t, k, call(t.Context(), client, method), want)
			})
		}
	}
	faults := map[string]func(http.ResponseWriter, int){
		"reset":      func(w http.ResponseWriter, _ int) { reset(w) },
		"login page": says(200, "<html>Log in</html>"),
		"cut body": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Length", "5000")
			send(w, 200, one)
		},
	}
	for name, fault := range faults {
		for method, want := range map[string]result{"GET": {3, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {3, OutcomeUnknown}} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				client, k := serve(t, fault)
				checkResult(t, k, call(t.Context(), client, method), want)
			})
		}
	}
	for method, want := range map[string]result{"GET": {3, OutcomePending}, "POST": {1, OutcomePending}, "DELETE": {3, OutcomePending}} {
		for name, headersFirst := range map[string]bool{"no answer": false, "body never ends": true} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				stop := make(chan struct{})
				client, k := serve(t, func(w http.ResponseWriter, _ int) {
					if headersFirst {
						send(w, 200, one[:20])
						_ = http.NewResponseController(w).Flush()
					}
					<-stop
				}, func(c *Config) { c.RequestTimeout = 100 * time.Millisecond })
				t.Cleanup(func() { close(stop) })
				err := call(t.Context(), client, method)
				if !errors.Is(err, ErrTimeout) {
					t.Errorf("got %v", err)
				}
				checkResult(t, k, err, want)
			})
		}
	}
}

func call(ctx context.Context, c *Client, method string) error {
	switch method {
	case http.MethodGet:
		_, err := c.GetAccessGroupMembership(ctx, "56000101")
		return err
	case http.MethodPost:
		_, err := c.CreateAccessGroupMembership(ctx, Pair{"7", "42"})
		return err
	}
	return c.DeleteAccessGroupMembership(ctx, "56000101")
}

func checkResult(t *testing.T, k *kantata, err error, want result) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	// Attempts are counted where they are made: one that timed out may not have arrived yet.
	if got := (result{len(k.attempts), OutcomeOf(err)}); err == nil || got != want {
		t.Errorf("%v, sent %d times with outcome %d; want %+v", err, got.sent, got.outcome, want)
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%T is not an *Error", err)
	}
}

func TestRetriesEndInSuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		fault  func(http.ResponseWriter)
	}{
		"GET 503":     {"GET", func(w http.ResponseWriter) { send(w, 503, "<html>") }},
		"GET reset":   {"GET", reset},
		"GET 429":     {"GET", func(w http.ResponseWriter) { send(w, 429, "") }},
		"POST 429":    {"POST", func(w http.ResponseWriter) { send(w, 429, "") }},
		"DELETE 502":  {"DELETE", func(w http.ResponseWriter) { send(w, 502, "") }},
		"GET half":    {"GET", func(w http.ResponseWriter) { send(w, 200, one[:len(one)/2]) }},
		"DELETE cut":  {"DELETE", reset},
		"DELETE 429":  {"DELETE", func(w http.ResponseWriter) { send(w, 429, "") }},
		"GET timeout": {"GET", func(w http.ResponseWriter) { send(w, 408, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, k := serve(t, func(w http.ResponseWriter, n int) {
				if n == 1 {
					c.fault(w)
					return
				}
				send(w, 200, one)
			})
			if err := call(t.Context(), client, c.method); err != nil || len(k.received) != 2 {
				t.Errorf("%v after %q", err, k.received)
			}
		})
	}
	t.Run("429 is not counted", func(t *testing.T) {
		t.Parallel()
		client, k := serve(t, func(w http.ResponseWriter, n int) {
			if n < 8 {
				send(w, 429, "")
				return
			}
			send(w, 200, one)
		}, func(c *Config) { c.MaxRetries = 0 })
		if err := call(t.Context(), client, http.MethodPost); err != nil || len(k.received) != 8 {
			t.Errorf("%v after %d requests", err, len(k.received))
		}
	})
	t.Run("429 without end", func(t *testing.T) {
		t.Parallel()
		client, _ := serve(t, says(429, ""), func(c *Config) { c.RateLimitBudget = 50 * time.Millisecond })
		var e *Error
		if err := call(t.Context(), client, http.MethodGet); !errors.As(err, &e) || e.StatusCode != 429 || e.Outcome != OutcomeNotDone {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no retries", func(t *testing.T) {
		t.Parallel()
		client, k := serve(t, says(500, ""), func(c *Config) { c.MaxRetries = 0 })
		if err := call(t.Context(), client, http.MethodGet); err == nil || len(k.received) != 1 {
			t.Errorf("%v after %d requests", err, len(k.received))
		}
	})
}

// A POST that never left may be sent again: nobody has seen it.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	client, k := serve(t, says(200, one))
	k.Close()
	err := call(t.Context(), client, http.MethodPost)
	if err == nil || len(k.attempts) != 3 || OutcomeOf(err) != OutcomeNotDone {
		t.Errorf("%v after %d attempts", err, len(k.attempts))
	}
}

func TestContextEndsEverything(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		client, k := serve(t, says(200, one))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := call(ctx, client, http.MethodPost); !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomeNotDone || len(k.received) != 0 {
			t.Errorf("%v after %q", err, k.received)
		}
	})
	t.Run("in flight", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		stop := make(chan struct{})
		client, _ := serve(t, func(http.ResponseWriter, int) { cancel(); <-stop })
		t.Cleanup(func() { close(stop) })
		if err := call(ctx, client, http.MethodPost); !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomePending {
			t.Errorf("got %v, outcome %d", err, OutcomeOf(err))
		}
	})
	t.Run("between two attempts", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client, k := serve(t, says(503, ""), func(c *Config) {
			c.RetryWaitMin, c.RetryWaitMax = time.Hour, time.Hour
			c.Observe = func(context.Context, Attempt) { cancel() }
		})
		if err := call(ctx, client, http.MethodGet); !errors.Is(err, context.Canceled) || len(k.received) != 1 {
			t.Errorf("%v after %q", err, k.received)
		}
	})
	t.Run("at the gate", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client, k := serve(t, func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "100")
			send(w, 429, "")
		}, func(c *Config) { c.Observe = func(context.Context, Attempt) { cancel() } })
		err := call(ctx, client, http.MethodPost)
		if !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomeNotDone || len(k.received) != 1 {
			t.Errorf("%v, outcome %d, after %q", err, OutcomeOf(err), k.received)
		}
	})
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	var reached bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	for _, method := range []string{"GET", "POST", "DELETE"} {
		client, k := serve(t, func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", other.URL+"/elsewhere")
			send(w, http.StatusTemporaryRedirect, "")
		})
		if err := call(t.Context(), client, method); err == nil || !strings.Contains(err.Error(), "redirect") || len(k.received) != 1 {
			t.Errorf("%s: %v after %q", method, err, k.received)
		}
	}
	if reached {
		t.Error("a redirect was followed")
	}
}

// A server can echo what it was sent, in every place that an error's text comes from.
func TestTokenIsInNoError(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, int){
		"message":      says(422, `{"errors":[{"type":"`+token+`","message":"bad Bearer `+token+`","field":"`+token+`"}]}`),
		"content type": func(w http.ResponseWriter, _ int) { w.Header().Set("Content-Type", token); w.WriteHeader(502) },
		"result key":   says(200, `{"results":[{"key":"`+token+`","id":"1"}]}`),
		"result id":    says(200, `{"results":[{"key":"access_group_memberships","id":"`+token+`"}]}`),
		"request id": func(w http.ResponseWriter, _ int) {
			w.Header().Set("X-Request-Id", token)
			w.WriteHeader(500)
		},
		"status line": func(w http.ResponseWriter, _ int) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(connection, "HTTP/1.1 "+token+"\r\n\r\n")
				_ = connection.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, k := serve(t, answer)
			for _, method := range []string{"GET", "POST", "DELETE"} {
				if text := fmt.Sprintf("%+v", call(t.Context(), client, method)); strings.Contains(text, token) {
					t.Errorf("%s: %s", method, text)
				}
			}
			for _, a := range k.attempts {
				if text := fmt.Sprintf("%+v", a); strings.Contains(text, token) {
					t.Errorf("attempt %s", text)
				}
			}
		})
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"validation": {
			422, `{"errors":[{"type":"validation","message":"must exist","field":"user_id"}]}`,
			"GET /access_group_memberships/56000101: 422 Unprocessable Entity: validation error on user_id: must exist (request id req-1)",
		},
		"two": {
			400, `{"errors":[{"type":"system","message":"a"},{"message":"b"}]}`,
			"GET /access_group_memberships/56000101: 400 Bad Request: system error: a: b (request id req-1)",
		},
		"html": {
			404, "<html>nginx</html>",
			`GET /access_group_memberships/56000101: 404 Not Found: the answer is not Kantata's own, but a page of "application/json" (request id req-1)`,
		},
		"odd types": {
			400, `{"errors":[{"type":1,"message":{"a":1},"field":null}]}`,
			"GET /access_group_memberships/56000101: 400 Bad Request:  (request id req-1)",
		},
		"escapes": {
			403, `{"errors":[{"message":"a\u001b[31m\nb"}]}`,
			"GET /access_group_memberships/56000101: 403 Forbidden: a [31m b (request id req-1)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := serve(t, says(c.status, c.body))
			if err := call(t.Context(), client, http.MethodGet); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	t.Run("endless", func(t *testing.T) {
		t.Parallel()
		client, _ := serve(t, func(w http.ResponseWriter, _ int) {
			w.WriteHeader(403)
			for chunk := bytes.Repeat([]byte("x"), 1<<16); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})
		if err := call(t.Context(), client, http.MethodGet); err == nil || len(err.Error()) > 1000 {
			t.Errorf("got an error of %d bytes", len(fmt.Sprint(err)))
		}
	})
}

func TestNotFoundMustBeKantatasOwn(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"errors":[{"type":"system","message":"not found"}]}`: true,
		"":                        true,
		"<html>404</html>":        false,
		`"not found"`:             false,
		`{"errors":[{"type":"sy`:  false,
		`{"message":"no route"}`:  false,
		`{"errors":"no such url"`: false,
	} {
		client, _ := serve(t, says(404, body))
		if err := call(t.Context(), client, http.MethodGet); IsNotFound(err) != want {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// proxyChild names the proxy to the process that TestProxy starts: the standard library reads the environment once.
const proxyChild = "KANTATA_TEST_PROXY_CHILD"

func TestProxy(t *testing.T) {
	if os.Getenv(proxyChild) != "" {
		client, err := NewClient(Config{AccessToken: token, BaseURL: "https://kantata.invalid/api/v1", RequestTimeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseIdleConnections()
		_ = call(t.Context(), client, http.MethodGet)
		return
	}
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$")
	child.Env = append(os.Environ(), proxyChild+"=1", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
	if output, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if !slices.Equal(asked, []string{"CONNECT kantata.invalid:443 "}) {
		t.Errorf("the proxy was asked %q", asked)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"abc": "abc", " abc\n": "abc", "": "", " \t": "", "a b": "", "a\nb": "", "a\x00b": "", "añb": "", "a\u2028b": "",
	} {
		got, err := NormalizeAccessToken(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("token %q: %q, %v", in, got, err)
		}
		if err != nil && len(in) > 2 && strings.Contains(err.Error(), in) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
	for in, want := range map[string]string{
		"https://api.mavenlink.com/api/v1":    "https://api.mavenlink.com/api/v1",
		"https://api.mavenlink.com/api/v1/\n": "https://api.mavenlink.com/api/v1",
		"http://127.0.0.1:8080/api/v1":        "http://127.0.0.1:8080/api/v1",
		"http://[::1]:80":                     "http://[::1]:80",
		"http://localhost":                    "http://localhost",
		"http://api.mavenlink.com/api/v1":     "",
		"http://localhost.example.com":        "",
		"http://127.0.0.1.example.com":        "",
		"https://user:pw@api.mavenlink.com":   "",
		"https://api.mavenlink.com?x=1":       "",
		"https://api.mavenlink.com?":          "",
		"https://api.mavenlink.com#x":         "",
		"https://":                            "",
		"ftp://api.mavenlink.com":             "",
		"api.mavenlink.com":                   "",
		"://":                                 "",
		"":                                    "",
	} {
		got, err := NormalizeBaseURL(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("base URL %q: %q, %v", in, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
	if _, err := NewClient(Config{AccessToken: token, BaseURL: DefaultBaseURL}); err == nil {
		t.Error("a client without a request timeout")
	}
}
