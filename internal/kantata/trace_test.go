package kantata

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A connection ends at each stage of a POST. Only before a connection exists is it certain that nothing was written.
func TestWhatWasSentIsKnown(t *testing.T) {
	hijacked := func(f func(conn net.Conn)) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, _ int) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				f(conn)
				_ = conn.Close()
			}
		}
	}
	cutAfter := func(text string) func(http.ResponseWriter, int) {
		return hijacked(func(c net.Conn) { _, _ = c.Write([]byte(text)) })
	}
	const hang = -1 * time.Second
	for name, c := range map[string]struct {
		dial    error
		wait    time.Duration // before the connection is made; hang forever
		respond func(http.ResponseWriter, int)
		want    error
		outcome Outcome
	}{
		"refused":             {dial: refused(), want: ErrNotSent, outcome: OutcomeNotDone},
		"no such host":        {dial: &net.DNSError{Err: "no such host", Name: "kantata.test"}, want: ErrNotSent, outcome: OutcomeNotDone},
		"TLS refused":         {dial: errors.New("tls: handshake failure"), want: ErrNotSent, outcome: OutcomeNotDone},
		"dial hangs":          {wait: hang, want: ErrNotSent, outcome: OutcomeNotDone},
		"before the response": {respond: hijacked(func(net.Conn) {}), want: ErrBroken, outcome: OutcomeUnknown},
		"in the status line":  {respond: cutAfter("HTTP/1.1 20"), want: ErrUnreadable, outcome: OutcomeUnknown},
		"in the header":       {respond: cutAfter("HTTP/1.1 200 OK\r\nA: b"), want: ErrUnreadable, outcome: OutcomeUnknown},
		"in the body": {
			respond: cutAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), want: ErrUnreadable, outcome: OutcomeUnknown,
		},
		"hangs before the response": {respond: hijacked(untilClosed), want: ErrTimeout, outcome: OutcomePending},
		"hangs in the body": {
			respond: hijacked(func(c net.Conn) {
				_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"))
				untilClosed(c)
			}),
			want: ErrTimeout, outcome: OutcomePending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, c.respond, func(config *Config) { config.Waits.Outage = time.Nanosecond })
				a.refuse = func() error { return c.dial }
				if c.wait == hang {
					client.transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
				}
				start := time.Now()
				err := call(t.Context(), client, http.MethodPost)
				if !hasCause(err, c.want) || OutcomeOf(err) != c.outcome {
					t.Errorf("got %v with outcome %d, want %v with %d", err, OutcomeOf(err), c.want, c.outcome)
				}
				if took := time.Since(start); took > 10*time.Second+time.Microsecond {
					t.Errorf("got a duration of %s, want at most 10 s", took)
				}
				if errors.Is(c.want, ErrTimeout) && !strings.HasSuffix(err.Error(), "no complete response within 10s") {
					t.Errorf("got %v, want the time limit at its end", err)
				}
				if n := a.sent(); n > 1 {
					t.Errorf("got %d requests, want at most one", n)
				}
			})
		})
	}
}

func TestRoundedUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "100ms", 1: "100ms", 100 * time.Millisecond: "100ms", 100*time.Millisecond + 1: "200ms", 1299 * time.Millisecond: "1.3s",
		10 * time.Second: "10s",
	} {
		if got := roundedUp(d).String(); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}

// The context ends while the connection is made.
func TestCanceledWhileConnecting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, _ := serve(t, says(200, one))
		ctx, cancel := context.WithCancel(t.Context())
		client.transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}
		err := call(ctx, client, http.MethodPost)
		if !errors.Is(err, context.Canceled) || OutcomeOf(err) != OutcomeNotDone {
			t.Errorf("got %v with outcome %d, want it canceled and not done", err, OutcomeOf(err))
		}
	})
}

// If the server has closed a kept connection, the client notices it before it writes anything, or the outcome is unknown.
func TestServerClosesIdleConnections(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, func(w http.ResponseWriter, _ int) {
			w.Header().Set("Connection", "close")
			send(w, 200, one)
		})
		for range 2 {
			if err := call(t.Context(), client, http.MethodPost); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := a.sent(); n != 2 || a.dials != 2 {
			t.Errorf("got %d requests on %d connections, want 2 on 2", n, a.dials)
		}
	})
}

