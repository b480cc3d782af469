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
	waiting := s.late[:0]
	for _, l := range s.late {
		if l.looks == 0 {
			s.rows = append(s.rows, l.row)
			continue
		}
		l.looks--
		waiting = append(waiting, l)
	}
	s.late = waiting
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
		return f.answer(), f.Effect
	case ResetBefore, HangBefore:
		return response{header: http.Header{}}, f.Effect
	case EmptyList:
		return s.envelope(nil, 0, 1, defaultPerPage, collection, nil), f.Effect
	case LateCommit:
		return s.commitLate(f, r), f.Effect
	}
	answer := s.route(r, query)
	switch f.Effect {
	case AnswerStatusAfter:
		return f.answer(), f.Effect
	case TruncateJSON:
		answer.body = answer.body[:len(answer.body)/2]
	case LoginPage:
		answer = response{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<!doctype html><title>Log in</title>")}
	case NoResults:
		answer = jsonResponse(http.StatusOK, map[string]any{"count": 1, "results": []any{}, collection: map[string]any{}})
	}
	return answer, f.Effect
}

func (s *Server) commitLate(f *Fault, r Request) response {
	if pair, refusal := s.parseCreate(r.Body); refusal == nil {
		s.late = append(s.late, lateRow{row: s.newRow(pair[0], pair[1]), looks: f.Looks})
	}
	late := *f
	if late.Status == 0 {
		late.Status = http.StatusGatewayTimeout
	}
	return late.answer()
}

// answer is the fault's own answer: its body, or an error in the API's form.
func (f *Fault) answer() response {
	answer := errorResponse(f.Status, "system", http.StatusText(f.Status), "")
	if f.Body != "" {
		answer.body = []byte(f.Body)
	}
	for name, values := range f.Header {
		answer.header[name] = values
	}
	return answer
}
