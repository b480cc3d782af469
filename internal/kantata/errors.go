package kantata

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
)

// Outcome is what is known about the effect of a request that failed.
type Outcome int

const (
	// OutcomeUnknown means that the request may or may not have been carried out.
	OutcomeUnknown Outcome = iota
	// OutcomeNotDone means that the request was refused, or that no byte of it was written.
	OutcomeNotDone
	// OutcomePending means that the request may still be running (a timeout, a 504) and may take effect later.
	OutcomePending
)

// These errors are wrapped by [Error.Err]. They say what happened to a request that got no usable response.
var (
	// ErrNotSent means that no connection was made, so that no byte of the request was written.
	ErrNotSent = errors.New("no connection could be made")
	// ErrTooLate means that a request was not sent, because its turn did not come in time.
	ErrTooLate = errors.New("the request had to wait too long for its turn")
	// ErrTimeout means that an attempt took longer than its time limit.
	ErrTimeout = errors.New("no complete response")
	// ErrBroken means that the connection ended before a response began.
	ErrBroken = errors.New("the connection ended before a response")
	// ErrUnreadable means that the response is not what the API documents: HTML, a truncated body, or another object.
	ErrUnreadable = errors.New("the response is not what Kantata's API documents")
	// ErrTooLarge means that the body of the response is larger than 4 MiB.
	ErrTooLarge = errors.New("the response is larger than 4 MiB")
	// ErrRedirect means that the response is a redirect. Redirects are not followed (rule 8).
	ErrRedirect = errors.New("the response is a redirect, and redirects are not followed")
)

// Condition is something that is true for the whole process and makes all requests, or all writes of one kind, fail (rule 12). The errors
// of all requests that fail because of it share it.
type Condition struct {
	Kind     ConditionKind
	reported atomic.Bool
}

// ConditionKind is the kind of a [Condition].
type ConditionKind int

const (
	// TokenMissing means that no access token is configured.
	TokenMissing ConditionKind = iota + 1
	// TokenRejected means that Kantata responded to a request with 401.
	TokenRejected
	// Unreachable means that Kantata has not responded to any request for about 30 seconds.
	Unreachable
	// RateLimited means that Kantata has responded to every request of the last five minutes with 429.
	RateLimited
	// NoEffect means that writes of one kind get no response that says what Kantata did, and have no visible effect.
	NoEffect
)

// FirstReport returns true to its first caller only, so that a condition is explained to the user once.
func (c *Condition) FirstReport() bool { return !c.reported.Swap(true) }

// ErrorDetail is one entry of the API's `errors` array.
type ErrorDetail struct {
	// Type is oauth, system or validation.
	Type string
	// Message is the API's text, limited in length.
	Message string
	// Field is set on validation errors only.
	Field string
}

// Error is a failed request. It never contains the access token.
type Error struct {
	// Method and Path are those of the request; Path is below the base URL and has no query.
	Method, Path string
	// StatusCode is 0 if there was no response.
	StatusCode int
	// FromKantata says that the response has the form of the API's errors. HTML, an empty body and a gateway's own JSON do not.
	FromKantata bool
	// Details are the API's own messages.
	Details []ErrorDetail
	// RequestID is the response's X-Request-Id, which Kantata's support asks for.
	RequestID string
	// Outcome is what is known about the request's effect, all of its attempts included.
	Outcome Outcome
	// Condition is set if the request failed because of something that concerns the whole process.
	Condition *Condition
	// Err is the cause if there was no response, or none that can be used.
	Err error
}

// Error says in one line what happened to the request: method, path, status, the API's messages or the cause, and the request ID.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Method, e.Path)
	if e.StatusCode == 0 {
		b.WriteString(" failed")
	} else {
		b.WriteString(strings.TrimRight(fmt.Sprintf(" returned %d %s", e.StatusCode, http.StatusText(e.StatusCode)), " "))
	}
	for _, d := range e.Details {
		if text := d.String(); text != "" {
			b.WriteString(": " + text)
		}
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request ID %s)", e.RequestID)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// notSent returns the error of another request, which is not sent because of the condition that e revealed.
func (e *Error) notSent(c *Condition) *Error {
	other := *e
	other.Outcome, other.Condition = OutcomeNotDone, c
	return &other
}

// String returns the detail as "type error on field: message" without the parts that are not set.
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

// IsNotFound reports whether err is a 404. To a GET, only Kantata's own 404 counts: the page of a proxy is not an absence (rule 1).
// To a DELETE, every 404 counts, because the caller checks what it claims (rule 6).
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound && (e.FromKantata || e.Method == http.MethodDelete)
}

// IsForbidden reports whether err is Kantata's own 403: the token's user lacks the permission. A proxy or a firewall may refuse a request
// with a 403 for another reason, such as the length of its query.
func IsForbidden(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusForbidden && e.FromKantata
}

// OutcomeOf returns the outcome of an [*Error]; [OutcomeUnknown] for any other error.
func OutcomeOf(err error) Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return OutcomeUnknown
}
