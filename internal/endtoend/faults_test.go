package endtoend

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const jane = requirement + `resource "kantata_access_group_membership" "jane" {
  access_group_id = "340001"
  user_id         = "12000001"
}
`

// TestInterrupt interrupts an apply while Kantata has created the membership but has not responded.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	needs(t, "an interrupt of the Terraform process alone", "1.3.0", "1.6.0")
	w := newWorkspace(t, company())
	w.write("main.tf", jane)
	w.kantata.Inject(kantatatest.Fault{Method: http.MethodPost, Effect: kantatatest.HangAfter, Times: 1})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	w.kantata.OnRequest(func(r kantatatest.Request) {
		if r.Method == http.MethodPost {
			interrupt()
		}
	})
	// A Terraform that does not end is killed, and then its state lacks the membership.
	output, _, _ := cli.Run(ctx, w.dir, w.env, "apply", "-auto-approve", "-no-color")
	w.kantata.OnRequest(nil)
	created := w.kantata.Memberships()
	if len(created) != 1 {
		t.Fatalf("got memberships %v in Kantata, want one\n%s", created, output)
	}
	w.says(w.run(0, "show"), fmt.Sprint(created[0].ID))
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestDestroyWithoutRefresh destroys a membership that was removed outside Terraform, or removed and added again.
func TestDestroyWithoutRefresh(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"removed": false, "added again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, company())
			w.write("main.tf", jane)
			w.run(0, "apply", "-auto-approve")
			w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+1)
			w.kantata.RemoveMembership(w.kantata.Memberships()[0].ID)
			if again {
				w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			}
			w.says(w.run(0, "destroy", "-auto-approve", "-refresh=false"), "1 destroyed")
			if left := w.kantata.Memberships(); len(left) != 1 || left[0].UserID != kantatatest.FirstUser+1 {
				t.Errorf("got memberships %v in Kantata, want only Amir's", left)
			}
		})
	}
}

// TestTwoBlocksOfOnePair checks that the plan refuses the configuration, whatever Kantata would return for a second POST.
func TestTwoBlocksOfOnePair(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]kantatatest.DuplicateStyle{
		"is refused":        kantatatest.DuplicateRefused,
		"returns the first": kantatatest.DuplicateReturnsExisting,
		"creates a second":  kantatatest.DuplicateCreatesSecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kantata := kantatatest.New(kantatatest.WithDialect(kantatatest.Dialect{Duplicates: style}))
			kantata.SeedCompany()
			w := newWorkspace(t, kantata)
			_, second, _ := strings.Cut(jane, "\n}\n")
			w.write("main.tf", jane+strings.Replace(second, `" "jane"`, `" "again"`, 1))
			w.says(w.run(1, "apply", "-auto-approve"), "12000001", "340001")
			if got := kantata.Memberships(); len(got) != 0 {
				t.Errorf("got memberships %v in Kantata, want none", got)
			}
		})
	}
}
