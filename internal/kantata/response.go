package kantata

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// maxDetails is the number of the API's messages that an error shows.
const maxDetails = 10

// judge returns nil for a response that can be used, and otherwise what happened.
func (c *Client) judge(r request, resp *response, at stage, err error, decode func([]byte) error) *Error {
	e := &Error{Method: r.method, Path: r.path}
	if err != nil {
		e.Err = c.secrets.error(err)
		e.Outcome = outcomeOfFailure(at, err)
		return e
	}
	e.StatusCode, e.RequestID = resp.status, c.secrets.short(resp.header.Get("X-Request-Id"))
	switch {
	case resp.status < http.StatusOK:
		e.Err = ErrUnreadable
		return e
	case resp.status < http.StatusMultipleChoices:
		if err := decode(resp.body); err != nil {
			e.Err = c.secrets.error(err)
			return e
		}
		return nil
	case resp.status < http.StatusBadRequest:
		e.Err = ErrRedirect
		if resp.status != http.StatusSeeOther {
			// A 303 may point to the result of the request. Any other redirect means that the request was not processed.
			e.Outcome = OutcomeNotDone
		}
		return e
	}
	e.Outcome = outcomeOfStatus(resp.status)
	if e.Details, e.FromKantata = c.details(resp.body); !e.FromKantata {
		e.Err = c.secrets.error(notKantatas(resp))
	}
	return e
}

// outcomeOfFailure says what is known of a request whose attempt ended without a response that can be used.
func outcomeOfFailure(at stage, err error) Outcome {
	switch {
	case at == connecting:
		return OutcomeNotDone
	case errors.Is(err, ErrBroken), errors.Is(err, ErrUnreadable), errors.Is(err, ErrTooLarge):
		return OutcomeUnknown
	}
	// A timeout or the end of the context: the server may still be working on it.
	return OutcomePending
}

// outcomeOfStatus says what the status of an error response tells about the request's effect. A 409 is inconclusive, because it may be
// caused by the effect of an earlier attempt.
func outcomeOfStatus(status int) Outcome {
	switch {
	case status == http.StatusGatewayTimeout, status == http.StatusRequestTimeout:
		return OutcomePending
	case status == http.StatusConflict, status >= http.StatusInternalServerError:
		return OutcomeUnknown
	}
	return OutcomeNotDone
}

// details reads `{"errors":[...]}`. The entries are objects, or plain strings, which two public clients handle. ok is false for anything
// else, such as HTML, an empty body or a gateway's own JSON.
func (c *Client) details(body []byte) (details []ErrorDetail, ok bool) {
	var payload struct {
		Errors []json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &payload) != nil || len(payload.Errors) == 0 {
		return nil, false
	}
	for _, raw := range payload.Errors[:min(len(payload.Errors), maxDetails)] {
		var message optionalText
		var entry struct {
			Type    optionalText `json:"type"`
			Message optionalText `json:"message"`
			Field   optionalText `json:"field"`
		}
		if json.Unmarshal(raw, &message) == nil && message.value == nil {
			_ = json.Unmarshal(raw, &entry) // an entry of another kind has no text
			message = entry.Message
		}
		details = append(details, ErrorDetail{Type: c.shortOf(entry.Type), Message: c.shortOf(message), Field: c.shortOf(entry.Field)})
	}
	return details, true
}

func (c *Client) shortOf(t optionalText) string {
	if t.value == nil {
		return ""
	}
	return c.secrets.short(*t.value)
}

// notKantatas describes an error response that does not have the form of the API's errors.
func notKantatas(resp *response) error {
	if len(resp.body) == 0 {
		return fmt.Errorf("%w: it is empty", ErrUnreadable)
	}
	return fmt.Errorf("%w: its type is %q", ErrUnreadable, resp.header.Get("Content-Type"))
}
