package memberships

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// A list that counts as complete has every row that no one touched, whatever is removed and added between any two requests. Each
// request has a delay of its own: with a fixed delay, pages that are read in parallel are read at the same moment.
func TestCompleteIsExact(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{6, 20} {
		complete, refused := 0, 0
		for seed := range uint64(2000) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(rate)))
				f := newFake(0).randomly(seed)
				f.pageSize = 2 + random.IntN(8)
				for i := range f.pageSize + random.IntN(10*f.pageSize) {
					f.add(testPair(i))
				}
				rows := f.all()
				var mu sync.Mutex // guards random and touched
				touched := map[kantata.ID]bool{}
				f.before = func(string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if random.IntN(rate) == 0 {
						m := rows[random.IntN(len(rows))]
						touched[m.ID] = true
						if f.remove(m.ID) && random.IntN(4) > 0 {
							f.add(m.Pair())
						}
					}
					return nil
				}
				got := map[kantata.ID]bool{}
				for m, err := range newStore(f).List(t.Context(), kantata.MembershipFilter{}) {
					if err != nil {
						if refused++; !errors.Is(err, ErrChanging) {
							t.Errorf("seed %d: got %v, want ErrChanging", seed, err)
						}
						return
					}
					got[m.ID] = true
				}
				complete++
				for _, m := range rows {
					if !touched[m.ID] && !got[m.ID] {
						t.Errorf("1 change in %d requests, seed %d: a list that counts as complete lacks membership %s", rate, seed, m.ID)
					}
				}
			})
		}
		t.Logf("1 change in %d requests: %d complete, %d refused", rate, complete, refused)
		if complete < 500 {
			t.Errorf("1 change in %d requests: got %d complete lists of 2000, want at least 500", rate, complete)
		}
	}
}
