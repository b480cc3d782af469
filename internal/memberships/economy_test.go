package memberships

import (
	"errors"
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
			if i == 15 {
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

// TestRequestCounts checks the numbers of requests, besides POSTs and DELETEs, that an apply or an unusual plan may cost.
func TestRequestCounts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		budget := func(name string, most int, play func(t *testing.T) *fake) {
			bubble(t, fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				f := play(t)
				time.Sleep(time.Minute)
				if got := f.besidesWrites(); got > most {
					t.Errorf("got %d requests, want at most %d: %v", got, most, f.counts)
				}
			})
		}
		// In the process that applies, Terraform plans each create again right before it.
		create := func(t *testing.T, s *Store, pair kantata.Pair) error {
			if _, err := s.Find(t.Context(), pair); !errors.Is(err, ErrAbsent) {
				return fmt.Errorf("got %w, want ErrAbsent", err)
			}
			_, err := s.Create(t.Context(), pair, CreateOptions{})
			return err
		}
		newPair := func(i int) kantata.Pair { return kantata.Pair{AccessGroupID: "7", UserID: testID(90000 + i)} }
		budget("plan of 40 creates in a group of six pages", 21, func(t *testing.T) *fake {
			f, _ := groupOfSixPages()
			s := newStore(f.randomly(seed))
			inParallel(t, 10, 40, func(i int) error {
				if _, err := s.Find(t.Context(), newPair(i)); !errors.Is(err, ErrAbsent) {
					return fmt.Errorf("got %w, want ErrAbsent", err)
				}
				return nil
			})
			return f
		})
		budget("apply of 40 creates in a group of six pages", 21, func(t *testing.T) *fake {
			f, _ := groupOfSixPages()
			s := newStore(f.randomly(seed))
			inParallel(t, 10, 40, func(i int) error { return create(t, s, newPair(i)) })
			return f
		})
		budget("40 removed and added again", 28, func(t *testing.T) *fake {
			f, rows := groupOfSixPages()
			for i := range 40 {
				f.remove(rows[i*25].ID)
				f.add(rows[i*25].Pair())
			}
			s := newStore(f.randomly(seed))
			inParallel(t, 10, 40, func(i int) error {
				m, err := s.Get(t.Context(), rows[i*25].ID, rows[i*25].Pair())
				if err == nil && m.ID == rows[i*25].ID {
					err = fmt.Errorf("got the old ID %s", m.ID)
				}
				return err
			})
			return f
		})
		budget("300 removed from a group of 1,000", 300+100, func(t *testing.T) *fake {
			f, rows := groupOfSixPages()
			for i := range 300 {
				f.remove(rows[i*3].ID)
			}
			s := newStore(f.randomly(seed))
			inParallel(t, 10, 300, func(i int) error {
				if _, err := s.Get(t.Context(), rows[i*3].ID, rows[i*3].Pair()); !errors.Is(err, ErrAbsent) {
					return fmt.Errorf("got %w, want ErrAbsent", err)
				}
				return nil
			})
			return f
		})
		if seed < 1 {
			budget("apply of 1,000 creates in 20 groups", 60, func(t *testing.T) *fake {
				f := newFake(1600).randomly(seed)
				s := newStore(f)
				inParallel(t, 10, 1000, func(i int) error { return create(t, s, testPair(2000+i)) })
				return f
			})
			budget("plan of 1 of 100,000", 1, func(t *testing.T) *fake { return plan(t, seed, 1) })
			budget("plan of 20 of 100,000", 5, func(t *testing.T) *fake { return plan(t, seed, 20) })
		}
	}
}

func plan(t *testing.T, seed uint64, n int) *fake {
	f := newFake(100_000)
	f.randomly(seed)
	f.latency /= 10
	rows := f.all()
	s := newStore(f)
	inParallel(t, 10, n, func(i int) error {
		m := rows[i*len(rows)/n]
		_, err := s.Get(t.Context(), m.ID, m.Pair())
		return err
	})
	return f
}
