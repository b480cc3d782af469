package endtoend

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const membershipExamples = "resources/kantata_access_group_membership/"

// TestEveryExampleIsTested fails when an example is added that no test here runs.
func TestEveryExampleIsTested(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	source, err := os.ReadFile("examples_test.go")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../../examples", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel("../../examples", path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		short := strings.TrimPrefix(name, membershipExamples)
		tested[name] = strings.Contains(string(source), `"`+name+`"`) || short != name && strings.Contains(string(source), `"`+short+`"`)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range tested {
		if !ok {
			t.Errorf("no test runs examples/%s", name)
		}
	}
	if len(tested) < 10 {
		t.Errorf("only %d examples were found", len(tested))
	}
}

func TestQuickstart(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.copy("quickstart/main.tf")
	w.run(0, "validate")
	w.says(w.run(0, "apply", "-auto-approve"), "3 added")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	w.says(w.run(0, "destroy", "-auto-approve"), "3 destroyed")
	if left := w.kantata.Memberships(); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestProviderExample(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.copy("provider/provider.tf")
	w.run(0, "validate")
}

func TestAudit(t *testing.T) {
	t.Parallel()
	needs(t, "check", "1.5.0", "1.6.0")
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+1)
	w.copy("audit/main.tf")
	args := []string{"-var", `access_group_id=340001`, "-var", `user_ids=["12000001"]`}
	output := w.run(0, append([]string{"apply", "-auto-approve"}, args...)...)
	w.says(output, "1 added", "Warning: Check block assertion failed", "In the access group but not in code: Amir Haddad (12000002).")
	w.kantata.RemoveMembership(w.kantata.Memberships()[0].ID)
	if output := w.run(0, append([]string{"plan", "-detailed-exitcode"}, args...)...); strings.Contains(output, "Warning: Check") {
		t.Errorf("everybody is in code, and yet:\n%s", output)
	}
}

// TestBulkImport takes over 431 memberships with what the walk costs and not with a request for each.
func TestBulkImport(t *testing.T) {
	t.Parallel()
	needs(t, "for_each in an import block", "1.7.0", "1.7.0")
	kantata := kantatatest.New()
	kantata.SeedMemberships(1, 431, 431)
	w := newWorkspace(t, kantata)
	w.copy("bulk-import/main.tf")
	group := []string{"-var", "access_group_id=340001"}
	w.run(0, "validate")
	w.says(w.run(0, append([]string{"plan"}, group...)...), "Plan: 431 to import, 0 to add, 0 to change, 0 to destroy.")
	if n := len(kantata.Requests()); n > 30 {
		t.Errorf("the plan cost %d requests, want at most 30", n)
	}
	w.says(w.run(0, append([]string{"apply", "-auto-approve"}, group...)...), "431 imported, 0 added, 0 changed, 0 destroyed")
	kantata.ResetRequests()
	w.says(w.run(0, append([]string{"plan", "-detailed-exitcode"}, group...)...), "No changes.")
	if n := len(kantata.Requests()); n > 30 {
		t.Errorf("the next plan cost %d requests, want at most 30", n)
	}
}

func TestTeamsByEmail(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.copy("teams-by-email/main.tf")
	w.says(w.run(0, "apply", "-auto-approve"), "3 added", `kantata_access_group_membership.team["340001 jane@example.com"]`)
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	w.says(w.run(1, "plan", "-var", `teams={"340001"=["nobody@example.com"]}`), "User Not Found", `"nobody@example.com"`)
}

func TestResourceAndItsImports(t *testing.T) {
	t.Parallel()
	t.Run("create", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t, company())
		w.copy(membershipExamples + "resource.tf")
		w.says(w.run(0, "apply", "-auto-approve"), "3 added")
		w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	})
	for file, since := range map[string][2]string{"import-by-string-id.tf": {"1.5.0", "1.6.0"}, "import-by-identity.tf": {"1.12.0", "1.12.0"}} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			needs(t, file, since[0], since[1])
			w := newWorkspace(t, company())
			w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			w.copy(membershipExamples+"resource.tf", membershipExamples+file)
			w.says(w.run(0, "apply", "-auto-approve"), "1 imported, 2 added")
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
		})
	}
	t.Run("import.sh", func(t *testing.T) {
		t.Parallel()
		for line := range strings.SplitSeq(example(t, membershipExamples+"import.sh"), "\n") {
			args, isCommand := strings.CutPrefix(line, "terraform ")
			if !isCommand {
				continue
			}
			w := newWorkspace(t, company())
			w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			w.copy(membershipExamples + "resource.tf")
			w.says(w.run(0, strings.Fields(args)...), "Import successful!")
			w.says(w.run(2, "plan", "-detailed-exitcode"), "2 to add, 0 to change, 0 to destroy")
		}
	})
}

func TestDataSources(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"data-sources/kantata_access_group_membership/data-source.tf",
		"data-sources/kantata_access_group_memberships/data-source.tf",
		"data-sources/kantata_access_groups/data-source.tf",
		"data-sources/kantata_users/data-source.tf",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, company())
			w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+7)
			if strings.Contains(file, "membership") {
				w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			}
			w.copy(file)
			w.run(0, "validate")
			w.run(0, "apply", "-auto-approve")
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
		})
	}
}

func TestMembershipsFunction(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.7.0")
	w := newWorkspace(t, company())
	w.copy("provider/provider.tf", "functions/memberships/function.tf")
	w.says(w.run(0, "apply", "-auto-approve"), `"340001/amir@example.com" = {`, `"340002/12000003" = {`)
	w.write("teams.yaml", "340001:\n  - jane@example.com\n  - Jane@example.com\n")
	w.write("teams.tf", `output "teams" { value = provider::kantata::memberships(yamldecode(file("teams.yaml"))) }`)
	w.says(w.run(1, "plan"), "Invalid function argument", `member 2 of access group 340001: "Jane@example.com" is in the list twice.`)
	if n := len(w.kantata.Requests()); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	needs(t, "terraform query", "1.14.0", "")
	kantata := kantatatest.New()
	kantata.SeedMemberships(1, 431, 431)
	w := newWorkspace(t, kantata)
	w.copy("provider/provider.tf", "list-resources/kantata_access_group_membership/list-resource.tfquery.hcl")
	w.run(0, "query", "-generate-config-out=generated.tf")
	// Two list blocks find the memberships of the one group, with the default limit of 100 for the second: 431 and 100.
	content, err := os.ReadFile(filepath.Join(w.dir, "generated.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(content), "\nimport {"); n != 531 {
		t.Errorf("%d import blocks, want 531", n)
	}

	only := newWorkspace(t, kantata)
	only.copy("provider/provider.tf")
	only.write("all.tfquery.hcl", `list "kantata_access_group_membership" "all" {
  provider = kantata
  limit    = 1000
}`)
	only.run(0, "query", "-generate-config-out=generated.tf")
	only.says(only.run(0, "plan"), "Plan: 431 to import, 0 to add, 0 to change, 0 to destroy.")
	only.says(only.run(0, "apply", "-auto-approve"), "431 imported")
	only.says(only.run(0, "plan", "-detailed-exitcode"), "No changes.")
}
