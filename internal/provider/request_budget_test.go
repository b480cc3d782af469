package provider

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
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
		for u := range int64(150) {
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
		{name: "plan of 1 of 20,000", arrange: managed(1, 20_000), call: refresh, most: 1},
		{name: "plan of 20 of 20,000", arrange: managed(20, 20_000), call: refresh, most: 5},
		{name: "plan of 200 of 200", arrange: managed(200, 200), call: refresh, most: 3},
		{name: "plan of 200 of 1,600", arrange: managed(200, 1_600), call: refresh, most: 19},
		{name: "import of 200 of 1,600 by pair", arrange: managed(200, 1_600), call: imported, most: 25},
		{name: "a group of 100 removed outside Terraform", arrange: emptied, call: absent, most: 200},
		{name: "apply of 150 creates", arrange: wanted, call: create, posts: 150, most: 24},
	} {
		runInFakeTime(t, c.name, func(t *testing.T, fake *kantatatest.Server) {
			rows := c.arrange(fake)
			fake.SetLatency(50 * time.Millisecond)
			r := newRun(t, fake)
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
	}
}

// TestPlanOfCreatesCosts bounds the requests of a plan that only creates, and of its apply, which plans each create again. They are
// few because people and memberships are read from shared lists.
func TestPlanOfCreatesCosts(t *testing.T) {
	group := func(i, groups int) tftypes.Value {
		return text(fmt.Sprint(int(kantatatest.FinanceApprovers) + i%groups))
	}
	byAddress := func(groups int) func(i int) map[string]tftypes.Value {
		return func(i int) map[string]tftypes.Value {
			address := text(fmt.Sprintf("User%d@example.com", 901+i))
			return map[string]tftypes.Value{"access_group_id": group(i, groups), "user_email_address": address}
		}
	}
	people := func(fake *kantatatest.Server) { fake.SeedMemberships(16, 1_200, 1_600) }
	for _, c := range []struct {
		name        string
		creates     int
		arrange     func(*kantatatest.Server)
		config      func(i int) map[string]tftypes.Value
		plan, apply int // the most requests for the plan, and for plan and apply in addition to the POSTs
	}{
		{
			name: "by ID, in an account of eight pages", creates: 60,
			arrange: func(fake *kantatatest.Server) {
				fake.SeedMemberships(16, 100, 1_600)
				for u := range int64(60) {
					fake.AddUser(kantatatest.FirstUser+1_000_000+u, "New", "")
				}
			},
			config: func(i int) map[string]tftypes.Value {
				return map[string]tftypes.Value{"access_group_id": group(i, 4), "user_id": text(fmt.Sprint(int(kantatatest.FirstUser) + 1_000_000 + i))}
			},
			plan: 20, apply: 40,
		},
		{
			name: "60 people of 1,200 by address in four groups", creates: 60, arrange: people, config: byAddress(4), plan: 30, apply: 60,
		},
		{
			name: "200 people of 1,200 by address in a group", creates: 200, arrange: people, config: byAddress(1), plan: 30, apply: 70,
		},
		{
			name: "200 people of 1,200 by address in four groups", creates: 200, arrange: people, config: byAddress(4), plan: 30, apply: 70,
		},
	} {
		runInFakeTime(t, c.name, func(t *testing.T, fake *kantatatest.Server) {
			c.arrange(fake)
			fake.SetRandomLatency(20*time.Millisecond, 60*time.Millisecond, 1)
			each := func(work func(i int) string) {
				t.Helper()
				var calls errgroup.Group
				calls.SetLimit(terraformParallelism)
				for i := range c.creates {
					calls.Go(func() error {
						if said := work(i); said != "" {
							return errors.New(said)
						}
						return nil
					})
				}
				if err := calls.Wait(); err != nil {
					t.Fatal(err)
				}
			}
			planning := newRun(t, fake)
			each(func(i int) string { return planning.plan(t.Context(), nil, nil, planning.config(c.config(i))).said })
			plan := len(fake.Requests())
			applying := newRun(t, fake)
			each(func(i int) string {
				p := applying.plan(t.Context(), nil, nil, applying.config(c.config(i)))
				_, said := applying.apply(t.Context(), nil, applying.config(c.config(i)), p)
				return p.said + said
			})
			posts := writes(fake, http.MethodPost)
			apply := len(fake.Requests()) - posts
			if plan > c.plan || apply > c.apply || posts != c.creates {
				t.Errorf("got %d requests for the plan, %d for plan and apply, and %d POSTs, want at most %d, at most %d, and %d",
					plan, apply, posts, c.plan, c.apply, c.creates)
			}
			t.Logf("%d requests for the plan, %d for plan and apply, and %d POSTs", plan, apply, posts)
		})
	}
}

// TestLookupsOfOneAddressCost bounds the requests of 60 data sources of one address each.
func TestLookupsOfOneAddressCost(t *testing.T) {
	for _, people := range []int{8, 100, 1200, 20000} {
		runInFakeTime(t, fmt.Sprint(people), func(t *testing.T, fake *kantatatest.Server) {
			fake.SeedMemberships(1, people, 1)
			fake.SetRandomLatency(20*time.Millisecond, 60*time.Millisecond, 1)
			r := newRun(t, fake)
			var calls errgroup.Group
			calls.SetLimit(terraformParallelism)
			for i := range 60 {
				calls.Go(func() error {
					_, said := r.data("kantata_users", map[string]tftypes.Value{
						"email_addresses": set(fmt.Sprintf("user%d@example.com", i+1)), "ignore_missing": tftypes.NewValue(tftypes.Bool, true),
					})
					if said != "" {
						return errors.New(said)
					}
					return nil
				})
			}
			if err := calls.Wait(); err != nil {
				t.Fatal(err)
			}
			if got := len(fake.Requests()); got > 14 {
				t.Errorf("got %d requests, want at most 14", got)
			}
		})
	}
}
