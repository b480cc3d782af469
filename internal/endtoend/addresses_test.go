package endtoend

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// editors is the most common configuration: a team as a list of addresses. It adds more to the resource block.
func editors(more string, addresses ...string) string {
	quoted := make([]string, len(addresses))
	for i, address := range addresses {
		quoted[i] = fmt.Sprintf("%q", address)
	}
	return fmt.Sprintf(requirement+`
resource "kantata_access_group_membership" "editors" {
  for_each           = toset([%s])
  access_group_id    = "340002"
  user_email_address = each.key
%s}
`, strings.Join(quoted, ", "), more)
}

// onePerson is the configuration of one membership. The argument is the attribute that names the person.
func onePerson(person string) string {
	return fmt.Sprintf(requirement+`
resource "kantata_access_group_membership" "jane" {
  access_group_id = "340002"
  %s
}
`, person)
}

// sendsNoWrite runs a command that must not send writes.
func (w *workspace) sendsNoWrite(run func() string) string {
	w.t.Helper()
	w.kantata.ResetRequests()
	output := run()
	if n := w.requests(http.MethodPost) + w.requests(http.MethodDelete); n != 0 {
		w.t.Errorf("got %d writes, want none:\n%s", n, output)
	}
	return output
}

// TestATeamByAddress follows a team: it is created, someone joins, someone is deactivated, and someone leaves.
func TestATeamByAddress(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]kantatatest.EmailAddressStyle{
		"any case": kantatatest.EmailAddressIgnoresCase, "exact": kantatatest.EmailAddressExact,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kantata := kantatatest.New(kantatatest.WithDialect(kantatatest.Dialect{EmailAddresses: style}))
			kantata.SeedCompany()
			w := newWorkspace(t, kantata)
			w.write("main.tf", editors("", "Jane@example.com", "amir@example.com"))
			w.says(w.run(0, "plan"), `+ user_id = "12000001"`, "2 to add")
			w.says(w.run(0, "apply", "-auto-approve"), "2 added")
			w.kantata.ResetRequests()
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
			if n := w.requests("/users"); n != 0 {
				t.Errorf("got %d lookups of people in a plan without changes, want none", n)
			}
			w.write("main.tf", editors("", "Jane@example.com", "amir@example.com", "chloe@example.com"))
			w.says(w.run(0, "apply", "-auto-approve"), "1 added, 0 changed, 0 destroyed")

			w.kantata.DeactivateUser(kantatatest.FirstUser)
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
			w.write("main.tf", editors("", "amir@example.com", "chloe@example.com"))
			w.says(w.run(0, "apply", "-auto-approve"), "0 added, 0 changed, 1 destroyed")
			w.write("main.tf", editors("", "amir@example.com", "chloe@example.com", "zoe@example.com"))
			w.says(w.run(1, "plan"), "User Not Found", `e-mail address "zoe@example.com"`, "user_email_address = each.key")
			w.write("main.tf", editors("", "amir@example.com", "chloe@example.com"))
			w.kantata.DeactivateUser(kantatatest.FirstUser + 1)
			w.says(w.run(0, "destroy", "-auto-approve"), "2 destroyed")
		})
	}
}

// TestOnePersonInSeveralForms expects an update without a write for each other form of the same person.
func TestOnePersonInSeveralForms(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.write("main.tf", onePerson(`user_email_address = "jane@example.com"`))
	w.says(w.run(0, "apply", "-auto-approve"), "1 added")
	w.kantata.AddUser(kantatatest.FirstUser, "Jane Doe", "jane.doe@example.com")
	for _, person := range []string{
		`user_email_address = "JANE@example.com"`,
		`user_email_address = "jane.doe@example.com"`,
		`user_id = "12000001"`,
		`user_email_address = " Jane.Doe@example.com"`,
	} {
		w.write("main.tf", onePerson(person))
		w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "0 added, 1 changed, 0 destroyed")
		w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	}
	w.write("main.tf", onePerson(`user_email_address = "amir@example.com"`))
	w.says(w.run(0, "apply", "-auto-approve"), "1 added, 0 changed, 1 destroyed")
	if left := w.kantata.Memberships(); len(left) != 1 || left[0].UserID != kantatatest.FirstUser+1 {
		t.Errorf("got the memberships %v, want only Amir's", left)
	}
}

// TestAnUnknownAddress plans a membership whose address is not known until apply.
func TestAnUnknownAddress(t *testing.T) {
	t.Parallel()
	needs(t, "terraform_data", "1.4.0", "1.6.0")
	w := newWorkspace(t, company())
	unknown := onePerson("user_email_address = terraform_data.address.output") + `
resource "terraform_data" "address" {
  input = "%s"
}
`
	w.write("main.tf", fmt.Sprintf(unknown, "jane@example.com"))
	w.says(w.run(0, "plan"), "user_id = (known after apply)", "2 to add")
	w.says(w.run(0, "apply", "-auto-approve"), "2 added")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	w.write("main.tf", fmt.Sprintf(unknown, "JANE@example.com"))
	w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "0 added, 2 changed, 0 destroyed")
}

