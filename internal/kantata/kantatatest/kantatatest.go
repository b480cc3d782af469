// Package kantatatest is an in-memory Kantata OX API for tests and the demo.
package kantatatest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// Token is the access token that a new server accepts.
const Token = "kantatatest-token"

// Dialect switches between the readings of what the API's documentation leaves open. The zero value is the vendor
// library's: ids as strings, creator_id a number, 200 on create, 204 on delete, date-times, 422 on a duplicate.
type Dialect struct {
	IDs          IDStyle
	CreateStatus int // 0 means 200
	DeleteStatus int // 0 means 204; 200 answers {"success":"..."}
	Dates        DateStyle
	Duplicates   DuplicateStyle
}

// IDStyle is how ids are encoded.
type IDStyle int

// The ways to encode ids.
const (
	IDStrings IDStyle = iota
	IDNumbers
	IDMixed
)

// DateStyle is how created_at is written.
type DateStyle int

// The ways to write created_at.
const (
	DateTimeUTC DateStyle = iota
	DateOnly
	DateTimeOffset
)

// DuplicateStyle is what a second POST of a pair does.
type DuplicateStyle int

// The answers to a second POST.
const (
	DuplicateRefused DuplicateStyle = iota
	DuplicateReturnsExisting
	DuplicateCreatesSecond
)

// Membership is a stored membership, for assertions.
type Membership struct {
	ID, AccessGroupID, UserID int64
	AccessGroupName, UserName string
	CreatorID                 int64
	CreatedAt                 time.Time
}

// Request is one request that the server received.
type Request struct {
	Method, Path string // Path is below /api/v1, without .json
	Query        string // the raw query
	Body         string
	Header       http.Header
	Status       int // what was answered; 0 when the connection was cut
}

// Effect is what a fault does to a matching request.
type Effect int

// The effects of a fault.
const (
	AnswerStatus      Effect = iota // answer Status with Body (or the API's own error form); nothing is done
	AnswerStatusAfter               // do the work, then answer Status with Body
	ResetBefore                     // cut the connection, nothing done
	ResetAfter                      // do the work, then cut the connection
	HangBefore                      // do nothing and never answer, until the client goes away
	HangAfter                       // do the work, then never answer, until the client goes away
	CutBody                         // do the work, answer the right status and Content-Length, cut the connection half-way
	TruncateJSON                    // do the work, answer valid HTTP with the first half of the JSON
	LoginPage                       // do the work, answer 200 with an HTML login page
	NoResults                       // do the work, answer the envelope with no results
	EmptyList                       // answer an empty envelope (count 0), nothing done
	LateCommit                      // for POST: answer Status (default 504); the row shows up only after Looks further requests
)

// Fault makes requests fail. Zero fields match everything.
type Fault struct {
	Effect Effect
	Method string             // "" is any
	Path   string             // prefix of the path below /api/v1, "" is any
	Match  func(Request) bool // nil is any; it must not call the server
	Skip   int                // let that many matching requests pass first
	Times  int                // how many requests it hits; 0 is always
	Status int                // 0 means 500, for LateCommit 504
	Body   string
	Header http.Header
	Looks  int // for LateCommit
}

// Server is the in-memory API; safe for concurrent use.
type Server struct {
	http      *httptest.Server // nil without a listener
	listens   bool
	address   string
	maxPage   int
	dialect   Dialect
	creatorID int64
	closing   chan struct{}
	closeOnce sync.Once

	mu        sync.Mutex
	users     map[int64]user
	sorted    []user // the users by name; nil after a change
	groups    map[int64]accessGroup
	store     store
	nextID    int64
	changes   []Change
	late      []lateRow
	faults    []*Fault
	requests  []Request
	onRequest func(Request)
	latency   time.Duration
	limit     rateLimit
	served    int
}

type user struct {
	id                     int64
	fullName, emailAddress string
	outsideProjects        bool
}

