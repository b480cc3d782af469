package kantata

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// Outcome is what is known about a request that failed.
type Outcome int

const (
	// OutcomeUnknown means that the request may or may not have been carried out.
	OutcomeUnknown Outcome = iota
	// OutcomeNotDone means that Kantata refused it, or that it never left this machine.
	OutcomeNotDone
	// OutcomePending means that it may still be running (a time-out, a 504) and may yet take effect.
	OutcomePending
)

// ErrorDetail is one entry of the API's `errors` array.
type ErrorDetail struct {
	// Type is oauth, system or validation.
	Type string
	// Message is the API's text, capped in length.
	Message string
	// Field is set on validation errors only.
	Field string
}

// Error is a failed request. It never holds the access token.
type Error struct {
	// Method and Path are of the request; Path is below the base URL and has no query.
	Method, Path string
	// StatusCode is 0 when there was no answer.
	StatusCode int
	// Details are the API's own words, when it had any.
	Details []ErrorDetail
	// RequestID is the answer's X-Request-Id, which Kantata's support asks for.
	RequestID string
	// Outcome is what is known about the request's effect.
	Outcome Outcome
	// Err is the cause when there was no answer or an unreadable one.
	Err error

	// definite is set when the answer is Kantata's own and not the page of a proxy on the way.
	definite bool
}

// Error returns one line: method, path, status, the API's words or the cause, and the request id.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Method, e.Path)
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, ": %d %s", e.StatusCode, http.StatusText(e.StatusCode))
	}
	for _, d := range e.Details {
		b.WriteString(": ")
		b.WriteString(d.String())
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request id %s)", e.RequestID)
	}
	return b.String()
}

// String returns the detail as "type error on field: message", leaving out what is not set.
func (d ErrorDetail) String() string {
	var b strings.Builder
	if d.Type != "" {
		b.WriteString(d.Type + " error")
	}
	if d.Field != "" {
		b.WriteString(" on " + d.Field)
	}
	if b.Len() > 0 && d.Message != "" {
		b.WriteString(": ")
	}
	b.WriteString(d.Message)
	return strings.TrimSpace(b.String())
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound reports whether err is a 404 that Kantata itself answered; the 404 page of a proxy is not one.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound && e.definite
}

// OutcomeOf returns the outcome that err carries; [OutcomeUnknown] for an error without one.
func OutcomeOf(err error) Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return OutcomeUnknown
}

// outcomeOfStatus says what a status other than 2xx tells about the request's effect. A 409 is left open, since
// it may be the echo of a first attempt.
func outcomeOfStatus(status int) Outcome {
	switch {
	case status == http.StatusGatewayTimeout, status == http.StatusRequestTimeout:
		return OutcomePending
	case status == http.StatusConflict, status >= 500:
		return OutcomeUnknown
	default:
		return OutcomeNotDone
	}
}

const (
	maxDetails       = 10
	maxMessageLength = 500
)

// decodeErrorDetails reads `{"errors":[...]}`; ok is false when the body is something else, such as HTML or a
// gateway's own JSON.
func decodeErrorDetails(body []byte, redact func(string) string) (details []ErrorDetail, ok bool) {
	var payload struct {
		Errors []struct {
			Type    any `json:"type"`
			Message any `json:"message"`
			Field   any `json:"field"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &payload); err != nil || payload.Errors == nil {
		return nil, false
	}
	text := func(v any) string {
		s, _ := v.(string)
		return printable(redact(s))
	}
	for i, e := range payload.Errors {
		if i == maxDetails {
			break
		}
		details = append(details, ErrorDetail{Type: text(e.Type), Message: text(e.Message), Field: text(e.Field)})
	}
	return details, true
}

// printable caps s and keeps control characters out of terminals and logs.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxMessageLength {
		s = string(runes[:maxMessageLength]) + "..."
	}
	return strings.TrimSpace(s)
}
