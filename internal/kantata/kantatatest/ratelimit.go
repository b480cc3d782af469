package kantatatest

import "time"

type rateLimit struct {
	perSecond  int
	retryAfter string
	second     time.Time
	used       int
}

// SetRateLimit makes the server return 429 for every request after that many in a second. retryAfter is the value of the
// Retry-After header; "" sends no such header. 0 requests end the limit.
func (s *Server) SetRateLimit(perSecond int, retryAfter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = rateLimit{perSecond: perSecond, retryAfter: retryAfter}
}

// exceeded counts a request and reports whether it exceeds the limit. Called with mu held.
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
