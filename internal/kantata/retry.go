package kantata

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// maxRetryAfter is how far a Retry-After is believed.
const maxRetryAfter = 2 * time.Minute

// send carries one request through its attempts and decodes the answer.
func (c *Client) send(ctx context.Context, req *retryablehttp.Request, path string, decode func(body []byte) error) error {
	p := &policy{client: c, method: req.Method, path: path, decode: decode}
	client := &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: &attempt{client: c, path: path}, CheckRedirect: c.http.CheckRedirect},
		// The policy counts by itself, since a 429 is not a fault.
		RetryMax:     1 << 20,
		CheckRetry:   p.checkRetry,
		Backoff:      p.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	resp, err := client.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if p.failed == nil && err == nil {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil && (p.failed == nil || !errors.Is(p.failed.Err, ctxErr)) {
		// The context ended between two attempts: what is known is what the last attempt told.
		return p.ended(ctxErr)
	}
	if p.failed == nil {
		return &Error{Method: req.Method, Path: path, Err: c.redacted(err)}
	}
	return p.failed
}

// policy decides for one request whether it may be sent again (rule 3) and when. It also keeps what the last attempt told.
type policy struct {
	client *Client
	method string
	path   string
	decode func([]byte) error

	faults       int
	limitedSince time.Time
	failed       *Error
}

func (p *policy) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	p.failed = p.judge(ctx, resp, err)
	if p.failed == nil || ctx.Err() != nil {
		return false, nil //nolint:nilerr // p.failed carries the error to send
	}
	if p.failed.StatusCode == http.StatusTooManyRequests {
		if p.limitedSince.IsZero() {
			p.limitedSince = time.Now()
		}
		return time.Since(p.limitedSince) < p.client.config.RateLimitBudget, nil
	}
	if !p.mayRepeat(err) {
		return false, nil
	}
	p.faults++
	return p.faults <= p.client.config.MaxRetries, nil
}

// mayRepeat says whether the request may be sent again after something other than a 429.
func (p *policy) mayRepeat(err error) bool {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) || errors.Is(err, errNotSent) {
		return false
	}
	if p.method == http.MethodPost {
		return neverConnected(err)
	}
	status := p.failed.StatusCode
	return status < 300 || status == http.StatusRequestTimeout || status >= 500 && status != http.StatusNotImplemented
}

// judge returns nil for an answer that can be used.
func (p *policy) judge(ctx context.Context, resp *http.Response, err error) *Error {
	e := &Error{Method: p.method, Path: p.path}
	if err != nil {
		e.Err = p.client.redacted(err)
		var certificate *tls.CertificateVerificationError
		switch {
		case errors.Is(err, errNotSent), errors.As(err, &certificate), neverConnected(err):
			e.Outcome = OutcomeNotDone
		case errors.Is(err, ErrTimeout), ctx.Err() != nil:
			e.Outcome = OutcomePending
		}
		return e
	}
	e.StatusCode, e.RequestID = resp.StatusCode, p.client.requestID(resp)
	// The body is in memory already (attempt.exchange).
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		e.Err = err
		return e
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		if err := p.decode(body); err != nil {
			e.Err = p.client.redacted(err)
			return e
		}
		return nil
	case resp.StatusCode < 400:
		e.Outcome = OutcomeNotDone
		e.Err = errors.New("the answer is a redirect, and redirects are not followed; check base_url")
		return e
	}
	e.Outcome = outcomeOfStatus(resp.StatusCode)
	var ok bool
	e.Details, ok = decodeErrorDetails(body, p.client.redact)
	e.definite = ok || len(body) == 0
	if !e.definite {
		e.Err = fmt.Errorf("the answer is not Kantata's own, but a page of %s", quote(printable(p.client.redact(resp.Header.Get("Content-Type")))))
	}
	return e
}

// ended returns what is known once the context ended: the last attempt's failure, with the context's error as its cause.
func (p *policy) ended(err error) *Error {
	if p.failed == nil {
		return &Error{Method: p.method, Path: p.path, Outcome: OutcomePending, Err: err}
	}
	e := *p.failed
	e.Err = err
	return &e
}

// neverConnected reports that the request cannot have reached anybody.
func neverConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// backoff doubles from RetryWaitMin to RetryWaitMax, with jitter so that ten requests that failed together do not come
// back together. After a 429 the gate does the waiting, for the whole process.
func (p *policy) backoff(_, _ time.Duration, _ int, resp *http.Response) time.Duration {
	if p.failed != nil && p.failed.StatusCode == http.StatusTooManyRequests {
		return 0
	}
	if wait := retryAfter(resp); wait > 0 {
		return wait
	}
	return jittered(p.client.config.RetryWaitMin, p.client.config.RetryWaitMax, p.faults)
}

// jittered returns between half and the whole of low x 2^(n-1), at most high.
func jittered(low, high time.Duration, n int) time.Duration {
	wait := low
	for range n - 1 {
		if wait *= 2; wait >= high {
			wait = high
			break
		}
	}
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // jitter is no secret
}

// retryAfter reads the header as seconds or as a date; 0 without one. It is believed up to maxRetryAfter.
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	value := resp.Header.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		wait = time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	} else if date, err := http.ParseTime(value); err == nil {
		wait = time.Until(date)
	}
	return min(max(wait, 0), maxRetryAfter)
}
