package kantata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	// maxBody limits the body of a success. A page of 200 rows has about 60 kB.
	maxBody = 4 << 20
	// maxErrorBody limits what is read of any other body.
	maxErrorBody = 64 << 10
)

// stage is how far an attempt has got, which tells what is known about a POST that failed (rule 3).
type stage int32

const (
	// connecting: no byte of the request has been written.
	connecting stage = iota
	// sending: the request has a connection, so that bytes may have been written.
	sending
	// responding: the first byte of a response has arrived.
	responding
)

// response is a complete response. The body has been read.
type response struct {
	status int
	header http.Header
	body   []byte
}

// exchange makes one attempt within the time limit, which includes reading the body, and gives it up when over ends. The error wraps one of
// the package's errors if the attempt failed by itself, and the context's if ctx ended.
func (c *Client) exchange(ctx, over context.Context, r request, limit time.Duration) (*response, stage, error) {
	var reached atomic.Int32
	// The transport repeats a POST by itself only if nothing was written to a connection that it kept. It then calls GetConn again.
	trace := &httptrace.ClientTrace{
		GetConn:              func(string) { reached.Store(int32(connecting)) },
		GotConn:              func(httptrace.GotConnInfo) { reached.Store(int32(sending)) },
		GotFirstResponseByte: func() { reached.Store(int32(responding)) },
	}
	limited, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, trace), limit)
	defer cancel()
	defer context.AfterFunc(over, cancel)()
	start := time.Now()
	resp, err := c.roundTrip(limited, r)
	at := stage(reached.Load())
	within := roundedUp(min(time.Since(start), limit))
	switch {
	case err == nil:
		return resp, at, nil
	case ctx.Err() != nil:
		return nil, at, ctx.Err()
	case limited.Err() != nil && at == connecting:
		err = fmt.Errorf("%w within %s", ErrNotSent, within)
	case limited.Err() != nil:
		err = fmt.Errorf("%w within %s", ErrTimeout, within)
	case at == connecting:
		err = fmt.Errorf("%w: %w", ErrNotSent, err)
	case at == sending:
		err = fmt.Errorf("%w: %w", ErrBroken, err)
	case !errors.Is(err, ErrTooLarge):
		err = fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return nil, at, err
}

// roundedUp returns d in tenths of a second; at least one.
func roundedUp(d time.Duration) time.Duration {
	const tenth = 100 * time.Millisecond
	return max((d + tenth - 1).Truncate(tenth), tenth)
}

func (c *Client) roundTrip(ctx context.Context, r request) (*response, error) {
	var payload io.Reader
	if r.payload != nil {
		payload = bytes.NewReader(r.payload)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.url(r), payload)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.config.AccessToken)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.config.UserAgent)
	if r.payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// An http.Client would follow redirects and carry the token to wherever they point (rule 8).
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // the body has been read; nothing depends on closing it
	read := &response{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode >= http.StatusMultipleChoices {
		// The status says what counts: the body of an error may be cut.
		read.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		return read, nil
	}
	read.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(read.body) > maxBody {
		err = ErrTooLarge
	}
	return read, err
}
