package memberships

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/curve"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var curveFile = flag.String("curve", "", "the `file` to which TestTargets writes the cost of every plan of the grid, as JSON")

// TestTargets checks the targets for requests and round trips on a random sample of the grid or, for the benchmark, on the whole grid.
func TestTargets(t *testing.T) {
	plans := curve.Grid()
	if *curveFile == "" {
		rand.Shuffle(len(plans), func(i, j int) { plans[i], plans[j] = plans[j], plans[i] })
		plans = plans[:sampled(30, 3)]
	}
	points := measure(t, plans)
	if *curveFile == "" {
		return
	}
	content, err := json.Marshal(points)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*curveFile, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTargetsOffTheGrid checks the targets for accounts, groups and plans of any size.
func TestTargetsOffTheGrid(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	plans := []curve.Plan{
		{Rows: 12_000, AccountGroups: 40, Groups: 5, Memberships: 40}, {Rows: 2_823, AccountGroups: 37, Groups: 7, Memberships: 95},
		{Rows: 15_770, AccountGroups: 17, Groups: 2, Memberships: 18}, {Rows: 1_698, AccountGroups: 7, Groups: 7, Memberships: 49},
		{Rows: 2_240, AccountGroups: 20, Groups: 9, Memberships: 26}, {Rows: 1_824, AccountGroups: 12, Groups: 10, Memberships: 47},
	}
	for range sampled(400, 60) {
		plan := curve.Plan{AccountGroups: 1 + random.IntN(40)}
		plan.Groups = 1 + random.IntN(plan.AccountGroups)
		inGroup := 1 + int(400*random.Float64()*random.Float64()) // short lists are where the two kinds of lists compete
		plan.Rows = inGroup * plan.AccountGroups
		plan.Memberships = 1 + random.IntN(inGroup*plan.Groups)
		if random.IntN(2) == 0 {
			plan.Memberships = min(plan.Memberships, 1+random.IntN(100))
		}
		plans = append(plans, plan)
	}
	measure(t, plans)
}

// measure returns the cost of the plans, in the same order, and reports the targets that they miss.
func measure(t *testing.T, plans []curve.Plan) []curve.Point {
	t.Helper()
	type account struct{ rows, groups int }
	accounts := map[account]*fake{} // reading changes nothing, so plans share them
	points := make([]curve.Point, len(plans))
	for i, plan := range plans {
		f, ok := accounts[account{plan.Rows, plan.AccountGroups}]
		if !ok {
			f = newFake(0)
			f.rows = slices.Grow(f.rows, plan.Rows)
			for i := range plan.Rows {
				f.add(kantata.Pair{AccessGroupID: testID(1 + i%plan.AccountGroups), UserID: testID(50000 + i)})
			}
			accounts[account{plan.Rows, plan.AccountGroups}] = f
		}
		synctest.Test(t, func(t *testing.T) { points[i] = readAll(t, f, plan) })
		for _, missed := range points[i].Missed() {
			t.Error(missed)
		}
	}
	return points
}

// readAll reads the memberships of a plan by ID, in a random order.
func readAll(t *testing.T, f *fake, plan curve.Plan) curve.Point {
	t.Helper()
	var managed []kantata.Membership
	for g := range plan.Groups {
		managed = append(managed, f.groups[testID(1+g)]...)
	}
	source := rand.New(rand.NewPCG(1, uint64(plan.Memberships)))
	source.Shuffle(len(managed), func(i, j int) { managed[i], managed[j] = managed[j], managed[i] })

	s := newStore(f)
	before, start := f.count(), time.Now()
	inParallel(t, curve.Parallelism, plan.Memberships, func(i int) error {
		m, err := s.Get(t.Context(), managed[i].ID, managed[i].Pair())
		if err == nil && m != managed[i] {
			err = fmt.Errorf("got %v, want %v", m, managed[i])
		}
		return err
	})
	roundTrips := float64(time.Since(start)) / float64(f.latency)
	time.Sleep(time.Minute) // until no list is being read
	return curve.Point{Plan: plan, Requests: f.count() - before, RoundTrips: roundTrips}
}

// A list that the target does not allow yet is read in parts, so that large plans take few round trips. A small plan costs no more for it.
func TestListReadInParts(t *testing.T) {
	f := newFake(1_600)
	cost := func(t *testing.T, n int) (got curve.Point) {
		synctest.Test(t, func(t *testing.T) {
			got = readAll(t, f, curve.Plan{Rows: 1_600, AccountGroups: 20, Groups: 20, Memberships: n})
		})
		return got
	}
	if got := cost(t, 20); got.Requests > 3 {
		t.Errorf("%s: got %d requests, want at most 3", got.Plan, got.Requests)
	}
	trips, plans := 0.0, 0.0
	for n := 100; n <= 1_000; n += 20 {
		trips, plans = trips+cost(t, n).RoundTrips, plans+1
	}
	if average := trips / plans; average > 4 {
		t.Errorf("got %.2f round trips on average for plans of 100 to 1,000 of 1,600 memberships, want at most 4", average)
	}
}

// A part may take as long as the whole list: if it failed sooner, no list would be read for a minute.
func TestSlowListReadInParts(t *testing.T) {
	for _, n := range []int{100, 400} {
		f := newFake(1_600)
		f.latency = 5 * time.Second
		f.before = func(op string, n int) error {
			if op == opAccount && n == 1 { // Kantata becomes slower after the first page
				f.mu.Lock()
				defer f.mu.Unlock()
				f.latency = 11 * time.Second
			}
			return nil
		}
		synctest.Test(t, func(t *testing.T) {
			got := readAll(t, f, curve.Plan{Rows: 1_600, AccountGroups: 20, Groups: 20, Memberships: n})
			if most := 2*got.Best() + 3; got.Requests > most {
				t.Errorf("%s: got %d requests, want at most %d", got.Plan, got.Requests, most)
			}
		})
	}
}
