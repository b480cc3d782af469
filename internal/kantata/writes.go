package kantata

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// The pause after the first probe in vain is writePause. Each next one is twice as long, at most maxWritePause, so that the time of the
// probes hardly grows with the number of writes.
const writePause, maxWritePause = 30 * time.Second, 10 * time.Minute

// writeBudget is how long writes wait for the end of the condition, from the beginning of the first write in vain.
const writeBudget = 30 * time.Second

// Writes lets the writes of one kind through, creates or deletes, and stops them if none has an effect although Kantata responds to other
// requests (rule 12). The gate cannot find that out: it does not know whether a write without a response had an effect. The caller looks
// that up.
//
// After a write in vain, one write at a time is the probe, and those that begin later wait for its end. If a probe is in vain as well and
// the budget is used up, the others are refused, and a probe is sent from time to time. If all writes in vain were of one group or of one
// user, that may be the reason, so a write of another one is not refused: it is the next probe. The first write that works ends the
// condition. The zero value is ready.
type Writes struct {
	mu sync.Mutex // guards the fields below
	// worked counts the writes that worked, or that Kantata refused.
	worked int
	// last is the last write in vain, with the condition; nil while the condition does not hold. since is when the first one began, and
	// common is the group or the user that all of them were of.
	last   *Error
	since  time.Time
	common MembershipFilter
	// probing says that a probe is in progress. probes is how many were in vain after the budget was used up, and nextProbe is when the next
	// one may begin.
	probing   bool
	probes    int
	nextProbe time.Time
	// changed is closed and replaced when writes that wait should decide again.
	changed chan struct{}
}

// Write is one write that has begun or is refused.
type Write struct {
	writes *Writes
	// refusal is why the write is not sent.
	refusal error
	key     Pair
	began   time.Time
	probe   bool
	// worked is the value of the same field of writes when the write began.
	worked int
}

// Enter begins a write of the pair, if necessary after the end of the probe. The caller must call Leave. If the write is refused, or if ctx
// ends while it waits, Send returns the reason.
func (w *Writes) Enter(ctx context.Context, key Pair) *Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	mayWork := func() bool { return w.probes == 0 || !w.common.Matches(key) }
	for w.last != nil && w.probing && mayWork() {
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		w.mu.Lock()
		if err := ctx.Err(); err != nil {
			return &Write{writes: w, refusal: err}
		}
	}
	write := &Write{writes: w, key: key, began: time.Now(), worked: w.worked}
	switch {
	case w.last == nil:
	case !mayWork() && (w.probing || write.began.Before(w.nextProbe)):
		write.refusal = w.last
	default:
		w.probing, write.probe = true, true
	}
	return write
}

// Send calls send, unless the write is refused. send sends the write, and if there is no usable response, it looks up the effect. The error
// is that of send, or an [*Error] with a [Condition] of the kind [NoEffect].
func (w *Write) Send(send func() error) error {
	if w.refusal != nil {
		return w.refusal
	}
	err := send()
	w.writes.mu.Lock()
	defer w.writes.mu.Unlock()
	e, failed := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// The caller did not wait for the response.
	case failed && e.Outcome == OutcomeNotDone && (e.StatusCode == 0 || e.Condition != nil):
		// The write was not sent.
	case failed && e.Method == http.MethodGet:
		// Only the lookup failed.
	case failed && e.isInVain():
		if w.worked == w.writes.worked {
			w.writes.failed(e, w)
		}
	default:
		w.writes.worked++
		w.writes.last, w.writes.probes, w.writes.nextProbe = nil, 0, time.Time{}
	}
	return err
}

// Leave ends the write. If it was the probe, the next one can begin.
func (w *Write) Leave() {
	w.writes.mu.Lock()
	defer w.writes.mu.Unlock()
	w.writes.probing = w.writes.probing && !w.probe
	if w.writes.changed != nil {
		close(w.writes.changed)
		w.writes.changed = nil
	}
}

// failed records a write in vain. Called with mu held.
func (w *Writes) failed(e *Error, write *Write) {
	if w.last == nil {
		w.last, w.since, w.common = e.notSent(&Condition{Kind: NoEffect}), write.began, MembershipFilter(write.key)
	}
	w.last = e.notSent(w.last.Condition)
	if w.common.AccessGroupID != write.key.AccessGroupID {
		w.common.AccessGroupID = ""
	}
	if w.common.UserID != write.key.UserID {
		w.common.UserID = ""
	}
	if write.probe && time.Since(w.since) >= writeBudget {
		w.nextProbe = time.Now().Add(min(writePause<<min(w.probes, 10), maxWritePause))
		w.probes++
	}
}

// isInVain reports a failure that may concern all writes: no response, that of a gateway, or a page. Kantata gives a 409, a 500 or a 501 to
// one write.
func (e *Error) isInVain() bool {
	return e.StatusCode < http.StatusMultipleChoices || e.StatusCode == http.StatusRequestTimeout || e.StatusCode > http.StatusNotImplemented
}