// TestLostConnections expects the second attempt to use a new connection if those that the client keeps transmit nothing any more, as after
// a change of the network: more attempts would fail than max_retries and an outage allow.
func TestLostConnections(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var arrived sync.WaitGroup // ten requests at a time need ten connections
		arrived.Add(10)
		client, a := serve(t, func(w http.ResponseWriter, n int) {
			if n <= 10 {
				arrived.Done()
				arrived.Wait()
			}
			send(w, 200, one)
		})
		var lost atomic.Int32 // the number of the last connection that transmits nothing
		client.transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := a.dial(ctx, network, address)
			a.mu.Lock()
			defer a.mu.Unlock()
			return &losingConn{conn, int32(a.dials), &lost}, err
		}
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				if err := call(t.Context(), client, http.MethodGet); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		lost.Store(int32(a.dials))
		if err := call(t.Context(), client, http.MethodGet); err != nil || a.dials != 11 {
			t.Errorf("got the error %v after %d connections, want none after 11", err, a.dials)
		}
	})
}

// losingConn is the connection of that number. It loses what is written while lost is not lower.
type losingConn struct {
	net.Conn
	number int32
	lost   *atomic.Int32
}

func (c *losingConn) Write(p []byte) (int, error) {
	if c.number <= c.lost.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// TestHTTP1 expects HTTP/1.1 even from a server that also offers HTTP/2, over which the transport repeats requests that it has sent.
func TestHTTP1(t *testing.T) {
	protocol := ""
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol = r.Proto
		send(w, 200, one)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client, err := NewClient(Config{AccessToken: token, BaseURL: server.URL, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer client.transport.CloseIdleConnections()
	certificates := x509.NewCertPool()
	certificates.AddCert(server.Certificate())
	client.transport.TLSClientConfig = &tls.Config{RootCAs: certificates, MinVersion: tls.VersionTLS12}
	if err := call(t.Context(), client, http.MethodGet); err != nil || protocol != "HTTP/1.1" {
		t.Errorf("got the protocol %q and the error %v, want HTTP/1.1", protocol, err)
	}
}

// TestErrorWithEndlessBody expects the status of an error to count even if its body does not end.
func TestErrorWithEndlessBody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, _ := serve(t, func(w http.ResponseWriter, _ int) {
			send(w, 403, `{"errors":[`)
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		})
		e := asError(t, call(t.Context(), client, http.MethodPost))
		if e.StatusCode != 403 || e.Outcome != OutcomeNotDone || len(e.Error()) > 1000 {
			t.Errorf("got %.1000v, want a short error with 403", e)
		}
	})
	for _, status := range []int{300, 403} {
		inBubble(t, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, _ int) {
				if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: 900\r\n\r\n{", status)
					untilClosed(conn)
				}
			})
			if e := asError(t, call(t.Context(), client, http.MethodPost)); e.StatusCode != status || e.Outcome != OutcomeNotDone {
				t.Errorf("got the error %v, want a %d with outcome %d", e, status, OutcomeNotDone)
			}
		})
	}
}

func TestLargestBody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for _, more := range []int{0, 1} {
			client, _ := serve(t, func(w http.ResponseWriter, _ int) { send(w, 200, one+strings.Repeat(" ", maxBody-len(one)+more)) })
			if err := call(t.Context(), client, http.MethodGet); (err != nil) != (more > 0) {
				t.Errorf("4 MiB and %d bytes: got the error %v, want an error only for more than 4 MiB", more, err)
			}
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	for _, location := range []string{other.URL + "/elsewhere", "https://kantata.test/api/v1/x", ":", ""} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, func(w http.ResponseWriter, _ int) {
					w.Header().Set("Location", location)
					send(w, http.StatusTemporaryRedirect, "")
				})
				if err := call(t.Context(), client, method); !hasCause(err, ErrRedirect) || a.sent() != 1 {
					t.Errorf("%s to %q: got the error %v after %d requests, want ErrRedirect after 1", method, location, err, a.sent())
				}
			})
		}
	}
	if reached {
		t.Error("got a request to the other host, want none")
	}
}
