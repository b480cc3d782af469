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
	"time"
)

const root = "/api/v1"

// response is an answer before it is written, so that a fault can spoil it.
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

func errorResponse(status int, kind, message, field string) response {
	entry := map[string]any{"type": kind, "message": message}
	if field != "" {
		entry["field"] = field
	}
	return jsonResponse(status, map[string]any{"errors": []any{entry}})
}

type rateLimit struct {
	perSecond  int
	retryAfter string
	second     time.Time
	used       int
}

// exceeded counts a request in windows of a second. Called with the server's mu held.
func (l *rateLimit) exceeded() bool {
	if l.perSecond == 0 {
		return false
	}
	if now := time.Now(); now.Sub(l.second) >= time.Second {
		l.second, l.used = now, 0
	}
	l.used++
	return l.used > l.perSecond
}

// ServeHTTP serves one request. It implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	path, known := strings.CutPrefix(r.URL.Path, root+"/")
	if known {
		path = "/" + path
	}
	seen := Request{
		Method: r.Method, Path: strings.TrimSuffix(path, ".json"),
		Query: r.URL.RawQuery, Body: string(body), Header: r.Header.Clone(),
	}
	s.mu.Lock()
	onRequest, latency := s.onRequest, s.latency
	s.mu.Unlock()
	if onRequest != nil {
		onRequest(seen)
	}
	if latency > 0 {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			// A server does not notice in the middle of its work that the client has gone.
		case <-s.closing:
			s.log(seen)
			panic(http.ErrAbortHandler)
		}
	}

	answer, effect := s.answer(seen, r, known)
	s.write(w, r, answer, effect)
}

// answer decides on the answer and logs the request, before the client can see that it was answered.
func (s *Server) answer(seen Request, r *http.Request, known bool) (response, Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, effect := notFound(), none
	if known {
		answer, effect = s.decide(seen, r)
	}
	seen.Status = answer.status
	if cut(effect) {
		seen.Status = 0
	}
	s.requests = append(s.requests, seen)
	s.served++
	answer.header.Set("X-Request-Id", fmt.Sprintf("req-%06d", s.served))
	return answer, effect
}

// log records a request that is cut before anything was done.
func (s *Server) log(seen Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, seen)
}

// decide does what was asked, or what a fault makes of it. Called with mu held.
func (s *Server) decide(seen Request, r *http.Request) (response, Effect) {
	s.ripen()
	if s.limit.exceeded() {
		answer := errorResponse(http.StatusTooManyRequests, "system", "Too many requests; retry your request after a small delay", "")
		if s.limit.retryAfter != "" {
			answer.header.Set("Retry-After", s.limit.retryAfter)
		}
		return answer, none
	}
	if r.Header.Get("Authorization") != "Bearer "+Token {
		return errorResponse(http.StatusUnauthorized, "oauth", "Invalid OAuth 2 Request", ""), none
	}
	f := s.fault(seen)
	if f == nil {
		return s.route(seen, r.URL.Query()), none
	}
	return s.spoil(f, seen, r.URL.Query())
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, answer response, effect Effect) {
	switch effect {
	case ResetBefore, ResetAfter:
		panic(http.ErrAbortHandler)
	case HangBefore, HangAfter:
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	if effect == CutBody {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body[:len(answer.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(answer.status)
	if answer.status != http.StatusNoContent {
		_, _ = io.Copy(w, bytes.NewReader(answer.body))
	}
}

// noun is the collection that a path names.
func noun(path string) string {
	name, _, _ := strings.Cut(strings.Trim(path, "/"), "/")
	return name
}

func notFound() response {
	return errorResponse(http.StatusNotFound, "system", "The requested resource could not be found", "")
}

func (s *Server) route(r Request, query url.Values) response {
	name, id, _ := strings.Cut(strings.Trim(r.Path, "/"), "/")
	switch {
	case name == "users" && id == "" && r.Method == http.MethodGet:
		return s.listUsers(query)
	case name != collection:
		return notFound()
	case id == "" && r.Method == http.MethodGet:
		return s.list(query)
	case id == "" && r.Method == http.MethodPost:
		return s.create(r.Body)
	case id != "" && r.Method == http.MethodGet:
		return s.show(parseID(id), query)
	case id != "" && r.Method == http.MethodDelete:
		return s.destroy(parseID(id))
	}
	return notFound()
}
