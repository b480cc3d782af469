package provider

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// inFakeTime runs a test in a bubble, with a Kantata that is reached through pipes. The test must not be parallel.
func inFakeTime(t *testing.T, test func(t *testing.T, fake *kantatatest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := kantatatest.New(kantatatest.WithoutListener())
		fake.SeedCompany()
		replaceDial(t, servePipes(t, fake).dial)
		t.Cleanup(fake.Close)
		test(t, fake)
	})
}

// replaceDial makes http.DefaultTransport, which the client clones, connect with dial for the duration of the test.
func replaceDial(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	t.Helper()
	before := http.DefaultTransport
	http.DefaultTransport = &http.Transport{DialContext: dial}
	t.Cleanup(func() { http.DefaultTransport = before })
}

// servePipes serves the handler through pipes until the test ends: a network connection does not belong to a bubble.
func servePipes(t *testing.T, handler http.Handler) *pipes {
	t.Helper()
	listener := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		// A list may still be read after its callers have their results, and a bubble must end without goroutines.
		<-time.After(time.Hour)
		_ = server.Close()
	})
	return listener
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.connections <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.connections:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
