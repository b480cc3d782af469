package memberships

import (
	"context"
	"slices"
	"sync"
)

// groupCommit hands what has queued up to do, one run at a time: the first goes at once, those that arrive during a run
// go together in the next. There is no timer: a waiting window makes a plan slower than no batching at all.
type groupCommit[T any] struct {
	do func(ctx context.Context, batch []T)

	mu     sync.Mutex
	busy   bool
	queue  []*entry[T]
	cancel context.CancelFunc // ends the run under way
	live   int                // how many still wait for the run under way
}

type entry[T any] struct {
	ctx     context.Context
	value   T
	done    chan struct{}
	started bool
}

// submit returns nil once a run that began after the call has handled value. A run is ended early only when everybody
// whose value is in it has left.
func (g *groupCommit[T]) submit(ctx context.Context, value T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := &entry[T]{ctx: ctx, value: value, done: make(chan struct{})}
	g.mu.Lock()
	g.queue = append(g.queue, e)
	if !g.busy {
		g.busy = true
		go g.run()
	}
	g.mu.Unlock()
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		g.leave(e)
		return ctx.Err()
	}
}

func (g *groupCommit[T]) leave(e *entry[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !e.started {
		g.queue = slices.DeleteFunc(g.queue, func(q *entry[T]) bool { return q == e })
		return
	}
	select {
	case <-e.done:
		return
	default:
	}
	if g.live--; g.live == 0 {
		g.cancel()
	}
}

func (g *groupCommit[T]) run() {
	for {
		g.mu.Lock()
		entries := g.queue
		if len(entries) == 0 {
			g.busy = false
			g.mu.Unlock()
			return
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(entries[0].ctx))
		g.queue, g.cancel, g.live = nil, cancel, len(entries)
		values := make([]T, len(entries))
		for i, e := range entries {
			e.started = true
			values[i] = e.value
		}
		g.mu.Unlock()

		g.do(ctx, values)
		cancel()

		g.mu.Lock()
		for _, e := range entries {
			close(e.done)
		}
		g.mu.Unlock()
	}
}