type accessGroup struct {
	id   int64
	name string
	// administrators marks Account Administrators, whose memberships are never listed and never editable.
	administrators bool
}

// Option configures a new Server.
type Option func(*Server)

// WithDialect chooses a dialect.
func WithDialect(d Dialect) Option { return func(s *Server) { s.dialect = d } }

// WithAddress listens on a host:port instead of a free port of loopback.
func WithAddress(address string) Option { return func(s *Server) { s.address = address } }

// WithCreator sets who created the memberships; 0 is nobody, which the API writes as null.
func WithCreator(userID int64) Option { return func(s *Server) { s.creatorID = userID } }

// WithoutListener makes a server that listens nowhere: requests reach it through [Server.ServeHTTP] only. Tests in
// fake time need it, because a network connection does not belong to their bubble.
func WithoutListener() Option { return func(s *Server) { s.listens = false } }

// WithMaxPerPage reduces a larger per_page to n instead of 200, so that a few rows make a list of several pages.
func WithMaxPerPage(n int) Option { return func(s *Server) { s.maxPage = n } }

// New starts a server on loopback. It panics when it cannot listen, as httptest does.
func New(options ...Option) *Server {
	s := &Server{
		listens:   true,
		maxPage:   200,
		creatorID: 12000009,
		closing:   make(chan struct{}),
		users:     map[int64]user{},
		groups:    map[int64]accessGroup{},
		store:     newStore(),
		nextID:    56000101,
	}
	for _, option := range options {
		option(s)
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

// AddUser adds a person.
func (s *Server) AddUser(id int64, fullName, emailAddress string) {
	s.addUser(user{id: id, fullName: fullName, emailAddress: emailAddress})
}

// AddUserOutsideProjects adds a person who is in no project, whom the users list shows with on_my_account=true only.
func (s *Server) AddUserOutsideProjects(id int64, fullName, emailAddress string) {
	s.addUser(user{id: id, fullName: fullName, emailAddress: emailAddress, outsideProjects: true})
}

func (s *Server) addUser(u user) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.id], s.sorted = u, nil
}

// AddAccessGroup adds a custom access group.
func (s *Server) AddAccessGroup(id int64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = accessGroup{id: id, name: name}
	s.store.setHidden(id, false)
}

// AddAccountAdministrators adds the group whose memberships are never listed and never editable.
func (s *Server) AddAccountAdministrators(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = accessGroup{id: id, name: "Account Administrators", administrators: true}
	s.store.setHidden(id, true)
}

// AddMembership adds a membership without a request and returns its ID. IDs ascend.
func (s *Server) AddMembership(accessGroupID, userID int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.newRow(pair{accessGroupID, userID})
	s.insert(m, outside)
	return m.ID
}

func (s *Server) newRow(p pair) Membership {
	m := Membership{
		ID: s.nextID, AccessGroupID: p.accessGroupID, UserID: p.userID,
		AccessGroupName: s.groups[p.accessGroupID].name, UserName: s.users[p.userID].fullName,
		CreatorID: s.creatorID, CreatedAt: time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC),
	}
	s.nextID++
	return m
}

// RemoveMembership removes a membership without a request.
func (s *Server) RemoveMembership(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id, outside)
}

// Memberships returns what Kantata holds, by id.
func (s *Server) Memberships() []Membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.all()
}

// Requests returns the request log, in the order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests empties the request log.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// SetLatency delays every answer.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// SetRateLimit answers 429 beyond that many requests a second; retryAfter is the header's value, "" for none. 0 lifts it.
func (s *Server) SetRateLimit(perSecond int, retryAfter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = rateLimit{perSecond: perSecond, retryAfter: retryAfter}
}

// Inject adds a fault. The first that matches a request and has not been used up hits it.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = -1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// OnRequest calls f when a request has arrived, before it is served.
func (s *Server) OnRequest(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRequest = f
}
