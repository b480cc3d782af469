package kantata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// fate is the result of a request that fails in the same way each time.
type fate struct {
	sent    int
	outcome Outcome
}

func TestWhichRequestIsSentAgain(t *testing.T) {
	statuses := map[int]map[string]fate{
		300: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		301: {"GET": {1, OutcomeNotDone}, "POST": {1, OutcomeNotDone}, "DELETE": {1, OutcomeNotDone}},
		303: {"GET": {1, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {1, OutcomeUnknown}},
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
				inBubble(t, func(t *testing.T) {
					client, a := serve(t, says(status, `{"errors":[{"type":"validation","message":"no","field":"user_id"}]}`))
					checkFate(t, a, call(t.Context(), client, method), want)
				})
			})
		}
	}
	faults := map[string]func(http.ResponseWriter, int){
		"login page": says(200, "<html>Log in</html>"),
		"101": func(w http.ResponseWriter, _ int) {
			raw(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		},
		"cut body": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Length", "5000")
			send(w, 200, one)
		},
		"garbage": func(w http.ResponseWriter, _ int) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = conn.Write([]byte("SSH-2.0\r\n\r\n"))
				_ = conn.Close()
			}
		},
	}
	for name, fault := range faults {
		for method, want := range map[string]fate{"GET": {3, OutcomeUnknown}, "POST": {1, OutcomeUnknown}, "DELETE": {3, OutcomeUnknown}} {
			t.Run(method+" "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					client, a := serve(t, fault)
					err := call(t.Context(), client, method)
					checkFate(t, a, err, want)
					if !hasCause(err, ErrUnreadable) {
						t.Errorf("got %v, want ErrUnreadable", err)
					}
				})
			})
		}
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		t.Run(method+" too large", func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, func(w http.ResponseWriter, _ int) {
					for chunk := make([]byte, 1<<20); ; {
						if _, err := w.Write(chunk); err != nil {
							return
						}
					}
				})
				err := call(t.Context(), client, method)
				checkFate(t, a, err, fate{1, OutcomeUnknown})
				if !hasCause(err, ErrTooLarge) {
					t.Errorf("got %v, want ErrTooLarge", err)
				}
			})
		})
	}
}

// A request whose connections break is sent again for half as long as an outage may last, because the request may be the cause.
func TestBrokenConnections(t *testing.T) {
	for method, sent := range map[string][2]int{"GET": {8, 16}, "POST": {1, 1}, "DELETE": {8, 16}} {
		t.Run(method, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, func(w http.ResponseWriter, _ int) { reset(w) }, func(c *Config) { c.MaxRetries = 0 })
				start := time.Now()
				err := call(t.Context(), client, method)
				took := time.Since(start)
				if e := asError(t, err); !hasCause(err, ErrBroken) || e.Outcome != OutcomeUnknown || e.Condition != nil {
					t.Errorf("got %+v, want ErrBroken with outcome %d and no condition", e, OutcomeUnknown)
				}
				if n := a.sent(); n < sent[0] || n > sent[1] || method != "POST" && took < 14500*time.Millisecond || took > 18*time.Second {
					t.Errorf("got %d requests in %s, want %d to %d in 14.5 s to 18 s", n, took, sent[0], sent[1])
				}
			})
		})
	}
}

