package kantatatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const root = "/api/v1"

// response is a response before it is written, so that a fault can change it.
type response struct {
	status int
	header http.Header
	body   []byte
}

func jsonResponse(status int, body any) response {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return response{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: encoded}
}

func htmlResponse(status int, body string) response {
	return response{status: status, header: http.Header{"Content-Type": {"text/html"}}, body: []byte(body)}
}

// errorResponse is an error in the form of the dialect. Only a validation error has a field.
func (s *Server) errorResponse(status int, kind, message, field string) response {
	if s.dialect.Errors == ErrorStrings {
		return jsonResponse(status, map[string]any{"errors": []any{message}})
	}
	entry := map[string]any{"type": kind, "message": message}
	if field != "" {
		entry["field"] = field
	}
	return jsonResponse(status, map[string]any{"errors": []any{entry}})
}

func (s *Server) notFound() response {
	return s.errorResponse(http.StatusNotFound, "system", "The requested resource could not be found", "")
}

// ServeHTTP serves one request. It implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received, known := receive(r)
	s.mu.Lock()
	onRequest := s.onRequest
	there, back := s.latency.delays(received)
	s.mu.Unlock()
	if onRequest != nil {
		onRequest(received)
	}
	if !s.wait(r, there) {
		s.abort(received)
	}
	f, refusal := s.admit(received, known)
	if refusal == nil && !s.wait(r, f.Delay) {
		s.abort(received)
	}
	resp := s.respond(f, refusal, received, r.URL.Query())
	if !s.wait(r, back) {
		panic(http.ErrAbortHandler)
	}
	s.write(w, r, f, resp)
}

// abort ends a request on which the server has not acted yet.
func (s *Server) abort(r Request) {
	s.mu.Lock()
	s.log(r, 0)
	s.mu.Unlock()
	panic(http.ErrAbortHandler)
}

// admit returns the fault that hits the request, or the response to a request that is not served at all.
func (s *Server) admit(r Request, known bool) (*Fault, *response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitLate(true)
	var refusal response
	switch {
	case breaksRFC7230(r):
		refusal = htmlResponse(http.StatusBadRequest, "<h1>Bad Request</h1>")
	case !known:
		refusal = s.notFound()
	case s.limit.exceeded():
		refusal = s.errorResponse(http.StatusTooManyRequests, "system", "Retry your request after a small delay", "")
		if s.limit.retryAfter != "" {
			refusal.header.Set("Retry-After", s.limit.retryAfter)
		}
	case r.Header.Get("Authorization") != "Bearer "+Token:
		refusal = s.errorResponse(http.StatusUnauthorized, "oauth", "Invalid OAuth 2 Request", "")
	default:
		return s.fault(r), nil
	}
	return &Fault{Effect: none}, &refusal
}

// respond acts on the request and logs it before the client can see the response.
func (s *Server) respond(f *Fault, refusal *response, r Request, query url.Values) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitDue()
	var resp response
	if refusal != nil {
		resp = *refusal
	} else {
		resp = s.serveWith(f, r, query)
	}
	status := resp.status
	if f.cuts() {
		status = 0
	}
	s.log(r, status)
	s.served++
	if _, given := resp.header["X-Request-Id"]; !given {
		resp.header.Set("X-Request-Id", fmt.Sprintf("req-%06d", s.served))
	}
	return resp
}

// write sends the response as far as the fault allows.
func (s *Server) write(w http.ResponseWriter, r *http.Request, f *Fault, resp response) {
	switch {
	case f.has(HangBefore, HangAfter):
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler)
	case f.has(ResetBefore, ResetAfter):
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.header {
		w.Header()[name] = values
	}
	if f.has(CutBody) {
		w.Header().Set("Content-Length", strconv.Itoa(len(resp.body)))
		w.WriteHeader(resp.status)
		_, _ = w.Write(resp.body[:len(resp.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(resp.status)
	if resp.status != http.StatusNoContent {
		_, _ = io.Copy(w, bytes.NewReader(resp.body))
	}
}

// collectionAndID splits a path below the root.
func collectionAndID(path string) (name, id string) {
	name, id, _ = strings.Cut(strings.Trim(path, "/"), "/")
	return name, id
}

// noun is the collection that a path names.
func noun(path string) string {
	name, _ := collectionAndID(path)
	return name
}

func (s *Server) route(r Request, query url.Values) response {
	name, id := collectionAndID(r.Path)
	switch {
	case name == "users" && id == "" && r.Method == http.MethodGet:
		return s.listUsers(query)
	case name == "users" && id == "me" && r.Method == http.MethodGet:
		return s.showTokenUser()
	case name != collection:
		return s.notFound()
	case id == "" && r.Method == http.MethodGet:
		return s.list(query)
	case id == "" && r.Method == http.MethodPost:
		return s.create(r.Body)
	case id != "" && r.Method == http.MethodGet:
		return s.show(parseID(id), query)
	case id != "" && r.Method == http.MethodDelete:
		return s.destroy(parseID(id))
	}
	return s.notFound()
}
