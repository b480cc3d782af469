package kantatatest

import (
	"net/http"
	"net/url"
	"strings"
)

// none is the effect of no fault.
const none Effect = -1

// lateRow is a membership whose create is still running.
type lateRow struct {
	row   Membership
	looks int
}

// ripen lets a further request pass before a late create shows. Called with mu held.
func (s *Server) ripen() {
	var waiting []lateRow
	for _, l := range s.late {
		if l.looks <= 0 {
			s.commit(l.row)
			continue
		}
		l.looks--
		waiting = append(waiting, l)
	}
	s.late = waiting
}

// commit makes a late row visible. If its pair was created in the meantime, the dialect decides as for any second POST.
func (s *Server) commit(m Membership) {
	existing := s.store.find(&m.AccessGroupID, &m.UserID)
	if len(existing) == 0 || s.dialect.Duplicates == DuplicateCreatesSecond {
		s.insert(m, byRequest)
	}
}

// fault returns the fault that hits the request, nil for none. Called with mu held.
func (s *Server) fault(r Request) *Fault {
	for _, f := range s.faults {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.HasPrefix(r.Path, f.Path) || f.Match != nil && !f.Match(r) {
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
	return nil
}

func cut(e Effect) bool {
	return e == ResetBefore || e == ResetAfter || e == HangBefore || e == HangAfter || e == CutBody
}

// spoil serves the request as the fault has it. Called with mu held.
func (s *Server) spoil(f *Fault, r Request, query url.Values) (response, Effect) {
	switch f.Effect {
	case AnswerStatus:
		return f.answer(http.StatusInternalServerError), f.Effect
	case ResetBefore, HangBefore:
		return response{header: http.Header{}}, f.Effect
	case EmptyList:
		return s.envelope(noun(r.Path), nil, s.window(query), 0, nil), f.Effect
	case LateCommit:
		return s.commitLate(f, r), f.Effect
	}
	answer := s.route(r, query)
	switch f.Effect {
	case AnswerStatusAfter:
		return f.answer(http.StatusInternalServerError), f.Effect
	case TruncateJSON:
		answer.body = answer.body[:len(answer.body)/2]
	case LoginPage:
		answer = response{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<!doctype html><title>Log in</title>")}
	case NoResults:
		answer = s.envelope(noun(r.Path), nil, s.window(query), 1, nil)
	}
	return answer, f.Effect
}

func (s *Server) commitLate(f *Fault, r Request) response {
	if p, refusal := s.parseCreate(r.Body); r.Method == http.MethodPost && refusal == nil {
		s.late = append(s.late, lateRow{row: s.newRow(p), looks: f.Looks})
	}
	return f.answer(http.StatusGatewayTimeout)
}

// answer is the fault's own answer: its body, or an error in the API's form.
func (f *Fault) answer(fallback int) response {
	status := f.Status
	if status == 0 {
		status = fallback
	}
	answer := errorResponse(status, "system", http.StatusText(status), "")
	if f.Body != "" {
		answer.body = []byte(f.Body)
	}
	for name, values := range f.Header {
		answer.header[http.CanonicalHeaderKey(name)] = values
	}
	return answer
}
