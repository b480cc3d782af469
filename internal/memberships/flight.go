package memberships

import (
	"context"
	"sync"
)

// flights makes concurrent calls for one key a single call. Unlike x/sync's singleflight the call has a context of its own,
// which ends when the last of those who wait for it has left: nobody's cancellation fails another, and nothing leaks.
type flights[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*flight[V]
}

type flight[V any] struct {
	cancel  context.CancelFunc
	waiters int
	done    chan struct{}
	value   V
	err     error
}

func (f *flights[K, V]) do(ctx context.Context, key K, fn func(context.Context) (V, error)) (V, error) {
	var zero V
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	f.mu.Lock()
	c := f.calls[key]
	if c == nil {
		shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
		c = &flight[V]{cancel: cancel, done: make(chan struct{})}
		if f.calls == nil {
			f.calls = map[K]*flight[V]{}
		}
		f.calls[key] = c
		go func() {
			defer cancel()
			c.value, c.err = fn(shared)
			f.mu.Lock()
			f.drop(key, c)
			f.mu.Unlock()
			close(c.done)
		}()
	}
	c.waiters++
	f.mu.Unlock()

	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		f.mu.Lock()
		defer f.mu.Unlock()
		if c.waiters--; c.waiters == 0 {
			f.drop(key, c)
			c.cancel()
		}
		return zero, ctx.Err()
	}
}

func (f *flights[K, V]) drop(key K, c *flight[V]) {
	if f.calls[key] == c {
		delete(f.calls, key)
	}
}

// forget lets those who ask from now on start a call of their own: what is under way began before a write.
func (f *flights[K, V]) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.calls)
}
