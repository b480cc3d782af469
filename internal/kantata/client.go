// Package kantata is a client of the part of the Kantata OX API that access group memberships need. It knows the API and nothing about
// Terraform.
//
// A request passes these layers, each in the file of its name:
//
//	access_group_memberships, users   the operations; one method for each
//	retry       sends the request again if that is safe
//	gate        lets requests through, first come, first served; holds them back or turns them away (see below)
//	trace       makes one attempt within its time limit and finds out how far it got
//	response    turns the response into a result or an [Error]
//	envelope    reads a page of rows; id reads an ID
//	redact      keeps the access token out of every text
//
// The gate asks two helpers that have neither a clock nor a lock: pace spaces the requests under a rate limit, and breaker follows a
// condition of the whole process, an outage or a rate limit, from its first sign to its end. Only the caller can find out that creates or
// deletes have no effect: it asks [Writes] before each. The rules in comments are those of DESIGN.md.
package kantata

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Config configures a [Client].
type Config struct {
	// AccessToken is an OAuth 2.0 access token. It is sent to the host of BaseURL only. If it is empty, every request fails with the
	// condition [TokenMissing].
	AccessToken string
	// BaseURL is the API's root: https, or http with a loopback address.
	BaseURL string
	// MaxRetries is how many times a failed request is sent again; 0 sends it once. It counts neither 429s nor the attempts of one outage.
	MaxRetries int
	// RequestTimeout limits one attempt of one request, its body included.
	RequestTimeout time.Duration
	// UserAgent is sent with each request, without the characters that a header may not contain.
	UserAgent string
	// Observe, if set, is called after each attempt. It must not block.
	Observe func(ctx context.Context, attempt Attempt)
	// Waits are how long the client waits by itself. Zero means the default; tests shorten them.
	Waits Waits
}

// Waits are the durations that a client waits by itself.
type Waits struct {
	// RetryMin and RetryMax bound the backoff between two attempts: 500 ms and 15 s.
	RetryMin, RetryMax time.Duration
	// Outage is how long requests wait for an unreachable Kantata: 30 s from the first failure after the last response.
	Outage time.Duration
	// RateLimit is how long requests wait for the end of a rate limit: 5 minutes from the first 429 after the last other response.
	RateLimit time.Duration
}

func (w Waits) orDefault() Waits {
	or := func(d, fallback time.Duration) time.Duration {
		if d <= 0 {
			return fallback
		}
		return d
	}
	return Waits{
		RetryMin: or(w.RetryMin, 500*time.Millisecond), RetryMax: or(w.RetryMax, 15*time.Second),
		Outage: or(w.Outage, 30*time.Second), RateLimit: or(w.RateLimit, 5*time.Minute),
	}
}

// Attempt describes one attempt of one request. It contains nothing secret or personal.
type Attempt struct {
	// Method and Path are those of the request; Path is below the base URL and has no query.
	Method, Path string
	// Number counts the attempts of one request from 1.
	Number int
	// Status is 0 if there was no response.
	Status int
	// Duration is from sending to the end of the body, without the time spent at the gate.
	Duration time.Duration
	// RequestID is the response's X-Request-Id.
	RequestID string
	// Err is why there was no response.
	Err error
}

// Client is a Kantata OX API client. It is safe for concurrent use.
type Client struct {
	config    Config
	base      *url.URL
	transport *http.Transport
	gate      *gate
	secrets   redactor
	// tokenMissing is the condition of a client without a token.
	tokenMissing *Condition
}

// errNoToken is the cause of the failures of a client without a token.
var errNoToken = errors.New("no access token is configured")

// NewClient returns a client. It makes no request. The error never contains the token or the base URL.
func NewClient(config Config) (*Client, error) {
	if config.AccessToken != "" {
		token, err := NormalizeAccessToken(config.AccessToken)
		if err != nil {
			return nil, errors.New("the access token cannot be used: " + err.Error())
		}
		config.AccessToken = token
	}
	text, err := NormalizeBaseURL(config.BaseURL)
	if err != nil {
		return nil, errors.New("the base URL cannot be used: " + err.Error())
	}
	base, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the base URL cannot be used: it is not a URL")
	}
	if config.RequestTimeout <= 0 {
		return nil, errors.New("the request timeout must be positive")
	}
	config.UserAgent, config.Waits = headerValue(config.UserAgent), config.Waits.orDefault()

	// A clone keeps the settings that the environment makes, such as HTTPS_PROXY.
	shared, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default HTTP transport has been replaced")
	}
	transport := shared.Clone()
	transport.MaxIdleConnsPerHost = 32
	// Over HTTP/2, the transport repeats a POST that it has sent if the server resets the stream with a protocol error (rule 3), any number
	// of times and without a pause, and a connection that no longer works fails all requests.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return &Client{
		config: config, base: base, transport: transport,
		gate: newGate(config.Waits), secrets: newRedactor(config.AccessToken), tokenMissing: &Condition{Kind: TokenMissing},
	}, nil
}

// MaxRetries returns how many times a failed request is sent again.
func (c *Client) MaxRetries() int { return c.config.MaxRetries }

// request is what an operation passes to do. path is below the base URL and starts with a slash.
type request struct {
	method  string
	path    string
	query   url.Values
	payload []byte
	// sendBy is until when the request may be sent; zero means at any time.
	sendBy time.Time
}

// key identifies the request to the breakers: requests with one key may fail for a reason that concerns only them.
func (r request) key() string { return r.method + " " + r.path + "?" + r.query.Encode() }

// notSent is the error of a request that did not pass the gate.
func (r request) notSent(err error) *Error {
	e := &Error{Err: err}
	var refusal *Error
	if errors.As(err, &refusal) {
		*e = *refusal
	}
	e.Method, e.Path, e.Outcome = r.method, r.path, OutcomeNotDone
	return e
}

func (c *Client) url(r request) string {
	target := c.base.JoinPath(r.path)
	target.RawQuery = r.query.Encode()
	return target.String()
}
