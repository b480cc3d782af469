package kantata

import (
	"errors"
	"testing"
	"time"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	cause := &Error{Err: errors.New("cause"), Outcome: OutcomePending}
	b := breaker{kind: Unreachable, budget: 30 * time.Second, spare: time.Second, low: time.Second, high: 4 * time.Second}
	check := func(when float64, key string, want decision) {
		t.Helper()
		got := b.decide(at(when), key)
		if got.probe != want.probe || got.limit != want.limit || got.wait != want.wait || (got.refusal == nil) != (want.refusal == nil) {
			t.Errorf("at %g s, %s: got %+v, want %+v", when, key, got, want)
		}
		if r := got.refusal; r != nil && (!errors.Is(r, cause.Err) || r.Outcome != OutcomeNotDone || r.Condition != b.condition) {
			t.Errorf("at %g s: got refusal %+v, want one of the condition, not done", when, r)
		}
	}
	refused := decision{refusal: cause}

	check(0, "a", decision{})
	b.fail(at(0), at(0), "a", false, cause, 2*time.Second)
	check(0, "a", decision{wait: 2 * time.Second})
	check(1, "b", decision{wait: time.Second})
	// Another request in flight fails, too. It changes nothing.
	b.fail(at(1), at(1), "a", false, cause, 20*time.Second)
	check(1, "b", decision{wait: time.Second})
	b.delay(at(1.5))
	check(1, "b", decision{wait: time.Second})
	b.delay(at(3))
	check(2, "b", decision{wait: time.Second})
	check(3, "b", decision{probe: true, limit: 10 * time.Second})
	check(27, "b", decision{probe: true, limit: 3 * time.Second})
	check(30, "a", decision{probe: true, limit: time.Second})
	check(30, "b", decision{probe: true, limit: 2 * time.Second})
	b.probing = true
	check(3, "c", decision{wait: 27 * time.Second})
	check(29, "c", decision{wait: time.Second})
	check(30, "c", refused)
	b.fail(at(30), at(30), "a", true, cause, 5*time.Second)
	b.probing = false
	// Only "a" has failed. The fault may concern "a" only, so "b" is tried.
	check(30, "b", decision{probe: true, limit: 2 * time.Second})
	check(31, "a", refused)
	check(31, "b", decision{probe: true, limit: 2 * time.Second})
	b.fail(at(31), at(31), "b", true, cause, 5*time.Second)
	check(32, "a", refused)
	check(32, "c", refused)
	// A probe goes out from time to time.
	check(45.9, "a", refused)
	check(46, "a", decision{probe: true, limit: time.Second})
	first := b.condition
	b.end()
	check(46, "a", decision{})
	// The second one began before the request failed.
	b.fail(at(37), at(36), "a", false, cause, 0)
	if b.condition == first || b.number != 2 || b.condition.Kind != Unreachable {
		t.Errorf("got condition %+v and number %d, want a second one", b.condition, b.number)
	}
	if left := b.left(at(40)); left != 26*time.Second {
		t.Errorf("got %s left, want 26 s", left)
	}
	// Without a pause of its own, the breaker doubles its waits.
	for i, most := range []time.Duration{2, 4, 4} {
		b.fail(at(37), at(37), "a", true, cause, 0)
		if pause := b.nextProbe.Sub(at(37)); pause < most*time.Second/2 || pause > most*time.Second {
			t.Errorf("probe %d: got a pause of %s, want half of %d s to %d s", i+2, pause, most, most)
		}
	}
	// Probes in the last second or later are rare.
	for pause, want := range map[time.Duration]time.Duration{
		5 * time.Second: 5 * time.Second, 5001 * time.Millisecond: 15001 * time.Millisecond, 7 * time.Second: 17 * time.Second,
	} {
		b.fail(at(60), at(60), "a", true, cause, pause)
		if got := b.nextProbe.Sub(at(60)); got != want {
			t.Errorf("got the next probe after %s, want %s", got, want)
		}
	}
}

func TestJittered(t *testing.T) {
	t.Parallel()
	for n, most := range map[int]time.Duration{
		1: 500 * time.Millisecond, 2: time.Second, 5: 8 * time.Second, 6: 15 * time.Second, 999: 15 * time.Second,
	} {
		for range 100 {
			if got := jittered(500*time.Millisecond, 15*time.Second, n); got < most/2 || got > most {
				t.Errorf("%d: got %s, want %s to %s", n, got, most/2, most)
			}
		}
	}
	if got := jittered(time.Nanosecond, time.Nanosecond, 1); got != 0 {
		t.Errorf("got %s for the shortest wait, want 0", got)
	}
	if got := jittered(time.Minute, time.Second, 1); got > time.Second {
		t.Errorf("got %s, want at most the upper bound", got)
	}
}
