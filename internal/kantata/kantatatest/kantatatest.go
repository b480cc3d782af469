// Package kantatatest is an in-memory Kantata OX API for tests and the demo. [Dialect] chooses between the readings of
// what the API's documentation leaves open, and [Fault] makes requests fail.
package kantatatest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Token is the access token that every server accepts.
const Token = "kantatatest-token"

// Membership is a stored membership, for assertions.
type Membership struct {
	ID, AccessGroupID, UserID int64
	AccessGroupName, UserName string
	CreatorID                 int64
	CreatedAt                 time.Time
}

// Server is the in-memory API. It is safe for concurrent use.
type Server struct {
	http          *httptest.Server // nil without a listener
	listens       bool
	address       string
	maxPerPage    int
	dialect       Dialect
	creatorID     int64
	defaultGroups bool
	closing       chan struct{}
	closeOnce     sync.Once

	mu        sync.Mutex // guards what follows
	users     map[int64]user
	sorted    []user // the users by name; nil after a change
	groups    map[int64]accessGroup
	store     store
	nextID    int64
	changes   []Change
	late      []lateChange
	lag       time.Duration
	lagSince  time.Time
	faults    []*Fault
	requests  []Request
	onRequest func(Request)
	latency   latency
	limit     rateLimit
	served    int
}

// Option configures a new Server.
type Option func(*Server)

// WithDialect chooses a dialect.
func WithDialect(d Dialect) Option { return func(s *Server) { s.dialect = d } }

// WithAddress listens on a host:port instead of a free port of loopback.
func WithAddress(address string) Option { return func(s *Server) { s.address = address } }

// WithCreator sets who created the memberships: the person whose token it is. 0 is no one, which the API writes as null.
func WithCreator(userID int64) Option { return func(s *Server) { s.creatorID = userID } }

// WithoutListener makes a server that listens nowhere: requests reach it through [Server.ServeHTTP] only. Tests in
// fake time need it, because a network connection does not belong to their bubble.
func WithoutListener() Option { return func(s *Server) { s.listens = false } }

// WithMaxPerPage reduces a larger per_page to n instead of 200, so that a few rows make a list of several pages.
func WithMaxPerPage(n int) Option { return func(s *Server) { s.maxPerPage = n } }

// WithDefaultGroups adds the six Account Default groups that lists show, with IDs from [FirstDefaultGroup] on. Every
// person who is added has a membership in one of them.
func WithDefaultGroups() Option { return func(s *Server) { s.defaultGroups = true } }

// New starts a server on loopback. It panics if it cannot listen, as httptest does.
func New(options ...Option) *Server {
	s := &Server{
		listens:    true,
		maxPerPage: 200,
		creatorID:  tokenUser,
		closing:    make(chan struct{}),
		users:      map[int64]user{},
		groups:     map[int64]accessGroup{},
		store:      newStore(),
		nextID:     56000101,
	}
	for _, option := range options {
		option(s)
	}
	if s.defaultGroups {
		for i, name := range defaultGroupNames {
			s.AddAccessGroup(FirstDefaultGroup+int64(i), name)
		}
	}
	if !s.listens {
		return s
	}
	s.http = httptest.NewUnstartedServer(s)
	if s.address != "" {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.address)
		if err != nil {
			panic("kantatatest: " + err.Error())
		}
		_ = s.http.Listener.Close()
		s.http.Listener = listener
	}
	s.http.Start()
	return s
}

var _ http.Handler = (*Server)(nil)

// URL returns the base URL, ending in /api/v1. Without a listener, it is a loopback address that no one listens on.
func (s *Server) URL() string {
	if s.http == nil {
		return "http://127.0.0.1:1" + root
	}
	return s.http.URL + root
}

// Close stops the server and ends requests that hang. It may be called again.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		close(s.closing)
		if s.http == nil {
			return
		}
		s.http.CloseClientConnections()
		s.http.Close()
	})
}
