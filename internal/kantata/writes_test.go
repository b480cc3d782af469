package kantata

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

var (
	vain    = &Error{Method: "POST", Path: "/x", Outcome: OutcomePending, Err: ErrTimeout}
	refusal = &Error{Method: "POST", Path: "/x", StatusCode: 422, Outcome: OutcomeNotDone}
)

// wrote makes one write with that result and returns its error.
func wrote(ctx context.Context, w *Writes, result error) error {
	return wrotePair(ctx, w, Pair{}, result)
}

func wrotePair(ctx context.Context, w *Writes, key Pair, result error) error {
	write := w.Enter(ctx, key)
	defer write.Leave()
	return write.Send(func() error { return result })
}

// writeInVain makes a write in vain that is not refused.
func writeInVain(t *testing.T, w *Writes) {
	t.Helper()
	if err := wrote(t.Context(), w, vain); !errors.Is(err, vain) {
		t.Errorf("got %v, want the error of the write", err)
	}
}

// older makes the condition and the last probe older.
func (w *Writes) older(by time.Duration) {
	w.since, w.nextProbe = w.since.Add(-by), w.nextProbe.Add(-by)
}

// checkWrites says whether writes are refused.
func checkWrites(t *testing.T, w *Writes, refused bool) {
	t.Helper()
	write := w.Enter(t.Context(), Pair{})
	defer write.Leave()
	if got := write.refusal != nil; got != refused {
		t.Errorf("got the refusal %v, want one: %t", write.refusal, refused)
	}
}

// A write in vain that is the probe makes the others fail with the same condition until a later probe works.
func TestWritesWithoutEffect(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := &Writes{}
		writeInVain(t, w)
		w.older(writeBudget)
		writeInVain(t, w)
		var condition *Condition
		for _, pause := range []time.Duration{30, 60, 120, 240, 480, 600, 600} {
			for _, later := range []time.Duration{pause*time.Second - 1, 1} {
				e := asError(t, wrote(t.Context(), w, nil))
				if condition == nil {
					condition = e.Condition
				}
				if e.Condition != condition || condition.Kind != NoEffect || e.Outcome != OutcomeNotDone || e.Path != "/x" || !hasCause(e, ErrTimeout) {
					t.Errorf("got %+v, want the last write in vain, not done, with one condition of kind %d", e, NoEffect)
				}
				w.older(later)
			}
			probe := w.Enter(t.Context(), Pair{})
			checkWrites(t, w, true) // while the probe is in progress
			if err := probe.Send(func() error { return vain }); !errors.Is(err, vain) {
				t.Errorf("got %v, want the probe %s after the last one", err, pause*time.Second)
			}
			probe.Leave()
		}
		w.older(10 * time.Minute)
		if err := wrote(t.Context(), w, nil); err != nil {
			t.Errorf("got %v, want a probe that works", err)
		}
		// The next condition is another one, and begins from scratch.
		writeInVain(t, w)
		w.older(writeBudget - 1)
		writeInVain(t, w)
		checkWrites(t, w, false)
		w.older(1)
		writeInVain(t, w)
		if e := asError(t, wrote(t.Context(), w, nil)); e.Condition == condition {
			t.Error("got the condition of before, want another one")
		}
		w.older(30 * time.Second)
		checkWrites(t, w, false)
	})
}

// What the result of a write says about the writes after it.
func TestResultsOfWrites(t *testing.T) {
	status := func(status int, outcome Outcome) error { return &Error{StatusCode: status, Outcome: outcome} }
	const (
		nothing = iota
		works
		fails
	)
	for name, c := range map[string]struct {
		err  error
		says int
	}{
		"success":                {nil, works},
		"another error":          {errors.New("the pair exists"), works},
		"a refusal":              {refusal, works},
		"a redirect":             {status(307, OutcomeNotDone), works},
		"409":                    {status(409, OutcomeUnknown), works},
		"500":                    {status(500, OutcomeUnknown), works},
		"501":                    {status(501, OutcomeUnknown), works},
		"303":                    {status(303, OutcomeUnknown), works},
		"300":                    {status(300, OutcomeUnknown), works},
		"no response":            {vain, fails},
		"no response, wrapped":   {fmt.Errorf("uncertain: %w", vain), fails},
		"the end of an outage":   {&Error{Outcome: OutcomePending, Condition: &Condition{Kind: Unreachable}}, fails},
		"a broken connection":    {status(0, OutcomeUnknown), fails},
		"a page":                 {status(200, OutcomeUnknown), fails},
		"299":                    {status(299, OutcomeUnknown), fails},
		"408":                    {status(408, OutcomePending), fails},
		"502":                    {status(502, OutcomeUnknown), fails},
		"504":                    {status(504, OutcomePending), fails},
		"not sent":               {status(0, OutcomeNotDone), nothing},
		"not sent in an outage":  {&Error{Condition: &Condition{Kind: Unreachable}, Outcome: OutcomeNotDone, StatusCode: 0}, nothing},
		"not sent, token":        {&Error{Condition: &Condition{Kind: TokenRejected}, Outcome: OutcomeNotDone, StatusCode: 401}, nothing},
		"canceled":               {&Error{Outcome: OutcomePending, Err: context.Canceled}, nothing},
		"after its deadline":     {&Error{Outcome: OutcomePending, Err: context.DeadlineExceeded}, nothing},
		"canceled before it ran": {context.Canceled, nothing},
		"a failed lookup":        {&Error{Method: "GET", Outcome: OutcomePending}, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := &Writes{}
				_ = wrote(t.Context(), w, c.err)
				if got := w.last != nil; got != (c.says == fails) {
					t.Errorf("got a condition after one write: %t, want %t", got, c.says == fails)
				}
				w = &Writes{}
				_ = wrote(t.Context(), w, vain)
				w.older(writeBudget)
				_ = wrote(t.Context(), w, c.err)
				if got := w.last == nil; got != (c.says == works) {
					t.Errorf("got the end of a condition: %t, want %t", got, c.says == works)
				}
				checkWrites(t, w, c.says == fails)
				if c.says == nothing { // the next write was the probe, and there can be another one
					checkWrites(t, w, false)
				}
			})
		})
	}
}

