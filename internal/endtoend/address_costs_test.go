package endtoend

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// manyByAddress has so many memberships by address in four groups, of the people from the first on.
func manyByAddress(first, n int) string {
	return fmt.Sprintf(providerBlock+`
resource "kantata_access_group_membership" "many" {
  for_each           = toset([for i in range(%d, %d) : "user${i}@example.com"])
  access_group_id    = tostring(340001 + tonumber(replace(each.key, "/[^0-9]/", "")) %% 4)
  user_email_address = each.key
}
`, first, first+n)
}

// TestCostsOfAddresses bounds the requests of plans and applies in an account of 1,200 people.
func TestCostsOfAddresses(t *testing.T) {
	t.Parallel()
	kantata := kantatatest.New()
	kantata.SeedMemberships(4, 1200, 400)
	kantata.SetRandomLatency(20*time.Millisecond, 60*time.Millisecond, 1)
	w := newWorkspace(t, kantata)
	atMost := func(what string, got, want int) {
		t.Helper()
		t.Logf("%s: %d requests", what, got)
		if got > want {
			t.Errorf("%s: got %d requests, want at most %d", what, got, want)
		}
	}

	w.write("main.tf", manyByAddress(301, 200))
	w.kantata.ResetRequests()
	w.says(w.run(0, "plan", "-out=plan"), "200 to add")
	planned := len(w.kantata.Requests())
	t.Logf("%d of them to /users", w.requests("/users"))
	atMost("plan of 200 new people", planned, 30)
	w.says(w.run(0, "apply", "plan"), "200 added")
	t.Logf("%d of them to /users", w.requests("/users"))
	atMost("plan and apply of 200 new people, without the POSTs", len(w.kantata.Requests())-w.requests(http.MethodPost), 70)

	w.kantata.ResetRequests()
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	atMost("lookups of people in a plan of 200 that exist", w.requests("/users"), 0)
}

// TestCostOfManyLookups bounds the requests of 60 data sources of one address each.
func TestCostOfManyLookups(t *testing.T) {
	t.Parallel()
	for _, people := range []int{8, 100, 1200, 20000} {
		t.Run(fmt.Sprint(people), func(t *testing.T) {
			t.Parallel()
			kantata := kantatatest.New()
			kantata.SeedMemberships(1, people, 1)
			kantata.SetRandomLatency(20*time.Millisecond, 60*time.Millisecond, 1)
			w := newWorkspace(t, kantata)
			w.write("main.tf", providerBlock+`
data "kantata_users" "one" {
  count           = 60
  email_addresses = ["user${count.index + 1}@example.com"]
  ignore_missing  = true
}
`)
			w.kantata.ResetRequests()
			w.run(0, "apply", "-auto-approve")
			n := len(w.kantata.Requests())
			t.Logf("%d requests", n)
			if n > 14 {
				t.Errorf("got %d requests, want at most 14", n)
			}
		})
	}
}
