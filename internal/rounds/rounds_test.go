package rounds

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// call is a call whose caller waits for done.
type call struct {
	name string
	done chan struct{}
}

// recorder serves rounds: it notes the calls of each, and gives them their results after a second.
type recorder struct {
	mu     sync.Mutex // guards the fields below
	rounds [][]string
	ended  int // rounds whose context ended before their results
}

func (r *recorder) serve(ctx context.Context, calls []*call) {
	var names []string
	for _, c := range calls {
		names = append(names, c.name)
	}
	slices.Sort(names)
	r.mu.Lock()
	r.rounds = append(r.rounds, names)
	r.mu.Unlock()
	select {
	case <-time.After(time.Second):
		for _, c := range calls {
			close(c.done)
		}
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended++
	}
}

// join calls Join after a delay and returns a channel for its error.
func join(ctx context.Context, g *Gatherer[*call], name string, after time.Duration) <-chan error {
	failed := make(chan error, 1)
	go func() {
		time.Sleep(after)
		c := &call{name: name, done: make(chan struct{})}
		failed <- g.Join(ctx, c, c.done)
	}()
	return failed
}

func newGatherer() (*Gatherer[*call], *recorder) {
	r := &recorder{}
	return &Gatherer[*call]{Quiet: 5 * time.Millisecond, Most: 25 * time.Millisecond, Serve: r.serve}, r
}

func TestCallsThatArriveTogetherShareARound(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		after []time.Duration
		want  [][]string
	}{
		"one":                   {[]time.Duration{0}, [][]string{{"a"}}},
		"together":              {[]time.Duration{0, 0, 0}, [][]string{{"a", "b", "c"}}},
		"shortly one by one":    {[]time.Duration{0, 3 * ms, 7 * ms}, [][]string{{"a", "b", "c"}}},
		"after the round began": {[]time.Duration{0, 6 * ms}, [][]string{{"a"}, {"b"}}},
		"several, and one more": {[]time.Duration{0, ms, 14 * ms}, [][]string{{"a", "b", "c"}}},
		"several, and one late": {[]time.Duration{0, ms, 16 * ms}, [][]string{{"a", "b"}, {"c"}}},
		"without a pause": {
			[]time.Duration{0, 4 * ms, 8 * ms, 12 * ms, 16 * ms, 21 * ms, 26 * ms}, [][]string{{"a", "b", "c", "d", "e", "f"}, {"g"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, r := newGatherer()
				var results []<-chan error
				for i, after := range c.after {
					results = append(results, join(t.Context(), g, string(rune('a'+i)), after))
				}
				for i, result := range results {
					if err := <-result; err != nil {
						t.Errorf("call %d: got the error %v, want none", i, err)
					}
				}
				if !slices.EqualFunc(r.rounds, c.want, slices.Equal) {
					t.Errorf("got the rounds %q, want %q", r.rounds, c.want)
				}
			})
		})
	}
}

// A round ends when its last caller leaves, and not before (rule 9).
func TestCallersLeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leave, stay   int
		at            time.Duration
		rounds, ended int
	}{
		"all, before the round begins":  {leave: 2, at: time.Millisecond, rounds: 1},
		"all, in the round":             {leave: 2, at: 100 * time.Millisecond, rounds: 2, ended: 1},
		"some, before the round begins": {leave: 1, stay: 1, at: time.Millisecond, rounds: 2},
		"some, in the round":            {leave: 1, stay: 1, at: 100 * time.Millisecond, rounds: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, r := newGatherer()
				ctx, cancel := context.WithCancel(t.Context())
				var left, stayed []<-chan error
				for range c.leave {
					left = append(left, join(ctx, g, "leaves", 0))
				}
				for range c.stay {
					stayed = append(stayed, join(t.Context(), g, "stays", 0))
				}
				time.Sleep(c.at)
				began := time.Now()
				cancel()
				for _, result := range left {
					if err := <-result; !errors.Is(err, context.Canceled) || time.Since(began) > 0 {
						t.Errorf("got the error %v after %s, want %v at once", err, time.Since(began), context.Canceled)
					}
				}
				// A call after all have left begins another round.
				for _, result := range append(stayed, join(t.Context(), g, "next", time.Duration(c.stay)*time.Second)) {
					if err := <-result; err != nil {
						t.Errorf("got the error %v, want none", err)
					}
				}
				if len(r.rounds) != c.rounds || r.ended != c.ended {
					t.Errorf("got %d rounds and %d ended, want %d and %d: %q", len(r.rounds), r.ended, c.rounds, c.ended, r.rounds)
				}
				if err := g.Join(ctx, &call{}, nil); !errors.Is(err, context.Canceled) {
					t.Errorf("got the error %v of a call that was canceled before, want %v", err, context.Canceled)
				}
			})
		})
	}
}

func TestGathering(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGatherer()
		if got := g.Gathering(); len(got) != 0 {
			t.Errorf("got %d calls before the first, want none", len(got))
		}
		result := join(t.Context(), g, "a", 0)
		synctest.Wait()
		if got := g.Gathering(); len(got) != 1 || got[0].name != "a" {
			t.Errorf("got %d calls, want only the call a", len(got))
		}
		time.Sleep(100 * time.Millisecond)
		if got := g.Gathering(); len(got) != 0 {
			t.Errorf("got %d calls of a round that has begun, want none", len(got))
		}
		if err := <-result; err != nil {
			t.Errorf("got the error %v, want none", err)
		}
	})
}
