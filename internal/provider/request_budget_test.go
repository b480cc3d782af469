package provider

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// terraformParallelism is how many resources Terraform works on at once.
const terraformParallelism = 10

func stateOf(m kantatatest.Membership) state {
	return state{
		"id": fmt.Sprint(m.ID), "access_group_id": fmt.Sprint(m.AccessGroupID), "user_id": fmt.Sprint(m.UserID),
		"access_group_name": m.AccessGroupName, "user_name": m.UserName,
	}
}

// TestRequestBudget holds the number of requests that plans and applies cost: it must grow with the pages of the list
// and not with the resources.
func TestRequestBudget(t *testing.T) {
	t.Parallel()

	refresh := func(r *run, m kantatatest.Membership) error {
		after, said := r.read(t.Context(), stateOf(m))
		if said != "" || after["id"] != fmt.Sprint(m.ID) {
			return fmt.Errorf("reading %d gave %v %s", m.ID, after, said)
		}
		return nil
	}
	imported := func(r *run, m kantatatest.Membership) error {
		after, said := r.importID(t.Context(), fmt.Sprintf("%d/%d", m.AccessGroupID, m.UserID))
		if said != "" || after["id"] != fmt.Sprint(m.ID) {
			return fmt.Errorf("importing %d gave %v %s", m.ID, after, said)
		}
		return nil
	}
	for _, c := range []struct {
		name           string
		managed, total int
		most           int
		play           func(*run, kantatatest.Membership) error
	}{
		{"plan of 1 of 100,000", 1, 100_000, 2, refresh},
		{"plan of 20 of 100,000", 20, 100_000, 8, refresh},
		{"plan of 200 of 200", 200, 200, 3, refresh},
		{"plan of 1,000 of 1,600", 1_000, 1_600, 12, refresh},
		{"import of 1,000 of 1,600 by pair", 1_000, 1_600, 20, imported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			fake := kantatatest.New()
			t.Cleanup(fake.Close)
			rows := fake.SeedMemberships(50, c.total/50, c.total)
			fake.SetLatency(50 * time.Millisecond)
			r := newRun(t, fake, 2, 10*time.Second)
			var group errgroup.Group
			group.SetLimit(terraformParallelism)
			for i := range c.managed {
				group.Go(func() error { return c.play(r, rows[i*c.total/c.managed]) })
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			if got := len(fake.Requests()); got > c.most {
				t.Errorf("%d requests, want at most %d", got, c.most)
			} else {
				t.Logf("%d requests", got)
			}
		})
	}

	t.Run("a group of 100 removed by hand", func(t *testing.T) {
		t.Parallel()

		const removed = 100
		fake := kantatatest.New()
		t.Cleanup(fake.Close)
		rows := fake.SeedMemberships(16, 100, 1_600)
		var emptied []kantatatest.Membership
		for _, m := range rows {
			if m.AccessGroupID == kantatatest.FinanceApprovers {
				emptied = append(emptied, m)
				fake.RemoveMembership(m.ID)
			}
		}
		fake.SetLatency(20 * time.Millisecond)
		r := newRun(t, fake, 2, 10*time.Second)
		var group errgroup.Group
		group.SetLimit(terraformParallelism)
		for _, m := range emptied {
			group.Go(func() error {
				if after, said := r.read(t.Context(), stateOf(m)); said != "" || after != nil {
					return fmt.Errorf("reading %d gave %v %s", m.ID, after, said)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := len(fake.Requests()); len(emptied) != removed || got > 2*removed {
			t.Errorf("%d memberships were confirmed gone with %d requests, want at most %d", len(emptied), got, 2*removed)
		} else {
			t.Logf("%d requests", got)
		}
	})

	t.Run("apply of 1,000 creates", func(t *testing.T) {
		t.Parallel()

		const creates = 1_000
		fake := kantatatest.New()
		t.Cleanup(fake.Close)
		fake.SeedMemberships(10, 200, 0)
		fake.SeedMemberships(8, 200, 1_600)
		fake.SetLatency(5 * time.Millisecond)
		r := newRun(t, fake, 2, 10*time.Second)
		for u := range creates {
			fake.AddUser(kantatatest.FirstUser+1_000_000+int64(u), "New", "")
		}
		var group errgroup.Group
		group.SetLimit(terraformParallelism)
		for u := range creates {
			group.Go(func() error {
				if _, said := r.create(t.Context(), fmt.Sprint(kantatatest.FinanceApprovers), fmt.Sprint(kantatatest.FirstUser+1_000_000+u)); said != "" {
					return fmt.Errorf("create said %s", said)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if posts, all := writes(fake, "POST"), len(fake.Requests()); posts != creates || all > creates+60 {
			t.Errorf("%d POSTs of %d requests, want %d of at most %d", posts, all, creates, creates+60)
		} else {
			t.Logf("%d POSTs of %d requests", posts, all)
		}
	})
}