func TestImportByAddress(t *testing.T) {
	t.Parallel()
	needs(t, "import", "1.5.0", "1.6.0")
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	w.write("main.tf", onePerson(`user_email_address = "jane@example.com"`))
	w.write("import.tf", `import {
  to = kantata_access_group_membership.jane
  id = "340002/jane@example.com"
}
`)
	w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "1 imported, 0 added, 0 changed, 0 destroyed")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}

// TestAdoptATeamByAddress adopts the people who are in the group and adds those who are not.
func TestAdoptATeamByAddress(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	w.write("main.tf", editors("", "jane@example.com", "amir@example.com"))
	w.says(w.run(1, "plan"), "340002/12000001")
	w.write("main.tf", editors("  adopt_existing = true\n", "jane@example.com", "amir@example.com"))
	w.kantata.ResetRequests()
	w.says(w.run(0, "apply", "-auto-approve"), "2 added", "Jane Doe")
	if n := w.requests(http.MethodPost); n != 1 {
		t.Errorf("got %d POSTs, want one for Amir", n)
	}
	w.write("main.tf", editors("", "jane@example.com", "amir@example.com"))
	w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), "0 added, 2 changed, 0 destroyed")
}

// TestTeamsFromAFile creates teams with the function, from a YAML file that lists members by address and by ID.
func TestTeamsFromAFile(t *testing.T) {
	t.Parallel()
	needs(t, "provider functions", "1.8.0", "1.7.0")
	w := newWorkspace(t, company())
	w.write("main.tf", requirement+`
resource "kantata_access_group_membership" "team" {
  for_each           = provider::kantata::memberships(yamldecode(file("teams.yaml")))
  access_group_id    = each.value.access_group_id
  user_email_address = each.value.user_email_address
  user_id            = each.value.user_id
}
`)
	w.write("teams.yaml", "340001:\n  - Jane@example.com\n  - 12000002\n340002:\n  - jane@example.com\n340003: []\n")
	w.says(w.run(0, "apply", "-auto-approve"), "3 added", `kantata_access_group_membership.team["340001/jane@example.com"]`)
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	w.write("teams.yaml", "340001:\n  - jane@example.com\n  - 12000002\n  - 12000003\n340002: []\n")
	w.says(w.run(0, "apply", "-auto-approve"), "1 added, 1 changed, 1 destroyed")
	w.write("teams.yaml", "340001:\n  - jane@example.com\n  - Jane@example.com\n")
	w.says(w.run(1, "plan"), "Invalid function argument", `member 2 of access group 340001: "Jane@example.com" is in the list twice`)
}

// TestTolerantLookups expects the people and groups that exist, and lists of the addresses and names that do not.
func TestTolerantLookups(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	w.kantata.DeactivateUser(kantatatest.FirstUser + 1)
	lookups := requirement + `
data "kantata_users" "team" {
  email_addresses = ["jane@example.com", "amir@example.com", %s]
  ignore_missing  = true
}

data "kantata_access_groups" "groups" {
  names          = ["Resource Managers", "resource managers"]
  ignore_missing = true
}

output "found" { value = [data.kantata_users.team.ids_by_email_address, data.kantata_access_groups.groups.ids_by_name] }
output "missing" { value = [data.kantata_users.team.missing_email_addresses, data.kantata_access_groups.groups.missing_names] }
`
	w.write("main.tf", fmt.Sprintf(lookups, ""))
	w.says(w.run(0, "apply", "-auto-approve"), `"jane@example.com" = "12000001"`, `"Resource Managers" = "340002"`,
		`missing = [ tolist([ "amir@example.com", ]), tolist([ "resource managers", ]), ]`)
	w.write("main.tf", fmt.Sprintf(lookups, "null"))
	w.says(w.run(1, "plan"), "Null Element", "compact()")
	w.write("main.tf", requirement+`data "kantata_access_groups" "groups" { names = ["resource managers"] }`)
	w.says(w.run(1, "plan"), "Access Group Not Found", `Did you mean "Resource Managers" (340002)?`)
}

// TestAccessReview exports all memberships with addresses, sorted, as CSV.
func TestAccessReview(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, company())
	w.kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+2)
	w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	w.kantata.DeactivateUser(kantatatest.FirstUser + 1)
	w.write("main.tf", requirement+`
data "kantata_access_group_memberships" "all" {
  include_email_addresses = true
}

output "csv" {
  value = join("\n", [for m in data.kantata_access_group_memberships.all.memberships :
    format("%s,%s,%s", m.access_group_id, m.user_id, coalesce(m.user_email_address, "deactivated"))])
}
`)
	w.says(w.run(0, "apply", "-auto-approve"),
		"340001,12000001,jane@example.com 340001,12000003,chloe@example.com 340002,12000002,deactivated")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
}
