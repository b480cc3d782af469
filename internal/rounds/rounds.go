// Package rounds gathers calls that arrive together, so that they can share requests.
package rounds

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Gatherer forms rounds of calls. A round of one call starts after Quiet. A round of several, which more may follow, starts when none has
// arrived for twice that time, and after Most at the latest. Rounds may overlap.
type Gatherer[Call any] struct {
	Quiet, Most time.Duration
	// Serve gives each call of a round its result. Its context ends when all callers have left without one. It does not end with the last
	// result, because what a round reads may be useful after that.
	Serve func(ctx context.Context, calls []Call)

	mu        sync.Mutex // guards gathering, and the calls and callers of rounds
	gathering *round[Call]
}

type round[Call any] struct {
	ctx     context.Context
	cancel  context.CancelFunc
	calls   []Call
	callers int
}

// Join adds the call to a round and waits until done, which Serve closes. If ctx ends first, the error is that of ctx, and the call must
// not be read.
func (g *Gatherer[Call]) Join(ctx context.Context, call Call, done <-chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := g.add(ctx, call)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.callers--; r.callers == 0 {
		r.cancel()
		g.close(r)
	}
	return ctx.Err()
}

func (g *Gatherer[Call]) add(ctx context.Context, call Call) *round[Call] {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.gathering
	if r == nil {
		r = &round[Call]{}
		r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // serve calls it
		g.gathering = r
		go g.serve(r)
	}
	r.calls = append(r.calls, call)
	r.callers++
	return r
}

func (g *Gatherer[Call]) serve(r *round[Call]) {
	defer r.cancel()
	pause := time.NewTicker(g.Quiet)
	defer pause.Stop()
	before, grown, waited := 1, time.Duration(0), g.Quiet
	for {
		select {
		case <-pause.C:
		case <-r.ctx.Done():
			return
		}
		g.mu.Lock()
		n := len(r.calls)
		if n > before {
			grown = waited
		}
		if n == 1 || waited-grown > g.Quiet || waited >= g.Most {
			g.close(r)
			g.mu.Unlock()
			break
		}
		g.mu.Unlock()
		before, waited = n, waited+g.Quiet
	}
	g.Serve(r.ctx, r.calls)
}

// Gathering returns the calls of the round that has not begun. A call whose result is known by now does not need to wait for the round, so
// the next call of its caller can still join it.
func (g *Gatherer[Call]) Gathering() []Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gathering == nil {
		return nil
	}
	return slices.Clone(g.gathering.calls)
}

// close keeps further calls out of the round. The mutex is held.
func (g *Gatherer[Call]) close(r *round[Call]) {
	if g.gathering == r {
		g.gathering = nil
	}
}
