package kantatatest

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// Request is one request that the server received.
type Request struct {
	Method, Path string // Path is below /api/v1, without .json
	Query        string // the raw query
	Body         string
	Header       http.Header // as received, with Content-Length and Transfer-Encoding
	Status       int         // the status that was returned; 0 if the connection was cut
}

// receive reads a request. It reports whether the path is below /api/v1.
func receive(r *http.Request) (request Request, known bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	header := r.Header.Clone()
	if len(r.TransferEncoding) > 0 {
		header["Transfer-Encoding"] = slices.Clone(r.TransferEncoding)
	}
	path, known := strings.CutPrefix(r.URL.Path, root+"/")
	if known {
		path = "/" + path
	}
	return Request{
		Method: r.Method, Path: strings.TrimSuffix(path, ".json"),
		Query: r.URL.RawQuery, Body: string(body), Header: header,
	}, known
}

// breaksRFC7230 reports whether Kantata blocks the request: a GET that announces a body, or a header that is empty or
// contains a control or non-ASCII character. (net/http itself refuses most control characters.)
func breaksRFC7230(r Request) bool {
	if r.Method == http.MethodGet && (len(r.Header["Content-Length"]) > 0 || len(r.Header["Transfer-Encoding"]) > 0 || r.Body != "") {
		return true
	}
	for _, values := range r.Header {
		for _, value := range values {
			if value == "" || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
				return true
			}
		}
	}
	return false
}

// OnRequest calls f when a request has arrived, before it is served.
func (s *Server) OnRequest(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRequest = f
}

// Requests returns the requests in the order in which they were served. A request that the latency still delays is not included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests empties the list of requests.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// log records a request. Called with mu held.
func (s *Server) log(r Request, status int) {
	r.Status = status
	s.requests = append(s.requests, r)
}
