package endtoend

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const jane = `
terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
  }
}
resource "kantata_access_group_membership" "jane" {
  access_group_id = "340001"
  user_id         = "12000001"
}
`

// TestInterrupt interrupts an apply while Kantata, which has done the work, keeps its answer back.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	needs(t, "a Terraform that an interrupt reaches without its process group", "1.3.0", "1.6.0")
	w := newWorkspace(t, company())
	w.write("main.tf", jane)
	w.kantata.Inject(kantatatest.Fault{Method: http.MethodPost, Effect: kantatatest.HangAfter, Times: 1})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var interrupted time.Time
	w.kantata.OnRequest(func(r kantatatest.Request) {
		if r.Method == http.MethodPost {
			interrupted = time.Now()
			interrupt()
		}
	})
	output, _, _ := cli.Run(ctx, w.dir, w.env, "apply", "-auto-approve", "-no-color")
	if took := time.Since(interrupted); interrupted.IsZero() || took > 6*time.Second {
		t.Errorf("the interrupt took %s\n%s", took, output)
	}
	w.kantata.OnRequest(nil)
	made := w.kantata.Memberships()
	if len(made) != 1 {
		t.Fatalf("Kantata holds %v\n%s", made, output)
	}
	w.says(w.run(0, "show"), fmt.Sprint(made[0].ID))
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestDestroyWithoutRefresh destroys what was removed, or removed and added again, behind Terraform's back.
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
				t.Errorf("Kantata holds %v, want Amir's alone", left)
			}
		})
	}
}

// TestTwoBlocksOfOnePair holds rule 5 whatever Kantata would answer.
func TestTwoBlocksOfOnePair(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]kantatatest.DuplicateStyle{
		"refused": kantatatest.DuplicateRefused, "answered with the first": kantatatest.DuplicateReturnsExisting, "doubled": kantatatest.DuplicateCreatesSecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kantata := kantatatest.New(kantatatest.WithDialect(kantatatest.Dialect{Duplicates: style}))
			kantata.SeedCompany()
			w := newWorkspace(t, kantata)
			_, second, _ := strings.Cut(jane, "\n}\n")
			w.write("main.tf", jane+strings.Replace(second, `" "jane"`, `" "again"`, 1))
			w.says(w.run(1, "apply", "-auto-approve"), "12000001", "340001")
			if held := kantata.Memberships(); len(held) != 1 {
				t.Errorf("Kantata holds %v", held)
			}
			w.says(w.run(1, "apply", "-auto-approve"), "12000001", "340001")
			if held := kantata.Memberships(); len(held) != 1 {
				t.Errorf("Kantata holds %v after a second apply", held)
			}
		})
	}
}
