package memberships

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// ExistsError reports a pair that exists before its create (rule 5).
type ExistsError struct{ Membership kantata.Membership }

// ClaimedError reports a second block for one pair in one run (rule 5).
type ClaimedError struct{ Pair kantata.Pair }

// UncertainError reports a create of which nobody knows whether it took effect (rule 3).
type UncertainError struct {
	Pair kantata.Pair
	// Err is what the create answered; LookErr what looking for the pair answered, nil when it was simply not there (yet).
	Err, LookErr error
}

// Error names the membership and its pair.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("user %s is in access group %s already: membership %s", e.Membership.UserID, e.Membership.AccessGroupID, e.Membership.ID)
}

// Error names the pair.
func (e *ClaimedError) Error() string {
	return fmt.Sprintf("another block of this run manages user %s in access group %s", e.Pair.UserID, e.Pair.AccessGroupID)
}

// Error says what may have been created, and why that is not known.
func (e *UncertainError) Error() string {
	text := fmt.Sprintf("user %s may have been put into access group %s: %v", e.Pair.UserID, e.Pair.AccessGroupID, e.Err)
	if e.LookErr != nil {
		text += fmt.Sprintf("; looking for the membership failed: %v", e.LookErr)
	}
	return text
}

// Unwrap returns Err and LookErr.
func (e *UncertainError) Unwrap() []error {
	if e.LookErr == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.LookErr}
}

// Writer creates and deletes memberships and keeps the reader's knowledge in step.
type Writer struct {
	api        API
	reader     *Reader
	maxRetries int

	mu     sync.Mutex
	claims map[kantata.Pair]bool
}

// WriterOption configures a [Writer].
type WriterOption func(*Writer)

// WithMaxRetries sets how often a write whose effect was in doubt, and that turned out not to have happened, is sent again; 4 without it.
func WithMaxRetries(n int) WriterOption { return func(w *Writer) { w.maxRetries = n } }

// NewWriter returns a writer over the API that edits the reader's snapshot.
func NewWriter(api API, reader *Reader, options ...WriterOption) *Writer {
	w := &Writer{api: api, reader: reader, maxRetries: 4, claims: map[kantata.Pair]bool{}}
	for _, option := range options {
		option(w)
	}
	return w
}

func (w *Writer) claim(pair kantata.Pair) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.claims[pair] {
		return false
	}
	w.claims[pair] = true
	return true
}

func (w *Writer) release(pair kantata.Pair) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.claims, pair)
}

// backoff waits before the n-th repetition, from half a second on, with jitter; it ends early with ctx.
func backoff(ctx context.Context, n int) error {
	wait := 500 * time.Millisecond << min(n-1, 4)
	return sleep(ctx, wait/2+rand.N(wait/2)) //nolint:gosec // jitter is no secret
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
