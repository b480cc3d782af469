package kantata

import (
	"math/rand/v2"
	"time"
)

// probeTimeout limits a probe, because other requests wait for it.
const probeTimeout = 10 * time.Second

// rareProbes is how much longer than spare the pause between two probes is once the budget is used up.
const rareProbes = 10

// breaker follows one condition of the whole process (rule 12). While the condition holds, one request at a time is sent as a probe,
// and the others wait. Once the condition has held for longer than its budget, the others fail at once, and a probe is still sent from
// time to time. It has no clock and no lock: its owner passes the time and guards it.
type breaker struct {
	kind ConditionKind
	// budget is how long requests wait. spare is the time that is left after that, to find out whether only one request is affected.
	budget, spare time.Duration
	low, high     time.Duration // bounds of the wait between two probes

	// since is when the condition began; zero while it does not hold.
	since time.Time
	// number counts the conditions, so that a request knows whether it fails because of the same one again.
	number    int
	failures  int
	probing   bool
	nextProbe time.Time
	// only is the request that failed if it is the only one that did; "" if others failed too.
	only string
	last Error
	// condition is shared by the errors that the present condition causes.
	condition *Condition
}

// decision is what a request may do.
type decision struct {
	// probe says that the request is sent while the condition holds, and limit how long it may take.
	probe bool
	limit time.Duration
	// wait is how long to wait before asking again; 0 means that the request may be sent.
	wait time.Duration
	// refusal is why the request fails at once.
	refusal *Error
}

func (b *breaker) holds() bool { return !b.since.IsZero() }

// decide says what the request may do now. The caller sets probing if it sends a probe.
func (b *breaker) decide(now time.Time, key string) decision {
	if !b.holds() {
		return decision{}
	}
	left, pause := b.left(now), b.nextProbe.Sub(now)
	switch {
	case !b.probing && pause <= 0 && left > 0:
		return decision{probe: true, limit: min(left, probeTimeout)}
	case !b.probing && left <= 0 && b.only != "" && b.only != key:
		// Only one other request has failed, for example a list that Kantata never returns. This one may succeed.
		return decision{probe: true, limit: 2 * b.spare}
	case !b.probing && pause <= 0:
		// The run is about to end, so it does not wait long for a host that hangs.
		return decision{probe: true, limit: b.spare}
	case left <= 0:
		return decision{refusal: b.last.notSent(b.condition)}
	case b.probing:
		return decision{wait: left}
	}
	return decision{wait: min(left, pause)}
}

// left is what remains of the budget.
func (b *breaker) left(now time.Time) time.Duration { return b.since.Add(b.budget).Sub(now) }

// fail records a request that failed because of the condition. If the condition does not hold, it holds from begin. probe says that the
// request was the probe. pause is how long to wait before the next one; 0 leaves that to the breaker.
func (b *breaker) fail(now, begin time.Time, key string, probe bool, e *Error, pause time.Duration) {
	begins := !b.holds()
	if begins {
		b.number++
		b.since, b.failures, b.only = begin, 0, key
		b.condition = &Condition{Kind: b.kind}
	}
	b.last = *e
	if key != b.only {
		b.only = ""
	}
	if !begins && !probe {
		return
	}
	b.failures++
	if pause == 0 {
		pause = jittered(b.low, b.high, b.failures)
	}
	b.nextProbe = now.Add(pause)
	// A probe needs some time. Once the budget does not leave it, the run is about to end, and probes are rare so that they do not delay it.
	if b.left(b.nextProbe) < b.spare {
		b.nextProbe = b.nextProbe.Add(rareProbes * b.spare)
	}
}

// delay delays the next probe.
func (b *breaker) delay(until time.Time) {
	if until.After(b.nextProbe) {
		b.nextProbe = until
	}
}

// end records that the condition does not hold, or no longer holds.
func (b *breaker) end() { b.since, b.probing = time.Time{}, false }

// jittered returns between half and the whole of low x 2^(n-1), at most high. The jitter spreads requests that failed together.
func jittered(low, high time.Duration, n int) time.Duration {
	wait := low
	for i := 1; i < n && wait < high; i++ {
		wait *= 2
	}
	wait = min(wait, high)
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // jitter is no secret
}
