package memberships

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// TestRequestCounts checks the numbers of requests, besides POSTs and DELETEs, that an apply or an unusual plan may cost.
func TestRequestCounts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(sampled(6, 2)) {
		budget := func(name string, most int, play func(t *testing.T) *fake) {
			bubble(t, fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				f := play(t)
				time.Sleep(time.Minute)
				if got := f.besidesWrites(); got > most {
					t.Errorf("got %d requests, want at most %d: %v", got, most, f.counts)
				}
			})
		}
		plan := func(t *testing.T, s *Store, pair kantata.Pair) error {
			if _, err := s.Find(t.Context(), pair); !errors.Is(err, ErrAbsent) {
				return fmt.Errorf("got %w, want ErrAbsent", err)
			}
			return nil
		}
		// In the process that applies, Terraform plans each create again right before it. The provider looks it up until the first write.
		create := func(t *testing.T, s *Store, pair kantata.Pair) error {
			s.mu.Lock()
			writes := len(s.pairs)
			s.mu.Unlock()
			if writes == 0 {
				if err := plan(t, s, pair); err != nil {
					return err
				}
			}
			_, err := s.Create(t.Context(), pair, false)
			return err
		}
		newPair := func(i int) kantata.Pair { return kantata.Pair{AccessGroupID: "7", UserID: testID(90000 + i)} }
		for _, rows := range []int{1100, 1200} { // own creates begin a seventh page in the second group, after its first page is read
			budget(fmt.Sprintf("plan of 40 creates in a group of %d", rows), 21, func(t *testing.T) *fake {
				f, _ := groupOfSixPages(rows)
				s := newStore(f.randomly(seed))
				inParallel(t, 10, 40, func(i int) error { return plan(t, s, newPair(i)) })
				return f
			})
			budget(fmt.Sprintf("apply of 40 creates in a group of %d", rows), 21, func(t *testing.T) *fake {
				f, _ := groupOfSixPages(rows)
				if rows == 1100 {
					f.randomly(seed)
				}
				s := newStore(f)
				inParallel(t, 10, 40, func(i int) error { return create(t, s, newPair(i)) })
				return f
			})
		}
		budget("40 removed and added again", 28, func(t *testing.T) *fake {
			f, rows := groupOfSixPages(1100)
			for i := range 40 {
				f.remove(rows[i*25].ID)
				f.add(rows[i*25].Pair())
			}
			s := newStore(f.randomly(seed))
			inParallel(t, 10, 40, func(i int) error {
				m, err := s.Get(t.Context(), rows[i*25].ID, rows[i*25].Pair())
				if err == nil && m.ID == rows[i*25].ID {
					err = fmt.Errorf("got the old ID %s, want the new one", m.ID)
				}
				return err
			})
			return f
		})
		budget("apply of 1,000 creates in 20 groups", 60, func(t *testing.T) *fake {
			f := newFake(1700)
			if seed > 0 {
				f.randomly(seed)
			}
			s := newStore(f)
			inParallel(t, 10, 1000, func(i int) error { return create(t, s, testPair(2000+i)) })
			return f
		})
		if seed == 0 {
			budget("plan of 80 creates in four groups of one page, one after the other", 14, func(t *testing.T) *fake {
				f := newFake(1600)
				s := newStore(f)
				inParallel(t, 10, 80, func(i int) error {
					return plan(t, s, kantata.Pair{AccessGroupID: testID(1 + i/20), UserID: testID(90_000 + i)})
				})
				return f
			})
			budget("plan of 300 creates in 20 groups of three pages", 200, func(t *testing.T) *fake {
				f := newFake(12_000)
				s := newStore(f)
				inParallel(t, 10, 300, func(i int) error { return plan(t, s, testPair(20_000+i)) })
				return f
			})
		}
		if seed == 0 && !testing.Short() {
			budget("plan of 1 of 100,000", 1, func(t *testing.T) *fake { return planExisting(t, seed, 1) })
			budget("plan of 20 of 100,000", 5, func(t *testing.T) *fake { return planExisting(t, seed, 20) })
		}
	}
}

// Lists save requests and never make an apply slower than one lookup and one POST for each create. If a few short lists answer all, it
// takes two round trips more than the POSTs.
func TestCreatesAreNotSlowerThanOneByOne(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{150, 1600, 4000, 12000} {
		for _, groups := range []int{1, 4, 20} {
			for _, n := range []int{10, 20, 40, 100, 300} {
				bubble(t, fmt.Sprintf("%d creates in %d groups, account of %d", n, groups, rows), func(t *testing.T) {
					f := newFake(rows)
					s := newStore(f)
					began := time.Now()
					inParallel(t, 10, n, func(i int) error {
						_, err := s.Create(t.Context(), testPair(20000+20*(i/groups)+i%groups), false)
						return err
					})
					waves := time.Duration((n + 9) / 10)
					most := waves * (2*f.latency + gather)
					if rows <= 1600 || groups <= 4 {
						most = min(most, (waves+2)*f.latency+2*gather)
					}
					if got := time.Since(began); got > most {
						t.Errorf("got a duration of %v, want at most %v", got, most)
					}
					awaitLists(s)
				})
			}
		}
	}
}

// 300 memberships of a large group were removed outside Terraform. Each costs the GET that rule 1 demands, and the group's list is read
// once: its six pages, and the five seams between them.
func TestManyRemovedOutsideTerraform(t *testing.T) {
	t.Parallel()
	for seed := range uint64(sampled(6, 2)) {
		bubble(t, fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			f, rows := groupOfSixPages(1100)
			for i := range 300 {
				f.add(kantata.Pair{AccessGroupID: "7", UserID: testID(80000 + i)})
				f.remove(rows[i*3].ID)
			}
			s := newStore(f.randomly(seed))
			inParallel(t, 10, 300, func(i int) error {
				if _, err := s.Get(t.Context(), rows[i*3].ID, rows[i*3].Pair()); !errors.Is(err, ErrAbsent) {
					return fmt.Errorf("got %w, want ErrAbsent", err)
				}
				return nil
			})
			time.Sleep(time.Minute)
			if pages := f.count(opGroup); pages > 11 {
				t.Errorf("got %d requests for the group's list, want at most 11", pages)
			}
			if got := f.count(opGet); got != 300 {
				t.Errorf("got %d GETs by ID, want 300", got)
			}
			if got := f.count(opPair, opIDs, opAccount); got > 25 {
				t.Errorf("got %d other requests, want at most 25: %v", got, f.counts)
			}
		})
	}
}

func planExisting(t *testing.T, seed uint64, n int) *fake {
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
