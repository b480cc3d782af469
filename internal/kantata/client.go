// Package kantata is a client of the part of the Kantata OX API that access group memberships need. It knows the API and
// nothing of Terraform.
package kantata

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/go-retryablehttp"
)

// DefaultBaseURL is Kantata OX's API; the host still has the product's former name.
const DefaultBaseURL = "https://api.mavenlink.com/api/v1"

const (
	// maxBody bounds an answer: a page of 200 takes some 60 kB, an unpaged `only` of 200 the same.
	maxBody = 32 << 20
	// maxErrorBody bounds what is read of an error's body.
	maxErrorBody = 64 << 10

	defaultRetryWaitMin    = 500 * time.Millisecond
	defaultRetryWaitMax    = 15 * time.Second
	defaultRateLimitBudget = 5 * time.Minute
)

// Config configures a [Client].
type Config struct {
	// AccessToken is an OAuth 2.0 access token; it is sent to the host of BaseURL only.
	AccessToken string
	// BaseURL is the API's root, https or http to loopback.
	BaseURL string
	// MaxRetries is how often a request that failed is sent again; 429s are not counted. 0 sends once.
	MaxRetries int
	// RequestTimeout bounds one attempt of one request, its body included.
	RequestTimeout time.Duration
	// UserAgent is sent with each request.
	UserAgent string
	// RetryWaitMin and RetryWaitMax bound the backoff between attempts; zero means 500 ms and 15 s.
	RetryWaitMin, RetryWaitMax time.Duration
	// RateLimitBudget bounds the time that one request may spend on being told 429; zero means 5 minutes.
	RateLimitBudget time.Duration
	// Observe, when set, is called after each attempt. It must not block.
	Observe func(ctx context.Context, attempt Attempt)
}

// Attempt describes one attempt of one request without anything secret or personal.
type Attempt struct {
	// Method and Path are of the request; Path is below the base URL and has no query.
	Method, Path string
	// Number counts the attempts of one request from 1.
	Number int
	// Status is 0 when there was no answer.
	Status int
	// Duration is from sending to the end of the body, without the time spent waiting for a rate limit.
	Duration time.Duration
	// RequestID is the answer's X-Request-Id.
	RequestID string
	// Err is why there was no answer.
	Err error
}

// Client is a Kantata OX API client, safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
	gate   *gate
}

