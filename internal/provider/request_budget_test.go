package provider

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestRequestBudget checks how many requests plans and applies cost: the number grows with the pages of a list and not with the
// resources. It runs in fake time, because the number depends on which calls arrive together.
func TestRequestBudget(t *testing.T) {
	refresh := func(r *run, m kantatatest.Membership) error {
		after, said := r.read(r.t.Context(), stateOf(m))
		if said != "" || after["id"] != fmt.Sprint(m.ID) {
			return fmt.Errorf("read of %d: got %v %s, want the membership", m.ID, after, said)
		}
		return nil
	}
	imported := func(r *run, m kantatatest.Membership) error {
		after, said := r.importID(r.t.Context(), fmt.Sprintf("%d/%d", m.AccessGroupID, m.UserID))
		if said != "" || after["id"] != fmt.Sprint(m.ID) {
			return fmt.Errorf("import of %d: got %v %s, want the membership", m.ID, after, said)
		}
		return nil
	}
	absent := func(r *run, m kantatatest.Membership) error {
		if after, said := r.read(r.t.Context(), stateOf(m)); said != "" || after != nil {
			return fmt.Errorf("read of %d: got %v %s, want its absence", m.ID, after, said)
		}
		return nil
	}
	create := func(r *run, m kantatatest.Membership) error {
		if _, said := r.create(r.t.Context(), fmt.Sprint(m.AccessGroupID), fmt.Sprint(m.UserID)); said != "" {
			return fmt.Errorf("create of %d/%d: got %s, want no message", m.AccessGroupID, m.UserID, said)
		}
		return nil
	}
	managed := func(n, total int) func(*kantatatest.Server) []kantatatest.Membership {
		return func(fake *kantatatest.Server) (rows []kantatatest.Membership) {
			all := fake.SeedMemberships(50, total/50, total)
			for i := range n {
				rows = append(rows, all[i*total/n])
			}
			return rows
		}
	}
	emptied := func(fake *kantatatest.Server) (rows []kantatatest.Membership) {
		for _, m := range fake.SeedMemberships(16, 100, 1_600) {
			if m.AccessGroupID == kantatatest.FinanceApprovers {
				rows = append(rows, m)
				fake.RemoveMembership(m.ID)
			}
		}
		return rows
	}
	wanted := func(fake *kantatatest.Server) (rows []kantatatest.Membership) {
		fake.SeedMemberships(8, 200, 1_600)
		for u := range int64(1_000) {
			user := kantatatest.FirstUser + 1_000_000 + u
			fake.AddUser(user, "New", "")
			rows = append(rows, kantatatest.Membership{AccessGroupID: kantatatest.FinanceApprovers, UserID: user})
		}
		return rows
	}
	for _, c := range []struct {
		name    string
		arrange func(*kantatatest.Server) []kantatatest.Membership
		call    func(*run, kantatatest.Membership) error
		posts   int
		most    int // requests in addition to the POSTs
	}{
		{name: "plan of 1 of 100,000", arrange: managed(1, 100_000), call: refresh, most: 1},
		{name: "plan of 20 of 100,000", arrange: managed(20, 100_000), call: refresh, most: 5},
		{name: "plan of 200 of 200", arrange: managed(200, 200), call: refresh, most: 3},
		{name: "plan of 1,000 of 1,600", arrange: managed(1_000, 1_600), call: refresh, most: 19},
		{name: "import of 1,000 of 1,600 by pair", arrange: managed(1_000, 1_600), call: imported, most: 24},
		{name: "a group of 100 removed outside Terraform", arrange: emptied, call: absent, most: 200},
		{name: "apply of 1,000 creates", arrange: wanted, call: create, posts: 1_000, most: 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
				rows := c.arrange(fake)
				fake.SetLatency(50 * time.Millisecond)
				r := newRun(t, fake, 2, 10*time.Second)
				var group errgroup.Group
				group.SetLimit(terraformParallelism)
				for _, m := range rows {
					group.Go(func() error { return c.call(r, m) })
				}
				if err := group.Wait(); err != nil {
					t.Fatal(err)
				}
				posts := writes(fake, "POST")
				if others := len(fake.Requests()) - posts; posts != c.posts || others > c.most {
					t.Errorf("got %d POSTs and %d other requests, want %d and at most %d", posts, others, c.posts, c.most)
				} else {
					t.Logf("%d POSTs and %d other requests", posts, others)
				}
			})
		})
	}
}
