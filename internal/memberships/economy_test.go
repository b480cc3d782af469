package memberships

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// point is a plan of n memberships in some groups of an account whose rows are spread evenly over more groups.
type point struct{ account, accountGroups, groups, n int }

type cost struct {
	requests, best, pages int
	trips, naive          float64
}

// measure reads the memberships of a point by ID, ten at a time.
func measure(t *testing.T, p point) (c cost) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		var pool []kantata.Membership
		pages := map[int]int{}
		for i := range p.account {
			g := i % p.accountGroups
			m := f.add(kantata.Pair{AccessGroupID: testID(1 + g), UserID: testID(50000 + i)})
			if g < p.groups {
				pool = append(pool, m)
				pages[g]++
			}
		}
		for _, rows := range pages {
			c.pages += (rows + 199) / 200
		}
		c.pages = min(c.pages, (p.account+199)/200)
		n := min(p.n, len(pool))
		c.best = min((n+9)/10, c.pages)
		c.naive = math.Ceil(float64(n) / 10)
		rand.New(rand.NewPCG(1, uint64(n))).Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		s := newStore(f)
		start := time.Now()
		inParallel(t, 10, n, func(i int) error {
			m, err := s.Get(t.Context(), pool[i].ID, pool[i].Pair())
			if err == nil && m != pool[i] {
				err = fmt.Errorf("got %v, want %v", m, pool[i])
			}
			return err
		})
		c.trips = float64(time.Since(start)) / float64(f.latency)
		synctest.Wait()
		time.Sleep(time.Minute)
		c.requests = f.count()
	})
	return c
}

// check returns which targets of "reading many memberships" in DESIGN.md the cost misses.
func (c cost) check(n int) (missed []string) {
	most, trips := 5*c.best+3, math.Inf(1)
	if c.pages <= 10 {
		most, trips = 2*c.best+3, 5.7
	}
	if n <= 10 {
		trips = 1.3
	}
	if c.requests > most {
		missed = append(missed, fmt.Sprintf("%d requests, at most %d allowed", c.requests, most))
	}
	if most := max(n, 3); c.requests > most {
		missed = append(missed, fmt.Sprintf("%d requests for %d memberships", c.requests, n))
	}
	if c.trips > trips {
		missed = append(missed, fmt.Sprintf("%.1f round trips, at most %.1f allowed", c.trips, trips))
	}
	if c.trips > c.naive*1.15+.3 { // 5 ms and more for each round
		missed = append(missed, fmt.Sprintf("%.1f round trips, slower than %.0f with one GET each", c.trips, c.naive))
	}
	return missed
}

func grid() (points []point) {
	for _, a := range []point{{account: 150, accountGroups: 4}, {account: 1600, accountGroups: 8}, {account: 1600, accountGroups: 40},
		{account: 12000, accountGroups: 8}, {account: 12000, accountGroups: 40}, {account: 100000, accountGroups: 40}} {
		for _, groups := range []int{1, 2, 4, 8, 20, 40} {
			for _, n := range []int{1, 2, 3, 4, 5, 10, 11, 15, 20, 30, 40, 60, 100, 200, 300, 500, 1000, 2000, 5000} {
				if groups <= a.accountGroups && n <= a.account*groups/a.accountGroups {
					points = append(points, point{a.account, a.accountGroups, groups, n})
				}
			}
		}
	}
	return points
}

// TestTargets checks the targets on a random sample of a grid; with CURVE set, on the whole grid.
func TestTargets(t *testing.T) {
	points := grid()
	missed := 0
	worst := 0.0
	for i := range points {
		if os.Getenv("CURVE") == "" {
			if i == 40 {
				break
			}
			i = rand.IntN(len(points))
		}
		p := points[i]
		c := measure(t, p)
		worst = max(worst, float64(c.requests-3)/float64(c.best))
		for _, what := range c.check(p.n) {
			missed++
			t.Errorf("%d in %d groups of an account of %d in %d groups: %s (best %d, pages %d)", p.n, p.groups, p.account, p.accountGroups, what, c.best, c.pages)
		}
	}
	if os.Getenv("CURVE") != "" {
		t.Logf("%d points, %d misses, worst (requests-3)/best %.2f", len(points), missed, worst)
	}
}