// max_retries counts the outages that a request meets, so that a request which always fails while others succeed is not sent forever.
func TestManyOutages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const broken = "GET /api/v1/access_group_memberships/56000101"
		var a *api
		var client *Client
		client, a = serve(t, func(w http.ResponseWriter, n int) {
			a.mu.Lock()
			fails := a.received[n-1] == broken
			a.mu.Unlock()
			if fails {
				reset(w)
				return
			}
			send(w, 200, one)
		})
		failed := make(chan error)
		go func() { failed <- call(t.Context(), client, http.MethodGet) }()
		for i := 1; ; i++ {
			select {
			case err := <-failed:
				sent := 0
				for _, r := range a.received {
					if r == broken {
						sent++
					}
				}
				if !hasCause(err, ErrBroken) || sent < 3 || sent > 9 {
					t.Errorf("got %v after %d requests, want ErrBroken after 3 outages of at most 3 requests", err, sent)
				}
				return
			default:
			}
			if err := get(t.Context(), client, i); err != nil || i > 1000 {
				t.Fatalf("request %d: got the error %v, want none", i, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func checkFate(t *testing.T, a *api, err error, want fate) {
	t.Helper()
	e := asError(t, err)
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := (fate{len(a.attempts), e.Outcome}); got != want {
		t.Errorf("%v: got %+v, want %+v", err, got, want)
	}
}

func TestRetriesEndInSuccess(t *testing.T) {
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
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, func(w http.ResponseWriter, n int) {
					switch {
					case n == 1:
						c.fault(w)
					case c.method == "DELETE":
						send(w, 204, "")
					default:
						send(w, 200, one)
					}
				}, func(c *Config) { c.MaxRetries = 1 })
				if err := call(t.Context(), client, c.method); err != nil || a.sent() != 2 {
					t.Errorf("got %v after %d requests, want success after 2", err, a.sent())
				}
			})
		})
	}
}

func TestBackoff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, says(500, ""), func(c *Config) { c.MaxRetries = 4 })
		start := time.Now()
		err := call(t.Context(), client, http.MethodGet)
		// The waits are 0.5 s, 1 s, 2 s and 4 s, or down to half of that.
		if took := time.Since(start); err == nil || a.sent() != 5 || took < 3750*time.Millisecond || took > 7500*time.Millisecond {
			t.Errorf("got the error %v after %d requests and %s, want one after 5 and 3.75 s to 7.5 s", err, a.sent(), took)
		}
		for i, attempt := range a.attempts {
			if attempt.Number != i+1 {
				t.Errorf("got attempt %d as number %d, want its place", i+1, attempt.Number)
			}
		}
	})
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "3600": 15 * time.Second} {
		inBubble(t, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, n int) {
				if n > 1 {
					send(w, 200, one)
					return
				}
				w.Header().Set("Retry-After", header)
				send(w, 503, "")
			})
			start := time.Now()
			if err := call(t.Context(), client, http.MethodGet); err != nil || time.Since(start) != want {
				t.Errorf("Retry-After %s: got %v after %s, want success after %s", header, err, time.Since(start), want)
			}
		})
	}
	t.Run("no retries", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, says(500, ""), func(c *Config) { c.MaxRetries = 0 })
			if err := call(t.Context(), client, http.MethodGet); err == nil || a.sent() != 1 {
				t.Errorf("got %v after %d requests, want an error after 1", err, a.sent())
			}
		})
	})
}

func TestRetryAfter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"": 0, "soon": 0, "-5": 0, "0": 0, "1.5": 1500 * time.Millisecond,
			"120": 2 * time.Minute, "121": 2 * time.Minute, "1e99": 2 * time.Minute,
			time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat): 30 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
			time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):        2 * time.Minute,
		} {
			if got := retryAfter(&response{header: http.Header{"Retry-After": {value}}}); got != want {
				t.Errorf("%q: got %s, want %s", value, got, want)
			}
		}
	})
	if got := retryAfter(nil); got != 0 {
		t.Errorf("got %s without a response, want 0", got)
	}
}