// NewClient returns a client; it makes no request. The error never holds the token.
func NewClient(config Config) (*Client, error) {
	token, err := NormalizeAccessToken(config.AccessToken)
	if err != nil {
		return nil, err
	}
	base, err := NormalizeBaseURL(config.BaseURL)
	if err != nil {
		return nil, err
	}
	if config.RequestTimeout <= 0 {
		return nil, errors.New("the request timeout must be positive")
	}
	config.AccessToken, config.BaseURL = token, base
	config.RetryWaitMin = orDefault(config.RetryWaitMin, defaultRetryWaitMin)
	config.RetryWaitMax = max(config.RetryWaitMin, orDefault(config.RetryWaitMax, defaultRetryWaitMax))
	config.RateLimitBudget = orDefault(config.RateLimitBudget, defaultRateLimitBudget)

	parsed, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("the base URL cannot be parsed")
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default HTTP transport has been replaced")
	}
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost = 32
	return &Client{
		config: config,
		base:   parsed,
		gate:   newGate(config.RetryWaitMin*2, config.RetryWaitMax*2),
		http: &http.Client{
			Transport: transport,
			// A redirect would carry the token to wherever it points (rule 8): it is an answer like any other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// CloseIdleConnections ends the connections that are kept for the next request.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// MaxRetries returns how often a request that failed is sent again.
func (c *Client) MaxRetries() int { return c.config.MaxRetries }

// NormalizeAccessToken trims the surrounding white space that a file or an environment variable leaves and returns an
// error, which never holds the token, when what remains is empty or cannot be a header's value.
func NormalizeAccessToken(token string) (string, error) {
	token = strings.TrimSpace(token)
	if token == "" {
		return "", errors.New("the access token is blank")
	}
	for _, r := range token {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII {
			return "", errors.New("the access token holds white space, a control character or a character outside ASCII; copy it again, without quotes or line breaks")
		}
	}
	return token, nil
}

// NormalizeBaseURL trims trailing slashes and returns an error unless the URL is https, or http to loopback, without user
// information, query or fragment. The error never holds the user information.
func NormalizeBaseURL(base string) (string, error) {
	base = strings.TrimSpace(base)
	parsed, err := url.Parse(base)
	switch {
	case err != nil:
		return "", errors.New("the base URL cannot be parsed; an example of a right one is " + DefaultBaseURL)
	case parsed.User != nil:
		return "", errors.New("the base URL must not hold a user name or a password")
	case parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		return "", fmt.Errorf("the base URL %s must start with https:// and a host; an example of a right one is %s", quote(base), DefaultBaseURL)
	case parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "":
		return "", errors.New("the base URL must not hold a query or a fragment")
	case parsed.Scheme == "http" && !isLoopback(parsed.Hostname()):
		return "", fmt.Errorf("the base URL %s would send the access token unencrypted: use https (http is accepted for loopback addresses only)", quote(base))
	}
	return strings.TrimRight(base, "/"), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// request is what every operation hands to do: path is below the base URL, payload is sent as JSON unless nil.
type request struct {
	method  string
	path    string
	query   url.Values
	payload any
}

// do sends the request, again where retry.go allows it, and has decode read the body of a 2xx. decode may be
// called once for each attempt. Every error is an [*Error].
func (c *Client) do(ctx context.Context, r request, decode func(body []byte) error) error {
	failed := &Error{Method: r.method, Path: "/" + r.path, Outcome: OutcomeNotDone}
	if err := ctx.Err(); err != nil {
		failed.Err = err
		return failed
	}
	var payload any
	if r.payload != nil {
		encoded, err := json.Marshal(r.payload)
		if err != nil {
			failed.Err = err
			return failed
		}
		payload = encoded
	}
	target := c.base.JoinPath(r.path)
	target.RawQuery = r.query.Encode()
	req, err := retryablehttp.NewRequestWithContext(ctx, r.method, target.String(), payload)
	if err != nil {
		failed.Err = c.redacted(err)
		return failed
	}
	req.Header.Set("Authorization", "Bearer "+c.config.AccessToken)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.config.UserAgent)
	if r.payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.send(ctx, req, "/"+r.path, decode)
}

// attempt is the http.RoundTripper below the retries: it waits for the gate, gives one attempt its deadline and reads the
// body within it, so that a body that is cut or never ends is a failed attempt like any other.
type attempt struct {
	client *Client
	path   string
	number int
}

// ErrTimeout is wrapped when an attempt took longer than [Config.RequestTimeout].
var ErrTimeout = errors.New("no answer within the request timeout")

// errNotSent is wrapped when the context ended before the request was sent.
var errNotSent = errors.New("not sent")

func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	ticket, err := a.client.gate.wait(req.Context())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	a.number++
	start := time.Now()
	resp, err := a.exchange(req)
	a.client.gate.done(ticket, resp)

	if observe := a.client.config.Observe; observe != nil {
		seen := Attempt{Method: req.Method, Path: a.path, Number: a.number, Duration: time.Since(start), Err: a.client.redacted(err)}
		if resp != nil {
			seen.Status, seen.RequestID = resp.StatusCode, a.client.requestID(resp)
		}
		observe(req.Context(), seen)
	}
	return resp, err
}

func (a *attempt) exchange(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), a.client.config.RequestTimeout)
	defer cancel()

	resp, err := a.client.http.Transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, a.explain(req, err)
	}
	defer resp.Body.Close() //nolint:errcheck // the body has been read; nothing depends on closing it

	limit := int64(maxBody)
	if resp.StatusCode >= 300 {
		limit = maxErrorBody
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case resp.StatusCode >= 300:
		// The status says it all: an error's body may be cut, by the cap or on the way.
		body = body[:min(int64(len(body)), limit)]
	case err != nil:
		return nil, a.explain(req, err)
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("%w: it is larger than %d MiB", errUnreadable, maxBody>>20)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// explain tells the attempt's own deadline from the end of the caller's context.
func (a *attempt) explain(req *http.Request, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && req.Context().Err() == nil {
		return fmt.Errorf("%w of %s", ErrTimeout, a.client.config.RequestTimeout)
	}
	return err
}

func (c *Client) requestID(resp *http.Response) string {
	return printable(c.redact(resp.Header.Get("X-Request-Id")))
}

// redacted keeps the token out of err's text (rule 8): a server can echo what it was sent.
func (c *Client) redacted(err error) error {
	if err == nil {
		return nil
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		// A url.Error repeats the whole URL, whose query may hold e-mail addresses.
		err = wrapped.Err
	}
	return &redactedError{text: printable(c.redact(err.Error())), err: err}
}

func (c *Client) redact(s string) string {
	return strings.ReplaceAll(s, c.config.AccessToken, "[redacted]")
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }
