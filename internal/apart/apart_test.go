package apart

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// work is a write or a list that begins and ends after a while. wait is how long it is expected to wait.
type work struct {
	list                bool
	begins, lasts, wait time.Duration
}

func TestWritesAndListsAreKeptApart(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, works := range map[string][]work{
		"writes go on together":   {{lasts: s}, {lasts: s}, {begins: s / 2, lasts: s}},
		"lists go on together":    {{list: true, lasts: s}, {list: true, lasts: s}, {list: true, begins: s / 2, lasts: s}},
		"a list waits for writes": {{lasts: s}, {lasts: 2 * s}, {list: true, begins: s / 2, lasts: s, wait: 3 * s / 2}},
		"a write waits for lists": {{list: true, lasts: s}, {list: true, lasts: 2 * s}, {begins: s / 2, lasts: s, wait: 3 * s / 2}},
		"a list waits for a write after another list": {
			{list: true, lasts: s}, {begins: 2 * s, lasts: s}, {list: true, begins: 5 * s / 2, lasts: s, wait: s / 2},
		},
		"a write waits for a list that waits": {
			{lasts: s}, {list: true, begins: s / 4, lasts: s, wait: 3 * s / 4}, {begins: s / 2, lasts: s, wait: 3 * s / 2},
		},
		"a list that hangs keeps writes waiting once": {
			{list: true, lasts: 60 * s}, {begins: s, lasts: s, wait: 2 * s}, {begins: 2 * s, lasts: s, wait: s}, {begins: 5 * s, lasts: s},
			{list: true, begins: 6 * s, lasts: s},
		},
		"a write that hangs keeps lists waiting once": {
			{lasts: 60 * s}, {list: true, begins: s, lasts: s, wait: 3 * s}, {list: true, begins: 10 * s, lasts: s},
			{begins: 10*s + s/2, lasts: s, wait: s / 2}, {lasts: s, begins: 70 * s}, {list: true, begins: 70*s + s/2, lasts: s, wait: s / 2},
		},
		"a list waits for later writes although one hangs": {
			{lasts: 60 * s}, {list: true, begins: s, lasts: s, wait: 3 * s}, {begins: 10 * s, lasts: s},
			{list: true, begins: 10*s + s/2, lasts: s, wait: s / 2}, {begins: 59 * s, lasts: 2 * s}, {list: true, begins: 60*s + s/2, wait: s / 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var a Apart
				for i, w := range works {
					go func() {
						time.Sleep(w.begins)
						began := time.Now()
						begin := a.Write
						if w.list {
							begin = a.List
						}
						end := begin(t.Context())
						if waited := time.Since(began); waited != w.wait {
							t.Errorf("number %d: got a wait of %s, want %s", i, waited, w.wait)
						}
						time.Sleep(w.lasts)
						end()
					}()
				}
				time.Sleep(10 * time.Minute)
			})
		})
	}
}

func TestWaitsEndWithTheirContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a Apart
		endList := a.List(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		endWrite := a.Write(ctx)
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("got a wait of %s, want that of the context, 1 s", waited)
		}
		endWrite()
		endList()
	})
}