// The outcome of a request includes what an earlier attempt may have done.
func TestOutcomeOfSeveralAttempts(t *testing.T) {
	for name, c := range map[string]struct {
		first func(http.ResponseWriter)
		then  int
		want  Outcome
	}{
		"504, then 403": {func(w http.ResponseWriter) { send(w, 504, "") }, 403, OutcomePending},
		"500, then 403": {func(w http.ResponseWriter) { send(w, 500, "") }, 403, OutcomeUnknown},
		"cut, then 504": {reset, 504, OutcomePending},
		"429, then 403": {func(w http.ResponseWriter) { send(w, 429, "") }, 403, OutcomeNotDone},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, _ := serve(t, func(w http.ResponseWriter, n int) {
					if n == 1 {
						c.first(w)
						return
					}
					send(w, c.then, "")
				})
				if err := call(t.Context(), client, http.MethodDelete); OutcomeOf(err) != c.want {
					t.Errorf("got outcome %d of %v, want %d", OutcomeOf(err), err, c.want)
				}
			})
		})
	}
}

func TestContextEndsEverything(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, says(200, one))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := call(ctx, client, http.MethodPost); !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomeNotDone || a.sent() != 0 {
				t.Errorf("got the error %v after %d requests, want a cancellation before any", err, a.sent())
			}
		})
	})
	t.Run("in flight", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			stop := make(chan struct{})
			client, _ := serve(t, func(http.ResponseWriter, int) { cancel(); <-stop })
			defer close(stop)
			if err := call(ctx, client, http.MethodPost); !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomePending {
				t.Errorf("got the error %v with outcome %d, want a cancellation with %d", err, OutcomeOf(err), OutcomePending)
			}
			if client.gate.outage.holds() {
				t.Error("got an outage, want none because of a request that was canceled")
			}
		})
	})
	t.Run("between two attempts", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			client, a := serve(t, says(503, ""), func(c *Config) {
				c.Observe = func(context.Context, Attempt) { time.AfterFunc(time.Millisecond, cancel) }
			})
			start := time.Now()
			err := call(ctx, client, http.MethodDelete)
			if !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomeUnknown || a.sent() != 1 || time.Since(start) != time.Millisecond {
				t.Errorf("got the error %v after %d requests and %s, want a cancellation after 1 and 1 ms", err, a.sent(), time.Since(start))
			}
		})
	})
	t.Run("at the gate", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			client, a := serve(t, func(w http.ResponseWriter, _ int) {
				w.Header().Set("Retry-After", "100")
				send(w, 429, "")
			}, func(c *Config) { c.Observe = func(context.Context, Attempt) { cancel() } })
			err := call(ctx, client, http.MethodPost)
			if !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomeNotDone || a.sent() != 1 {
				t.Errorf("got the error %v with outcome %d after %d requests, want a cancellation after 1", err, OutcomeOf(err), a.sent())
			}
		})
	})
}

// A create that waits too long for its turn is not sent: what its caller knew may no longer be true.
func TestACreateIsSentInTimeOrNotAtAll(t *testing.T) {
	for name, c := range map[string]struct {
		retryAfter string
		cause      error
		requests   int
		took       time.Duration
	}{
		"in time":  {"5", nil, 2, 5 * time.Second},
		"too late": {"60", ErrTooLate, 1, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, func(w http.ResponseWriter, n int) {
					if n == 1 {
						w.Header().Set("Retry-After", c.retryAfter)
						send(w, http.StatusTooManyRequests, "")
						return
					}
					send(w, http.StatusOK, one)
				})
				began := time.Now()
				_, err := client.CreateAccessGroupMembership(t.Context(), Pair{"7", "42"}, began.Add(10*time.Second))
				if took := time.Since(began).Round(time.Second); took != c.took || a.sent() != c.requests {
					t.Errorf("got an end after %s and %d requests, want %s and %d", took, a.sent(), c.took, c.requests)
				}
				if c.cause == nil && err != nil || c.cause != nil && (!hasCause(err, c.cause) || OutcomeOf(err) != OutcomeNotDone) {
					t.Errorf("got the error %v, want the cause %v and that nothing was done", err, c.cause)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := client.CreateAccessGroupMembership(ctx, Pair{"7", "42"}, time.Now()); !errors.Is(err, context.Canceled) {
					t.Errorf("got the error %v, want %v", err, context.Canceled)
				}
			})
		})
	}
}
