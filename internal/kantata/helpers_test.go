package kantata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const token = "s3cret-token-0123456789"

// api is a server inside a bubble of testing/synctest. It returns literal text and records what it received.
type api struct {
	respond func(w http.ResponseWriter, n int)
	conns   chan net.Conn
	closed  chan struct{}
	// handlers waits for the requests that are being served.
	handlers sync.WaitGroup
	// refuse, if set, returns the error with which each connection fails.
	refuse func() error

	mu       sync.Mutex // guards the fields below
	received []string   // "METHOD uri body"
	headers  []http.Header
	attempts []Attempt
	dials    int
}

// serve starts a server that responds to the n-th request, from 1, and returns a client of it. It must run inside a bubble.
func serve(t *testing.T, respond func(w http.ResponseWriter, n int), change ...func(*Config)) (*Client, *api) {
	t.Helper()
	a := &api{respond: respond, conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: a}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(a) }()
	client := a.client(t, change...)
	t.Cleanup(func() {
		client.transport.CloseIdleConnections()
		_ = server.Close()
		<-done
		a.handlers.Wait()
	})
	return client, a
}

// client returns another client of the server, as another process would be.
func (a *api) client(t *testing.T, change ...func(*Config)) *Client {
	t.Helper()
	config := Config{
		AccessToken: token, BaseURL: "https://kantata.test/api/v1", MaxRetries: 2, RequestTimeout: 10 * time.Second, UserAgent: "test/1",
		Observe: func(_ context.Context, seen Attempt) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.attempts = append(a.attempts, seen)
		},
	}
	for _, c := range change {
		c(&config)
	}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	// The connection counts as a ready TLS connection, so no handshake is needed.
	client.transport.Proxy, client.transport.DialTLSContext = nil, a.dial
	client.transport.ForceAttemptHTTP2 = false
	return client
}

func (a *api) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a.mu.Lock()
	a.dials++
	refuse := a.refuse
	a.mu.Unlock()
	if refuse != nil {
		if err := refuse(); err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	select {
	case a.conns <- far:
		return near, nil
	case <-a.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *api) Accept() (net.Conn, error) {
	select {
	case conn := <-a.conns:
		return conn, nil
	case <-a.closed:
		return nil, net.ErrClosed
	}
}

func (a *api) Close() error   { close(a.closed); return nil }
func (a *api) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.handlers.Add(1)
	defer a.handlers.Done()
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.received = append(a.received, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
	a.headers = append(a.headers, r.Header)
	n := len(a.received)
	a.mu.Unlock()
	a.respond(w, n)
}

// sent returns how many requests the server has received.
func (a *api) sent() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.received)
}

// inBubble runs f in fake time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// says returns a handler that responds to every request with the status and the body.
func says(status int, body string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) { send(w, status, body) }
}

func send(w http.ResponseWriter, status int, body string) {
	w.Header().Set("X-Request-Id", "req-1")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// reset ends the connection without a response.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// refused is what a dial returns if no one listens.
func refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
}

// one is a page with one membership.
const one = `{"count":1,"results":[{"key":"access_group_memberships","id":"56000101"}],
"access_group_memberships":{"56000101":{"id":"56000101","access_group_id":"7","user_id":"42","access_group_name":"Finance",
"user_name":"Jane","creator_id":9,"created_at":"2026-11-22"}},
"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`

// call makes the operation of the method for the membership of one.
func call(ctx context.Context, c *Client, method string) error {
	switch method {
	case http.MethodGet:
		_, err := c.GetAccessGroupMembership(ctx, "56000101")
		return err
	case http.MethodPost:
		_, err := c.CreateAccessGroupMembership(ctx, Pair{"7", "42"}, time.Time{})
		return err
	}
	return c.DeleteAccessGroupMembership(ctx, "56000101")
}

// get reads the n-th membership of a server that has all of them.
func get(ctx context.Context, c *Client, n int) error {
	_, err := c.AccessGroupMembershipsByID(ctx, []ID{ID(fmt.Sprint(n))})
	return err
}

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v of type %T, want an *Error", err, err)
	}
	return e
}

// hasCause reports whether err is an *Error with the cause.
func hasCause(err, cause error) bool {
	var e *Error
	return errors.As(err, &e) && errors.Is(e.Err, cause)
}

// untilClosed waits until the client closes the connection.
func untilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
