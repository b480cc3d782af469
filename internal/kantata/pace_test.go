package kantata

import (
	"math"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var p pace
	passed := func(n int) {
		for range n {
			p.passed(now, false)
		}
	}
	rate := func(want float64, searching bool) {
		t.Helper()
		if math.Abs(p.rate-want) > 1e-9 || p.searching != searching {
			t.Errorf("got a rate of %g (searching %t), want %g (%t)", p.rate, p.searching, want, searching)
		}
	}

	passed(1000)
	p.sent(now)
	if p.rate != 0 || p.wait(now) != 0 || !p.next.IsZero() {
		t.Errorf("got %+v, want no pace without a 429", p)
	}
	// Only the responses of the last second count.
	now = now.Add(time.Second)
	passed(10)
	p.limited(now)
	rate(9.5, false)
	// A response to a request that was sent earlier belongs to what was let through.
	p.passed(now, true)
	rate(11*0.95, false)
	p.ceiling, p.rate = 10, 9.5
	p.sent(now)
	if got, want := p.wait(now), 105263157*time.Nanosecond; got != want {
		t.Errorf("got a wait of %s, want %s", got, want)
	}
	now = now.Add(time.Second)
	if got := p.wait(now); got > 0 {
		t.Errorf("got a wait of %s after a second, want none", got)
	}
	// Near the ceiling of 10, the rate grows slowly. Far from it, it grows fast.
	passed(1)
	rate(9.5+0.002+0.0025, false)
	p.rate = 20
	passed(1)
	rate(20+0.002+1, false)
	p.rate = 10
	p.limited(now)
	rate(9.6, false)
	p.passed(now, true)
	rate(9.6+0.002+0.0016, false)
	if p.ceiling != 10 {
		t.Errorf("got a ceiling of %g, want 10", p.ceiling)
	}
	p.rate = 0.51
	p.limited(now)
	rate(0.5, false)
	p.rate = 201
	passed(1)
	if p.rate != 0 {
		t.Errorf("got a rate of %g, want no pacing above %d", p.rate, maxRate)
	}

	p = pace{rate: 199.3, searching: true}
	passed(1)
	rate(200, true)

	// A rate that was measured from few responses is a guess.
	p = pace{}
	passed(7)
	p.limited(now)
	rate(7*0.95, true)
	passed(1)
	rate(7*0.95+0.7, true)
	p.limited(now)
	rate(8*0.95, false)
	p = pace{}
	p.limited(now)
	rate(0.5, true)
}
