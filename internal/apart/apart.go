// Package apart keeps writes that move rows from page to page, and lists that are read page by page, apart in one process.
package apart

import (
	"context"
	"sync"
	"time"
)

// limit is how long writes and lists wait for each other.
const limit = 3 * time.Second

// Apart makes lists wait for the writes in progress, and writes wait for the lists. Several writes, or several lists, can be in progress at
// the same time. It is an optimization (rule 13): nothing waits longer than three seconds, and a list that a write has damaged is
// recognized. The zero value is ready.
type Apart struct {
	mu sync.Mutex // guards the fields below
	// writes is the number of writes in progress without those that a list no longer waited for, which began before epoch. lists is the
	// number of lists in progress or waiting.
	writes, lists, epoch int
	// until is when writes no longer wait for the present lists.
	until time.Time
	// changed is closed and replaced when writes or lists becomes 0.
	changed chan struct{}
}

// Write begins a write as soon as no list is in progress. The caller calls end.
func (a *Apart) Write(ctx context.Context) (end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait(ctx, func() bool { return a.lists == 0 })
	a.writes++
	epoch := a.epoch
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if epoch != a.epoch {
			return
		}
		if a.writes--; a.writes == 0 {
			a.change()
		}
	}
}

// List begins a list as soon as no write is in progress. The caller calls end.
func (a *Apart) List(ctx context.Context) (end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lists++; a.lists == 1 {
		a.until = time.Now().Add(limit)
	}
	a.wait(ctx, func() bool { return a.writes == 0 })
	if ctx.Err() == nil { // writes that have not ended yet are no longer waited for
		a.writes = 0
		a.epoch++
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.lists--; a.lists == 0 {
			a.change()
		}
	}
}

// wait waits until free returns true. It is called with the mutex held, and releases it while it waits.
func (a *Apart) wait(ctx context.Context, free func() bool) {
	limited, cancel := context.WithDeadline(ctx, a.until)
	defer cancel()
	for !free() && limited.Err() == nil {
		if a.changed == nil {
			a.changed = make(chan struct{})
		}
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-limited.Done():
		}
		a.mu.Lock()
	}
}

func (a *Apart) change() {
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}
