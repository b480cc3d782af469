package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// wire carries the requests of one provider process to the embedded Kantata over net.Pipe, in the time of the bubble. The provider needs
// no change for this: its client clones http.DefaultTransport when it is configured, and dials through it. How long a request takes
// depends on the seed and on the request, never on the order in which goroutines run.
type wire struct {
	kantata http.Handler
	seed    uint64
	latency time.Duration
	url     string
	// arrive is called when a request arrives, before it is served, unless the process has ended. late is called for a request that is sent
	// after the end.
	arrive func()
	late   func(r *http.Request)
	conditions

	server *http.Server
	conns  chan net.Conn
	closed chan struct{}

	// mu guards the rest.
	mu       sync.Mutex
	asked    map[string]int // how often each request was sent
	writes   int            // in flight
	downTill time.Time      // nothing gets through before this time
	ended    bool           // the process
	dead     bool           // nothing gets through any more
	open     []net.Conn
	posted   map[string]time.Time // when the last POST with this body was sent
	broken   map[string]bool      // requests whose connection broke before the response
}

// wires finds the wire of a process by the address in its base URL.
var (
	wires    sync.Map
	nextPort atomic.Uint32
)

// dialWires gives the provider's client a transport that dials wires only.
func dialWires() {
	http.DefaultTransport = &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		w, ok := wires.Load(addr)
		if !ok {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("no process listens at %s", addr)}
		}
		return w.(*wire).dial(ctx)
	}}
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

func newWire(kantata http.Handler, seed uint64, latency time.Duration) *wire {
	// A port is used again after 50,000 processes.
	addr := fmt.Sprintf("127.0.0.1:%d", 10_000+nextPort.Add(1)%50_000)
	w := &wire{
		kantata: kantata, seed: seed, latency: latency, url: "http://" + addr + "/api/v1",
		conns: make(chan net.Conn), closed: make(chan struct{}),
		asked: map[string]int{}, posted: map[string]time.Time{}, broken: map[string]bool{},
	}
	w.server = &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: w}
	wires.Store(addr, w)
	go func() { _ = w.server.Serve(w) }()
	return w
}

// Accept, Close and Addr make the wire a net.Listener.
func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (w *wire) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	w.mu.Lock()
	dead, down := w.dead, time.Now().Before(w.downTill)
	w.open = append(w.open, near, far)
	w.mu.Unlock()
	switch {
	case dead:
		return nil, errRefused
	case down:
		w.refused()
		return nil, errRefused
	}
	select {
	case w.conns <- far:
		return near, nil
	case <-w.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	key := r.Method + r.RequestURI + string(body)
	w.mu.Lock()
	w.asked[key]++
	nth := w.asked[key]
	write := 0
	if r.Method != http.MethodGet {
		write = 1
	}
	w.writes += write
	if r.Method == http.MethodPost {
		w.posted[string(body)] = time.Now()
	}
	late, repeated := w.ended && !w.dead, w.broken[key] && write == 0
	w.mu.Unlock()
	if !repeated { // net/http repeats a GET by itself if a connection that was in use before breaks
		w.sent(r)
	}
	if late {
		w.late(r)
	}
	served := false
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writes -= write
		w.broken[key] = !served && r.Context().Err() == nil
	}()
	way := func(which string) time.Duration {
		return time.Millisecond + time.Duration(hash(w.seed, key, nth, which)%uint64(w.latency))
	}
	pause(r.Context(), way("request"))
	w.mu.Lock()
	ended := w.ended
	w.mu.Unlock()
	if !ended {
		w.arrive()
	}
	w.mu.Lock()
	lost := w.dead || time.Now().Before(w.downTill)
	w.mu.Unlock()
	// If the client has closed the connection, the request may or may not have been sent.
	if lost || r.Context().Err() != nil && hash(w.seed, key, nth, "sent")%2 == 0 {
		panic(http.ErrAbortHandler)
	}
	arrive := func(status int) {
		pause(r.Context(), way("response"))
		if r.Context().Err() == nil {
			w.received(status)
		}
	}
	w.kantata.ServeHTTP(&delayed{ResponseWriter: out, arrive: arrive}, r)
	served = true
}

// delayed is a response that takes some time to arrive.
type delayed struct {
	http.ResponseWriter
	arrive func(status int)
	once   sync.Once
}

func (d *delayed) WriteHeader(status int) {
	d.once.Do(func() { d.arrive(status) })
	d.ResponseWriter.WriteHeader(status)
}

func (d *delayed) Write(b []byte) (int, error) {
	d.once.Do(func() { d.arrive(http.StatusOK) })
	return d.ResponseWriter.Write(b)
}

func (d *delayed) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// lastPost returns when the process last sent a POST whose body contains all of these texts; zero if it sent none.
func (w *wire) lastPost(texts ...string) (last time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for body, at := range w.posted {
		if at.After(last) && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(body, text) }) {
			last = at
		}
	}
	return last
}

// outage cuts all connections and refuses new ones for a time.
func (w *wire) outage(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.downTill = time.Now().Add(d)
}

// end ends the process and returns the number of writes that it still had in flight. Reads may be in flight if they turned out to be
// unnecessary, but no request may begin. A real process would be gone. This one stays, to show what else it would do.
func (w *wire) end() (writes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	return w.writes
}

// kill cuts the process off.
func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

// shut closes what the bubble would otherwise wait for.
func (w *wire) shut() {
	close(w.closed)
	_ = w.server.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open { // the server may have accepted one after it was closed
		_ = c.Close()
	}
	wires.Delete(w.url[len("http://") : len(w.url)-len("/api/v1")])
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hash mixes its arguments into a number that is as good as random.
func hash(parts ...any) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, parts...)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