// A write in vain says nothing if another one has worked since it began: it may concern its own pair only.
func TestWriteInVainWhileOthersWork(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := &Writes{}
		inVain := w.Enter(t.Context(), Pair{})
		_ = wrote(t.Context(), w, nil)
		_ = inVain.Send(func() error { return vain })
		inVain.Leave()
		if w.last != nil {
			t.Errorf("got the condition of %v, want none", w.last)
		}
		// The same for the probe, which then makes no one wait any longer.
		older := w.Enter(t.Context(), Pair{})
		_ = wrote(t.Context(), w, vain)
		probe := w.Enter(t.Context(), Pair{})
		_ = older.Send(func() error { return nil })
		older.Leave()
		checkWrites(t, w, false)
		_ = probe.Send(func() error { return vain })
		probe.Leave()
		checkWrites(t, w, false)
	})
}

// Writes that begin while another one is the first probe wait for its end, whatever it is.
func TestWritesWaitForTheProbe(t *testing.T) {
	for name, c := range map[string]struct {
		probe   func(probe *Write)
		refused int
	}{
		"it works":      {func(probe *Write) { _ = probe.Send(func() error { return nil }) }, 0},
		"it is in vain": {func(probe *Write) { _ = probe.Send(func() error { return vain }) }, 5},
		// Then the next write is the probe.
		"it is not sent": {func(*Write) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := &Writes{}
				_ = wrote(t.Context(), w, vain)
				probe := w.Enter(t.Context(), Pair{})
				errs := make(chan error, 5)
				for range 5 {
					go func() { errs <- wrote(t.Context(), w, nil) }()
				}
				synctest.Wait()
				if len(errs) > 0 {
					t.Errorf("got the end of %d writes, want none before the probe ends", len(errs))
				}
				w.older(writeBudget)
				c.probe(probe)
				probe.Leave()
				refused := 0
				for range 5 {
					if <-errs != nil {
						refused++
					}
				}
				if refused != c.refused {
					t.Errorf("got %d refused writes, want %d", refused, c.refused)
				}
			})
		})
	}
}

func TestWaitForTheProbeEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := &Writes{}
		_ = wrote(t.Context(), w, vain)
		defer w.Enter(t.Context(), Pair{}).Leave()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := wrote(ctx, w, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %s, want the context's error after a second", err, time.Since(start))
		}
	})
}

// If all writes in vain are of one group or of one user, only writes of that one are refused.
func TestWritesOfOneGroupOrUserInVain(t *testing.T) {
	for name, keys := range map[string][]Pair{"group": {{"7", "1"}, {"7", "2"}, {"7", "3"}}, "user": {{"7", "1"}, {"8", "1"}, {"9", "1"}}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w, others := &Writes{}, []Pair{{"10", "11"}, {"12", "13"}}
				_ = wrotePair(t.Context(), w, keys[0], vain)
				w.older(writeBudget)
				_ = wrotePair(t.Context(), w, keys[1], vain)
				if err := wrotePair(t.Context(), w, keys[2], nil); err == nil {
					t.Error("got no error, want a refused write")
				}
				// Another one is the probe, and the next one waits for its end. The refused ones do not.
				probe, other := w.Enter(t.Context(), others[0]), make(chan error)
				go func() { other <- wrotePair(t.Context(), w, others[1], nil) }()
				if err := wrotePair(t.Context(), w, keys[2], nil); err == nil {
					t.Error("got no error, want a refused write")
				}
				synctest.Wait()
				_ = probe.Send(func() error { return vain })
				probe.Leave()
				if err := <-other; err == nil {
					t.Error("got no error, want a refused write, because the writes in vain have nothing in common")
				}
				w.older(2 * writePause)
				if err := wrotePair(t.Context(), w, others[1], nil); err != nil {
					t.Errorf("got %v, want a probe that works", err)
				}
			})
		})
	}
}
