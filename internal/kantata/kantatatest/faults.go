package kantatatest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Effect is what a fault does to a request.
type Effect int

// The effects of a fault. "Served" means that the server does what the request says and prepares the usual response.
const (
	ReturnStatus      Effect = iota // not served; the response is Status with Body, or an error in the API's form
	ReturnStatusAfter               // served, but the response is Status with Body, or an error in the API's form
	ResetBefore                     // not served; the connection is cut
	ResetAfter                      // served, but the connection is cut before the response
	HangBefore                      // not served; no response until the client leaves
	HangAfter                       // served, but no response until the client leaves
	CutBody                         // served; the connection is cut after half of the announced body
	TruncateJSON                    // served; the response is complete HTTP with the first half of the JSON
	LoginPage                       // served, but the response is 200 with an HTML login page
	NoResults                       // served, but the envelope counts one row and has no results
	EmptyList                       // not served; the response is an empty envelope (count 0)
	LateCommit                      // not served yet: a POST or DELETE is done later; the response is Status (0 means 504)
	Delay                           // served, unless another effect says otherwise, after Fault.Delay
	none
)

// descriptions says in plain English what each effect does. "Done" refers to what the request says.
var descriptions = map[Effect]string{
	ReturnStatus:      "not done, a status instead",
	ReturnStatusAfter: "done, but a status instead of the response",
	ResetBefore:       "not done, connection cut",
	ResetAfter:        "done, then connection cut",
	HangBefore:        "not done, no response",
	HangAfter:         "done, then no response",
	CutBody:           "done, connection cut in the middle of the response",
	TruncateJSON:      "done, half of the JSON",
	LoginPage:         "done, but a login page instead of the response",
	NoResults:         "done, response without results",
	EmptyList:         "not done, empty list",
	LateCommit:        "done later, and a status in the meantime",
	Delay:             "done after a delay",
}

// String describes the effect in plain English.
func (e Effect) String() string { return descriptions[e] }

// Fault makes requests fail. A zero field matches everything.
type Fault struct {
	Effect Effect
	// Also holds further effects on the same request. For example, HangAfter with LateCommit gives no response, and the
	// write is done later. If any effect says that the request is not served, it is not. Effects that change the response
	// are applied in order, the fault's own first.
	Also   []Effect
	Method string             // "" is any
	Path   string             // a prefix of the path below /api/v1; "" is any
	Match  func(Request) bool // nil is any; it must not call the server
	Skip   int                // how many matching requests pass first
	Times  int                // how many requests it hits; 0 is all
	Status int                // 0 means 500, for LateCommit 504
	Body   string
	Header http.Header // a name without values removes a header

	// Delay holds up the request before the server acts on it, whatever the effect.
	Delay time.Duration
	// Looks and Later say when a late commit is done: after this number of further requests, and after this time at the earliest.
	Looks int
	Later time.Duration
}

// String describes the fault in plain English, except what Match selects.
func (f Fault) String() string {
	text := strings.TrimSpace(cmp.Or(f.Method, "every") + " " + cmp.Or(f.Path, "request"))
	if f.Times > 0 {
		text += fmt.Sprintf(", %d times", f.Times)
	}
	if f.Skip > 0 {
		text += fmt.Sprintf(", after the first %d", f.Skip)
	}
	var effects []string
	if f.Delay > 0 {
		effects = append(effects, "delayed by "+f.Delay.String())
	}
	for _, e := range append([]Effect{f.Effect}, f.Also...) {
		switch e {
		case ReturnStatus, ReturnStatusAfter:
			effects = append(effects, fmt.Sprintf("%s (%d)", e, cmp.Or(f.Status, http.StatusInternalServerError)))
		case LateCommit:
			effects = append(effects, fmt.Sprintf("%s (%d)", e, cmp.Or(f.Status, http.StatusGatewayTimeout)))
		default:
			effects = append(effects, e.String())
		}
	}
	return text + ": " + strings.Join(effects, "; ")
}

// Inject adds a fault. The first fault that matches a request and is not used up hits it.
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

// fault returns the fault that hits the request. If there is none, its effects are empty. Called with mu held.
func (s *Server) fault(r Request) *Fault {
	for _, f := range s.faults {
		if f.Times == 0 || !f.matches(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return &Fault{Effect: none}
}

func (f *Fault) matches(r Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.Path, f.Path) && (f.Match == nil || f.Match(r))
}

func (f *Fault) has(effects ...Effect) bool {
	return slices.ContainsFunc(effects, func(e Effect) bool { return e == f.Effect || slices.Contains(f.Also, e) })
}

// cuts reports whether the client receives no complete response.
func (f *Fault) cuts() bool {
	return f.has(ResetBefore, ResetAfter, HangBefore, HangAfter, CutBody)
}

// serveWith serves the request as far as the fault allows. Called with mu held.
func (s *Server) serveWith(f *Fault, r Request, query url.Values) response {
	resp := response{header: http.Header{}}
	switch {
	case f.has(ReturnStatus, ResetBefore, HangBefore, EmptyList):
	case f.has(LateCommit):
		s.writeLater(f, r)
	default:
		resp = s.route(r, query)
	}
	for _, e := range append([]Effect{f.Effect}, f.Also...) {
		switch e {
		case ReturnStatus, ReturnStatusAfter:
			resp = s.failure(f, http.StatusInternalServerError)
		case LateCommit:
			resp = s.failure(f, http.StatusGatewayTimeout)
		case TruncateJSON:
			resp.body = resp.body[:len(resp.body)/2]
		case LoginPage:
			resp = htmlResponse(http.StatusOK, "<!doctype html><title>Log in</title>")
		case NoResults:
			resp = s.envelope(noun(r.Path), nil, s.window(query), 1, nil)
		case EmptyList:
			resp = s.envelope(noun(r.Path), nil, s.window(query), 0, nil)
		}
	}
	return resp
}

// writeLater postpones the work of a POST or DELETE that Kantata would not refuse.
func (s *Server) writeLater(f *Fault, r Request) {
	late := lateChange{looks: f.Looks}
	if f.Later > 0 {
		late.due = time.Now().Add(f.Later)
	}
	var refusal *response
	switch r.Method {
	case http.MethodPost:
		var p pair
		if p, refusal = s.parseCreate(r.Body); refusal == nil {
			late.row = s.newRow(p)
		}
	case http.MethodDelete:
		late.removes = true
		_, id := collectionAndID(r.Path)
		late.row, refusal = s.parseDelete(parseID(id))
	default:
		return
	}
	if refusal == nil {
		s.late = append(s.late, late)
	}
}

// failure is the response that the fault names: its body, or an error in the API's form.
func (s *Server) failure(f *Fault, status int) response {
	status = cmp.Or(f.Status, status)
	resp := s.errorResponse(status, "system", http.StatusText(status), "")
	if f.Body != "" {
		resp.body = []byte(f.Body)
	}
	for name, values := range f.Header {
		resp.header[http.CanonicalHeaderKey(name)] = values
	}
	return resp
}
