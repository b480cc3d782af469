package kantata

import "time"

// The constants of the pace. They were chosen in simulations of ten requests a second: fixed, aligned and sliding windows and
// token buckets, 10 and 40 requests at a time, one process and two.
const (
	// Pacing starts with the measured rate times paceMargin. Each later 429 multiplies the rate by paceCut.
	paceMargin, paceCut = 0.95, 0.96
	// slowGrowth is what a response adds to the rate close to the ceiling, distantGrowth what it adds in addition at twice the ceiling.
	slowGrowth, distantGrowth = 0.002, 1
	// searchGrowth is what a response adds while no rate is known that can be relied on.
	searchGrowth = 0.7
	// reliable is the number of responses in the last second that make a measured rate reliable.
	reliable = 8
	// minRate and maxRate are in requests a second. Above maxRate there is no pacing.
	minRate, maxRate = 0.5, 200
)

// pace spaces the requests of the process once Kantata has limited their rate. It finds the highest rate that causes almost no 429: the
// rate grows with each response, slowly near the rate that last caused a 429, and falls with a 429. Two processes with one token reach
// similar shares, because the faster one gets more of the 429s. Its owner passes the time and guards it.
type pace struct {
	rate      float64 // requests a second; 0 while no limit is known
	ceiling   float64 // the rate at the last 429
	measured  bool    // the rate was measured and not reduced since
	searching bool    // the rate was measured from too few responses
	next      time.Time
	recent    []time.Time // the responses of the last second
}

// wait returns how long the next request has to wait.
func (p *pace) wait(now time.Time) time.Duration {
	if p.rate == 0 {
		return 0
	}
	return p.next.Sub(now)
}

// sent plans the request after the one that is sent now.
func (p *pace) sent(now time.Time) {
	if p.rate > 0 {
		p.next = now.Add(p.interval())
	}
}

func (p *pace) interval() time.Duration { return time.Duration(float64(time.Second) / p.rate) }

// passed records a response other than a 429. early says that the request was sent before the last 429.
func (p *pace) passed(now time.Time, early bool) {
	p.forget(now)
	p.recent = append(p.recent, now)
	switch {
	case p.rate == 0:
		return
	case early && p.measured:
		p.measure()
	case p.searching:
		p.rate += searchGrowth
	default:
		distance := p.rate/p.ceiling - 1
		p.rate += slowGrowth + distantGrowth*distance*distance
	}
	if p.rate > maxRate {
		*p = pace{}
	}
}

// limited records a 429 to a request that was sent at the present rate.
func (p *pace) limited(now time.Time) {
	p.forget(now)
	if p.rate == 0 || p.searching {
		p.measure()
		return
	}
	p.ceiling, p.rate, p.measured = p.rate, max(p.rate*paceCut, minRate), false
}

// measure uses the number of responses in the last second as the rate that is allowed.
func (p *pace) measure() {
	p.ceiling = max(float64(len(p.recent)), minRate)
	p.rate = max(p.ceiling*paceMargin, minRate)
	p.measured, p.searching = true, len(p.recent) < reliable
}

func (p *pace) forget(now time.Time) {
	for len(p.recent) > 0 && now.Sub(p.recent[0]) >= time.Second {
		p.recent = p.recent[1:]
	}
}
