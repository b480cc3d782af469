package endtoend

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

const membershipExamples = "resources/kantata_access_group_membership/"

// TestEveryExampleIsTested requires that a test in one of these files names every file in examples/.
func TestEveryExampleIsTested(t *testing.T) {
	t.Parallel()
	var source []byte
	for _, file := range []string{"examples_test.go", "move_test.go"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, content...)
	}
	files := 0
	err := filepath.WalkDir("../../examples", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		name, err := filepath.Rel("../../examples", path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		short := strings.TrimPrefix(name, membershipExamples)
		if !strings.Contains(string(source), `"`+name+`"`) && (short == name || !strings.Contains(string(source), `"`+short+`"`)) {
			t.Errorf("got no test that names examples/%s, want one", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("got %d files in examples/, want at least 20", files)
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
		t.Errorf("got %v after destroy, want no memberships", left)
	}
}

func TestProviderExample(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.copy("provider/provider.tf")
	w.run(0, "validate")
}

// TestEphemeralToken checks that a token in an ephemeral variable works and is not in a saved plan.
func TestEphemeralToken(t *testing.T) {
	t.Parallel()
	needs(t, "ephemeral variables", "1.10.0", "1.11.0")
	w := newWorkspace(t, company())
	w.env = []string{"KANTATA_BASE_URL=" + w.kantata.URL(), "TF_VAR_kantata_access_token=" + kantatatest.Token}
	w.copy("provider/ephemeral-token.tf")
	w.write("membership.tf", `resource "kantata_access_group_membership" "jane" {
  access_group_id = "340001"
  user_id         = "12000001"
}`)
	w.run(0, "plan", "-out=saved.tfplan")
	w.says(w.run(0, "apply", "saved.tfplan"), "1 added")
}

func TestTeamsFromYAML(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.8.0")
	w := newWorkspace(t, company())
	w.copy("teams-from-yaml/main.tf", "teams-from-yaml/teams.yaml")
	w.says(w.run(0, "apply", "-auto-approve"), "3 added", `kantata_access_group_membership.team["340001/jane@example.com"]`)
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")

	// Femi joins by user ID, and Chloe leaves. The case of an address does not matter.
	w.write("teams.yaml", "340001: [JANE@example.com]\n340002: [amir@example.com, 12000006]\n")
	w.says(w.run(0, "apply", "-auto-approve"), "1 added, 1 changed, 1 destroyed")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

func TestTeamsFromCSV(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.copy("teams-from-csv/main.tf", "teams-from-csv/teams.csv")
	w.says(w.run(0, "apply", "-auto-approve"), "3 added", `kantata_access_group_membership.team["340001/jane@example.com"]`)
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	// A spreadsheet writes a byte order mark, other line ends, quotes, spaces and blank lines.
	w.write("teams.csv", "\ufeffaccess_group_id,access_group_name,user_email_address\r\n340001,\"Finance, A\",JANE@example.com \r\n\r\n"+
		" 340002,,amir@example.com\r\n340002,\"\",\"chloe@example.com\"\r\n")
	w.says(w.run(0, "apply", "-auto-approve"), "0 added, 1 changed, 0 destroyed")
	w.write("teams.csv", "access_group_id,user_email_address\n340001,jane@example.com\n340001,Jane@example.com\n")
	w.says(w.run(1, "plan"), "Duplicate object key", `"340001/jane@example.com"`)
	w.write("teams.csv", "access_group_id,user_email_address\n340001,unknown@example.com\n")
	w.says(w.run(1, "plan"), "User Not Found", `"unknown@example.com"`)
}

// TestExportAndAdopt follows the guide: it exports the teams of an account, adds one person, and imports the rest.
func TestExportAndAdopt(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.8.0")
	kantata := company()
	kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
	kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+3)

	export := newWorkspace(t, kantata)
	export.copy("export/main.tf")
	export.run(0, "apply", "-auto-approve")
	teams := export.output("teams")
	want := "\"340001\": # Finance Approvers\n  - jane@example.com # Jane Doe\n\n" +
		"\"340002\": # Resource Managers\n  - amir@example.com # Amir Haddad\n  - diego@example.com # Diego Ramos\n"
	if teams != want {
		t.Errorf("got the teams\n%s\nwant\n%s", teams, want)
	}

	adopting := newWorkspace(t, kantata)
	adopting.copy("adopting/main.tf")
	adopting.write("teams.yaml", teams+"  - chloe@example.com\n")
	adopting.says(adopting.run(0, "apply", "-auto-approve"), "3 imported, 1 added, 0 changed, 0 destroyed")
	adopting.says(adopting.run(0, "plan", "-detailed-exitcode"), "No changes.")

	adopting.copy("teams-from-yaml/main.tf")
	adopting.says(adopting.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestAdoptManyMemberships checks that importing whole groups reads lists, not single memberships.
func TestAdoptManyMemberships(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.8.0")
	const members = 231
	kantata := kantatatest.New()
	kantata.SeedMemberships(1, members, members)
	w := newWorkspace(t, kantata)
	w.copy("export/main.tf")
	w.run(0, "apply", "-auto-approve")
	teams := w.output("teams")

	w = newWorkspace(t, kantata)
	w.copy("adopting/main.tf")
	w.write("teams.yaml", teams)
	kantata.ResetRequests()
	w.says(w.run(0, "plan"), "Plan: 231 to import, 0 to add, 0 to change, 0 to destroy.")
	if n := len(kantata.Requests()); n > 30 {
		t.Errorf("got %d requests for the plan of %d imports, want at most 30", n, members)
	}
	w.says(w.run(0, "apply", "-auto-approve"), "231 imported, 0 added, 0 changed, 0 destroyed")
	kantata.ResetRequests()
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	if n := len(kantata.Requests()); n > 30 {
		t.Errorf("got %d requests for the next plan, want at most 30", n)
	}
}

func TestAdoptingKeepsItsTeams(t *testing.T) {
	t.Parallel()
	if got, want := example(t, "adopting/teams.yaml"), example(t, "teams-from-yaml/teams.yaml"); got != want {
		t.Errorf("got adopting/teams.yaml\n%s\nwant\n%s", got, want)
	}
}

func TestWhoIsNotInCode(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.8.0")
	const collaborator = 340009
	w := newWorkspace(t, company())
	w.kantata.AddAccessGroup(collaborator, "Collaborator")
	w.kantata.AddMembership(collaborator, kantatatest.FirstUser)
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+3)
	w.kantata.AddMembership(kantatatest.RateCardEditors, kantatatest.FirstUser+4)
	w.copy("who-is-not-in-code/main.tf", "who-is-not-in-code/teams.yaml")
	const warning = "Warning: Check block assertion failed"
	w.says(w.run(0, "apply", "-auto-approve"), "3 added", warning,
		"Not in teams.yaml: diego@example.com in Finance Approvers, emi@example.com in Rate Card Editors.")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.", warning)

	for _, m := range w.kantata.Memberships() {
		if m.UserID == kantatatest.FirstUser+3 || m.AccessGroupID == kantatatest.RateCardEditors {
			w.kantata.RemoveMembership(m.ID)
		}
	}
	if output := w.run(0, "plan", "-detailed-exitcode"); strings.Contains(output, warning) {
		t.Errorf("got a warning although everyone is in code, want none:\n%s", output)
	}
	w.write("teams.yaml", "{}\n")
	w.says(w.run(0, "apply", "-auto-approve"), "3 destroyed", "jane@example.com in Finance Approvers")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

func TestAccessReviewExample(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	w.copy("access-review/main.tf")
	w.run(0, "apply", "-auto-approve")
	lines := strings.SplitAfter(w.output("access_review"), "\n")
	const jane = `"340001","Finance Approvers","12000001","Jane Doe","jane@example.com","`
	if len(lines) != 4 || lines[3] != "" || !strings.HasPrefix(lines[1], jane) {
		t.Errorf("got the review %q, want a header and two rows that begin with Jane Doe", lines)
	}
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestModule runs the tests of the example itself, which need no Kantata.
func TestModule(t *testing.T) {
	t.Parallel()
	needs(t, "mock providers and provider functions", "1.8.0", "1.8.0")
	w := newWorkspace(t, company())
	w.env = nil
	w.copy("module/main.tf")
	w.write("module.tftest.hcl", example(t, "module/tests/module.tftest.hcl"))
	w.says(w.run(0, "test"), "Success! 1 passed, 0 failed.")
	if n := len(w.kantata.Requests()); n != 0 {
		t.Errorf("got %d requests from a mocked provider, want none", n)
	}
}

func TestMockedLookup(t *testing.T) {
	t.Parallel()
	needs(t, "mock providers", "1.7.0", "1.9.0")
	w := newWorkspace(t, company())
	w.env = nil
	w.copy("mocked-lookup/main.tf")
	w.write("lookup.tftest.hcl", example(t, "mocked-lookup/tests/lookup.tftest.hcl"))
	w.says(w.run(0, "test"), "Success! 1 passed, 0 failed.")
}

// TestMockedLists checks what the guide says about lists: OpenTofu accepts them in a mock, and Terraform does not.
func TestMockedLists(t *testing.T) {
	t.Parallel()
	needs(t, "mock providers", "1.7.0", "1.11.0")
	w := newWorkspace(t, company())
	w.env = nil
	w.write("main.tf", requirement+"data \"kantata_access_group_memberships\" \"all\" {}\n")
	w.write("main.tftest.hcl", `mock_provider "kantata" {
  mock_data "kantata_access_group_memberships" {
    defaults = { memberships = [{
      id = "56000101", access_group_id = "340001", access_group_name = "Finance Approvers", user_id = "12000001", user_name = "Jane Doe",
      user_email_address = "jane@example.com", creator_id = "12000009", created_at = "2026-11-22"
    }] }
  }
}
run "one_membership" {
  assert {
    condition     = length(data.kantata_access_group_memberships.all.memberships) == 1
    error_message = "not one"
  }
}
`)
	if cli.Name == terraformcli.OpenTofu {
		w.says(w.run(0, "test"), "Success! 1 passed, 0 failed.")
	} else {
		w.says(w.run(1, "test"), "could not compute a value for the target type list of object")
	}
}

func TestResourceAndItsImports(t *testing.T) {
	t.Parallel()
	t.Run("create", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t, company())
		w.copyResources()
		w.says(w.run(0, "apply", "-auto-approve"), "3 added")
		w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	})
	t.Run("teams", func(t *testing.T) {
		t.Parallel()
		needs(t, "provider functions", "1.8.0", "1.7.0")
		w := newWorkspace(t, company())
		w.copy("provider/provider.tf", membershipExamples+"resource-teams.tf", "teams-from-yaml/teams.yaml")
		w.says(w.run(0, "apply", "-auto-approve"), "3 added", `kantata_access_group_membership.team["340001/jane@example.com"]`)
		w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	})
	imports := []struct {
		file, terraform, opentofu, says string
	}{
		{"import-by-string-id.tf", "1.5.0", "1.6.0", "2 imported, 1 added"},
		{"import-by-identity.tf", "1.12.0", "1.12.0", "1 imported, 2 added"},
	}
	for _, i := range imports {
		t.Run(i.file, func(t *testing.T) {
			t.Parallel()
			needs(t, i.file, i.terraform, i.opentofu)
			w := newWorkspace(t, company())
			w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			if strings.HasPrefix(i.says, "2") {
				w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
			}
			w.copyResources()
			w.copy(membershipExamples + i.file)
			w.says(w.run(0, "apply", "-auto-approve"), i.says)
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
			if strings.Contains(args, "amir") {
				w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
			} else {
				w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			}
			w.copyResources()
			w.says(w.run(0, strings.Fields(strings.ReplaceAll(args, "'", ""))...), "Import successful!")
			w.says(w.run(2, "plan", "-detailed-exitcode"), "2 to add, 0 to change, 0 to destroy")
		}
	})
}

// copyResources copies the examples of the resource that every version of Terraform accepts: a team of two, and one person.
func (w *workspace) copyResources() {
	w.t.Helper()
	w.copy("provider/provider.tf", membershipExamples+"resource-team.tf", membershipExamples+"resource-person.tf")
}

func TestMovedKey(t *testing.T) {
	t.Parallel()
	needs(t, "moved blocks", "1.1.0", "1.6.0")
	w := newWorkspace(t, company())
	w.copyResources()
	w.run(0, "apply", "-auto-approve")
	w.kantata.AddUser(kantatatest.FirstUser+1, "Amir Haddad", "amir.haddad@example.com")
	w.copy(membershipExamples + "moved.tf")
	w.write("resource-team.tf", strings.ReplaceAll(example(t, membershipExamples+"resource-team.tf"), "amir@", "amir.haddad@"))
	w.says(w.run(0, "apply", "-auto-approve"), "0 added, 1 changed, 0 destroyed")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestCreateBeforeDestroy moves someone to another group, and then replaces the membership by itself.
func TestCreateBeforeDestroy(t *testing.T) {
	t.Parallel()
	needs(t, "-replace", "0.15.2", "1.6.0")
	w := newWorkspace(t, company())
	const file = membershipExamples + "create-before-destroy.tf"
	w.copy("provider/provider.tf")
	w.write("membership.tf", strings.Replace(example(t, file), "340002", "340001", 1))
	w.says(w.run(0, "apply", "-auto-approve"), "1 added")
	w.write("membership.tf", example(t, file))
	w.kantata.ResetRequests()
	w.says(w.run(0, "apply", "-auto-approve"), "1 added, 0 changed, 1 destroyed")
	var writes []string
	for _, r := range w.kantata.Requests() {
		if r.Method != "GET" {
			writes = append(writes, r.Method)
		}
	}
	if got := strings.Join(writes, " "); got != "POST DELETE" {
		t.Errorf("got the writes %q, want POST DELETE", got)
	}
	w.run(0, "apply", "-auto-approve", "-replace=kantata_access_group_membership.jane")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	if got := w.kantata.Memberships(); len(got) != 1 || got[0].AccessGroupID != kantatatest.ResourceManagers {
		t.Errorf("got the memberships %v, want one in Resource Managers", got)
	}
}

func TestAdoptExistingExample(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
	w.copy("provider/provider.tf", "adopt-existing/main.tf")
	w.says(w.run(0, "plan"), "2 to add", "56000101")
	w.says(w.run(0, "apply", "-auto-approve"), "2 added")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

func TestImportOneMembership(t *testing.T) {
	t.Parallel()
	needs(t, "import blocks", "1.5.0", "1.6.0")
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	w.copy("provider/provider.tf")
	w.write("membership.tf", example(t, "one-membership/main.tf"))
	w.says(w.run(0, "apply", "-auto-approve"), "1 imported, 0 added, 0 changed, 0 destroyed")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

func TestAccessGroupsExample(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	w.copy("access-groups/main.tf")
	w.says(w.run(0, "plan"), `+ "Finance Approvers" = "340001"`)
}

// TestFromBlocksToAFile replaces the resource blocks of the quickstart by a file: one membership is moved, the others are imported again.
func TestFromBlocksToAFile(t *testing.T) {
	t.Parallel()
	needs(t, "removed blocks that say whether to destroy", "1.8.0", "1.10.0")
	w := newWorkspace(t, company())
	w.copy("quickstart/main.tf")
	w.run(0, "apply", "-auto-approve")

	w.copy("teams-from-yaml/main.tf", "teams-from-yaml/teams.yaml")
	w.says(w.run(1, "plan"), "moved {")
	w.copy("adopting/main.tf")
	w.write("forget.tf", example(t, "moved-teams/one-block.tf")+
		strings.ReplaceAll(example(t, "moved-teams/one-block.tf"), "resource_managers", "finance_approvers"))
	w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "3 imported, 0 added, 0 changed, 0 destroyed")
	if err := os.Remove(filepath.Join(w.dir, "forget.tf")); err != nil {
		t.Fatal(err)
	}
	w.copy("teams-from-yaml/main.tf")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestMovedMembers moves one member from a block to a file, and another to a key with a new e-mail address.
func TestMovedMembers(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.8.0")
	w := newWorkspace(t, company())
	w.copy("provider/provider.tf")
	w.write("main.tf", strings.Replace(example(t, membershipExamples+"resource-team.tf"), `, "chloe@example.com"`, "", 1))
	w.run(0, "apply", "-auto-approve")
	if err := os.Remove(filepath.Join(w.dir, "provider.tf")); err != nil {
		t.Fatal(err)
	}
	w.copy("teams-from-yaml/main.tf", "teams-from-yaml/teams.yaml", "moved-teams/one-member.tf")
	w.says(w.run(0, "apply", "-auto-approve"), "2 added, 0 changed, 0 destroyed")

	w.kantata.AddUser(kantatatest.FirstUser, "Jane Doe", "jane.doe@example.com")
	w.write("teams.yaml", strings.Replace(example(t, "teams-from-yaml/teams.yaml"), "jane@", "jane.doe@", 1))
	w.says(w.run(1, "plan"), "moved {")
	w.copy("moved-teams/changed-address.tf")
	w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "0 added, 1 changed, 0 destroyed")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestDependsOn changes what a lookup, or a membership, depends on.
func TestDependsOn(t *testing.T) {
	t.Parallel()
	needs(t, "terraform_data", "1.4.0", "1.6.0")
	for file, plan := range map[string]string{
		"depends-on/deferred.tf": "0 to add, 2 to change, 0 to destroy",
		"depends-on/direct.tf":   "0 to add, 1 to change, 0 to destroy",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, company())
			w.copy("provider/provider.tf")
			w.write("main.tf", example(t, file))
			w.says(w.run(0, "apply", "-auto-approve"), "2 added")
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
			w.write("main.tf", strings.Replace(example(t, file), `"2026"`, `"2027"`, 1))
			w.says(w.run(0, "plan"), plan)
			w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "0 added, 1 changed, 0 destroyed")
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
		})
	}
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
			if !strings.Contains(file, "users") {
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
	w.says(w.run(1, "plan"), "Invalid function argument", `member 2 of access group 340001: "Jane@example.com" is in the list twice`)
	if n := len(w.kantata.Requests()); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	needs(t, "terraform query", "1.14.0", "")
	const members = 231
	kantata := kantatatest.New()
	kantata.SeedMemberships(1, members, members)
	w := newWorkspace(t, kantata)
	w.copy("provider/provider.tf", "list-resources/kantata_access_group_membership/list-resource.tfquery.hcl")
	w.run(0, "query", "-generate-config-out=generated.tf")
	content, err := os.ReadFile(filepath.Join(w.dir, "generated.tf"))
	if err != nil {
		t.Fatal(err)
	}
	// Both list blocks of the example find all members of the only group.
	if got, want := strings.Count(string(content), "\nimport {"), 2*members; got != want {
		t.Errorf("got %d import blocks, want %d", got, want)
	}

	finance := newWorkspace(t, company())
	finance.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	finance.copy("query/main.tf", "query/memberships.tfquery.hcl")
	finance.says(finance.run(0, "query"), "list.kantata_access_group_membership.finance access_group_id=340001,user_id=12000001")

	only := newWorkspace(t, kantata)
	only.copy("provider/provider.tf")
	only.write("all.tfquery.hcl", `list "kantata_access_group_membership" "all" {
  provider = kantata
  limit    = 1000
}`)
	only.run(0, "query", "-generate-config-out=generated.tf")
	only.says(only.run(0, "plan"), "Plan: 231 to import, 0 to add, 0 to change, 0 to destroy.")
	only.says(only.run(0, "apply", "-auto-approve"), "231 imported")
	only.says(only.run(0, "plan", "-detailed-exitcode"), "No changes.")
}
