package endtoend

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// team is a resource with an instance for each key; its members are user IDs by key.
func team(members map[string]int64, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"kantata_access_group_membership\" \"team\" {\n  for_each = {\n")
	for key, user := range members {
		fmt.Fprintf(&b, "    %s = %d\n", key, user)
	}
	fmt.Fprintf(&b, "  }\n  access_group_id = %d\n  user_id         = each.value\n%s}\n", group, more)
	return b.String()
}

// row is a resource with an instance for each index of a list of users.
func row(users []int64) string {
	return fmt.Sprintf("locals { users = [%s] }\nresource \"kantata_access_group_membership\" \"row\" {\n"+
		"  count = length(local.users)\n  access_group_id = 340001\n"+
		"  user_id = local.users[count.index]\n}\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(users), " ", ", "), "[]"))
}

// one is a resource with one instance.
func one(name string, group, user int64, more string) string {
	return fmt.Sprintf("resource \"kantata_access_group_membership\" %q {\n  access_group_id = %d\n"+
		"  user_id = %d\n%s}\n", name, group, user, more)
}

func importBlock(name, id string) string {
	return fmt.Sprintf("import {\n  to = kantata_access_group_membership.%s\n  id = %q\n}\n", name, id)
}

func importX(id string) string { return importBlock("x", id) }

// removedX is a removed block for the resource x.
func removedX(destroy bool) string {
	return fmt.Sprintf("removed {\n  from = kantata_access_group_membership.x\n  lifecycle {\n    destroy = %t\n  }\n}\n", destroy)
}

const (
	twoAliases   = "provider \"kantata\" {}\nprovider \"kantata\" { alias = \"b\" }\n"
	movedToB     = "moved {\n  from = kantata_access_group_membership.team[\"a\"]\n  to = kantata_access_group_membership.team[\"b\"]\n}\n"
	adopt        = "  adopt_existing = true\n"
	createFirst  = "  lifecycle { create_before_destroy = true }\n"
	existsError  = "Error: Access Group Membership Already Exists"
	twiceError   = "Error: Duplicate Access Group Membership"
	heldError    = "Error: Access Group Membership Held Twice"
	review       = "Warning: Review Access Group Memberships Before Apply"
	adoption     = "Warning: Existing Access Group Membership Adopted"
	group        = kantatatest.FinanceApprovers
	otherGroup   = kantatatest.ResourceManagers
	apply        = "apply -auto-approve"
	firstUserKey = `kantata_access_group_membership.team["a"]`
)

func user(n int64) int64 { return kantatatest.FirstUser + n }

func users(from, to int64) (ids []int64) {
	for n := from; n < to; n++ {
		ids = append(ids, user(n))
	}
	return ids
}

// silence lists texts that the output of a plan without findings does not contain.
var silence = []string{"Error:", review, adoption}

// step changes the configuration and Kantata, and runs one command.
type step struct {
	config   string // "" keeps the previous one
	outside  func(*kantatatest.Server)
	command  string
	code     int
	says     []string
	saysNot  []string
	times    map[string]int // how often the output contains a text
	noWrites bool
}

func remove(userID int64) func(*kantatatest.Server) {
	return func(k *kantatatest.Server) {
		for _, m := range k.Memberships() {
			if m.AccessGroupID == group && m.UserID == userID {
				k.RemoveMembership(m.ID)
			}
		}
	}
}

func add(userID int64) func(*kantatatest.Server) {
	return func(k *kantatatest.Server) { k.AddMembership(group, userID) }
}

// TestPlansSayWhatWillHappen applies histories of a configuration with the real CLI. Each step checks what a command prints, and the end
// checks who is in the access groups. Which error a new address of an existing pair gets depends on when Terraform makes its calls. The
// provider's TestPlanCallsInEveryOrder and TestRenamedKeys check this in fake time.
func TestPlansSayWhatWillHappen(t *testing.T) {
	t.Parallel()

	twelve, renamed := map[string]int64{}, map[string]int64{}
	for n := range int64(12) {
		twelve[fmt.Sprintf("old%d", n)], renamed[fmt.Sprintf("new%d", n)] = user(n), user(n)
	}
	ab := func(a, b int64) string { return team(map[string]int64{"a": a, "b": b}, "") }
	a, b := team(map[string]int64{"a": user(0)}, ""), team(map[string]int64{"b": user(0)}, "")
	pairOf := func(groupID int64, ids ...int64) (pairs []string) {
		for _, id := range ids {
			pairs = append(pairs, fmt.Sprintf("%d/%d", groupID, id))
		}
		return pairs
	}

	x, y := one("x", group, user(0), ""), one("y", group, user(0), "")
	for name, h := range map[string]struct {
		steps []step
		end   []string
	}{
		"removed outside Terraform, then renamed": {[]step{
			{config: a, command: apply},
			{config: b, outside: remove(user(0)), command: "plan", saysNot: silence},
			{command: apply, saysNot: silence},
		}, pairOf(group, user(0))},
		"a second resource for a membership that stays": {[]step{
			{config: one("first", group, user(0), ""), command: apply},
			{config: one("first", group, user(0), "") + one("second", group, user(0), ""), command: "plan", code: 1,
				says: []string{"56000101"}},
			{command: "plan", code: 1, says: []string{"56000101"}},
			{command: "plan -refresh=false", code: 1, says: []string{"56000101"}},
		}, pairOf(group, user(0))},
		"two resources for a new membership": {[]step{
			{config: one("first", group, user(0), "") + one("second", group, user(0), ""), command: "plan", code: 1,
				says: []string{twiceError, "340001/12000001"}},
		}, nil},
		"12 keys renamed": {[]step{
			{config: team(twelve, ""), command: apply},
			{config: team(renamed, ""), command: "plan", code: 1, says: []string{"moved {"}},
			{command: "plan -parallelism=1", code: 1, says: []string{"moved {"}},
		}, pairOf(group, users(0, 12)...)},
		"12 keys renamed, with adopt_existing": {[]step{
			{config: team(twelve, ""), command: apply},
			{config: team(renamed, adopt), command: apply},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, users(0, 12)...)},
		"a rename, with the block of the error": {[]step{
			{config: a, command: apply},
			{config: b, command: "plan", code: 1, says: []string{"moved {"}},
			{config: b + movedToB,
				command: apply, says: []string{"0 added, 0 changed, 0 destroyed"}},
		}, pairOf(group, user(0))},
		"a rename with -parallelism=1": {[]step{
			{config: a, command: apply},
			{config: b, command: "plan -parallelism=1", code: 1, says: []string{"56000101", "moved {"}},
		}, pairOf(group, user(0))},
		"an entry inserted at the head of a list of 30": {[]step{
			{config: row(users(1, 31)), command: apply},
			{config: row(users(0, 31)), command: "plan", times: map[string]int{review: 1, "Error:": 0}, says: []string{"more similar warnings"}},
			{command: apply},
		}, pairOf(group, users(0, 31)...)},
		"an entry removed from the head of a list of 100": {[]step{
			{config: row(users(0, 100)), command: apply},
			{config: row(users(1, 100)), command: apply, times: map[string]int{"Error:": 0}, says: []string{review}},
		}, pairOf(group, users(1, 100)...)},
		"a shift of which only one address was applied": {[]step{
			{config: row(users(0, 3)), command: apply},
			{config: row(users(1, 3)), command: apply + " -target=kantata_access_group_membership.row[0]", code: 1,
				says: []string{"340001/12000002"}},
			{command: apply},
		}, pairOf(group, users(1, 3)...)},
		"people trade places": {[]step{
			{config: ab(user(0), user(1)), command: apply},
			{config: ab(user(1), user(0)), command: apply, says: []string{review}, saysNot: []string{"Error:"}},
		}, pairOf(group, user(0), user(1))},
		"a saved plan whose pair was added in the meantime": {[]step{
			{config: a, command: "plan -out=saved", says: []string{"1 to add"}},
			{outside: add(user(0)), command: "apply saved", code: 1, says: []string{existsError, "56000101"}, noWrites: true},
		}, pairOf(group, user(0))},
		"the membership exists": {[]step{
			{config: a, outside: add(user(0)), command: "plan", code: 1,
				says: []string{existsError, "56000101", "Jane Doe", `id = "340001/12000001"`}},
			{config: team(map[string]int64{"a": user(0)}, adopt), command: "plan", says: []string{adoption, "56000101", "12000009"}},
			{command: apply, says: []string{adoption, "1 added"}, noWrites: true},
			{command: "plan -detailed-exitcode"},
			{config: a, command: apply, says: []string{"1 changed"}, noWrites: true},
		}, pairOf(group, user(0))},
		"a replacement leads to a membership that exists": {[]step{
			{config: a, command: apply},
			{config: team(map[string]int64{"a": user(1)}, ""), outside: add(user(1)), command: "plan", says: []string{review, "56000102"}},
			{config: team(map[string]int64{"a": user(1)}, adopt), command: "plan", says: []string{adoption, "56000102"}},
			{command: apply, says: []string{adoption}},
		}, pairOf(group, user(1))},
		"replaced by itself": {[]step{
			{config: a, command: apply},
			{command: "plan -replace=" + firstUserKey, says: []string{"1 to add, 0 to change, 1 to destroy"}, saysNot: silence},
			{command: "plan -refresh=false -replace=" + firstUserKey, says: []string{"1 to add, 0 to change, 1 to destroy"}, saysNot: silence},
			{command: apply + " -replace=" + firstUserKey, says: []string{"1 added, 0 changed, 1 destroyed"}},
			{command: "taint " + firstUserKey},
			{command: "plan", says: []string{"1 to add, 0 to change, 1 to destroy"}, saysNot: silence},
			{command: "plan -refresh=false", code: 1, says: []string{existsError}},
			{command: apply, says: []string{"1 added, 0 changed, 1 destroyed"}},
		}, pairOf(group, user(0))},
		"replaced by itself with create_before_destroy": {[]step{
			{config: one("x", group, user(0), createFirst), command: apply},
			{command: apply + " -replace=kantata_access_group_membership.x", code: 1, says: []string{existsError, "create_before_destroy"}},
			{config: one("x", group, user(0), createFirst+adopt), command: apply, saysNot: []string{"Error:"}},
			{command: "plan -detailed-exitcode"},
			{command: apply + " -replace=kantata_access_group_membership.x", says: []string{"1 added, 0 changed, 1 destroyed"}},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, user(0))},
		"another group with create_before_destroy": {[]step{
			{config: one("x", group, user(0), createFirst+adopt), command: apply},
			{config: one("x", otherGroup, user(0), createFirst+adopt), command: apply, says: []string{"1 added, 0 changed, 1 destroyed"}},
		}, pairOf(otherGroup, user(0))},
		"a group that does not exist with create_before_destroy": {[]step{
			{config: one("x", group, user(0), createFirst+adopt), command: apply},
			{config: one("x", 999, user(0), createFirst+adopt), command: apply, code: 1, says: []string{"999"}},
		}, pairOf(group, user(0))},
		"moved, together with another user": {[]step{
			{config: a, command: apply},
			{config: team(map[string]int64{"b": user(1)}, "") + movedToB,
				command: apply, says: []string{"1 added, 0 changed, 1 destroyed"}, saysNot: silence},
		}, pairOf(group, user(1))},
		"imported at one address and created at another": {[]step{
			{config: one("x", group, user(0), "") + one("y", group, user(0), "") + importX("340001/12000001"),
				outside: add(user(0)), command: "plan", code: 1, says: []string{"56000101"}},
			{config: one("x", group, user(0), "") + one("y", group, user(0), "") + importX("56000101"),
				command: "plan", code: 1, says: []string{"56000101"}},
			{config: one("x", group, user(0), "") + importX("56000101"),
				command: apply, says: []string{"1 imported, 0 added, 0 changed, 0 destroyed"}},
		}, pairOf(group, user(0))},
		"one membership at two addresses": {[]step{
			{config: a, command: apply},
			{config: b, outside: remove(user(0)), command: apply + " -target=kantata_access_group_membership.team[\"b\"]"},
			{command: "plan", code: 1, says: []string{heldError, "56000102", "terraform state rm"}},
			{command: "plan -refresh=false", code: 1, says: []string{heldError, "terraform state rm"}},
			{command: apply, code: 1, noWrites: true},
			{config: ab(user(0), user(0)), command: "plan", says: []string{review, "of two resources"}},
			{config: ab(user(1), user(0)), command: "plan", code: 1, says: []string{heldError}},
			{config: b, command: "state rm " + firstUserKey},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, user(0))},
		"two aliases of one account": {[]step{
			{config: twoAliases + one("x", group, user(0), "") + one("y", otherGroup, user(1), "  provider = kantata.b\n"), command: apply},
			{command: "plan -detailed-exitcode"},
			{config: twoAliases + one("x", group, user(0), "") + one("z", otherGroup, user(1), ""), command: "plan", code: 1,
				says: []string{existsError, "moved {"}},
		}, append(pairOf(group, user(0)), pairOf(otherGroup, user(1))...)},
		"adopt_existing is set for a managed membership": {[]step{
			{config: a, command: apply},
			{config: team(map[string]int64{"a": user(0)}, adopt), command: "plan", says: []string{"0 to add, 1 to change, 0 to destroy"},
				saysNot: append([]string{"known after apply"}, silence...)},
			{command: apply, noWrites: true, says: []string{"1 changed"}},
			{config: a, command: apply, noWrites: true, says: []string{"1 changed"}},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, user(0))},
		"a removed block that destroys": {[]step{
			{config: x, command: apply},
			{config: removedX(true), command: "plan", says: []string{"0 to add, 0 to change, 1 to destroy"}, saysNot: silence},
			{command: apply, says: []string{"0 added, 0 changed, 1 destroyed"}, saysNot: silence},
		}, nil},
		"a removed block that forgets": {[]step{
			{config: x, command: apply},
			{config: removedX(false), command: apply, says: []string{"0 added, 0 changed, 0 destroyed"}, saysNot: silence, noWrites: true},
			{config: x, command: "plan", code: 1, says: []string{existsError, "56000101"}},
		}, pairOf(group, user(0))},
		"a removed block that forgets, and an import at another address": {[]step{
			{config: x, command: apply},
			{config: removedX(false) + y + importBlock("y", "340001/12000001"), command: apply, saysNot: silence, noWrites: true,
				says: []string{"1 imported, 0 added, 0 changed, 0 destroyed"}},
			{config: y, command: "plan -detailed-exitcode"},
		}, pairOf(group, user(0))},
		"a removed block that destroys, and another address": {[]step{
			{config: x, command: apply},
			{config: removedX(true) + y, command: "plan", code: 1, says: []string{"56000101"}},
			{config: removedX(true) + one("y", group, user(0), adopt), command: apply, says: []string{review}},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, user(0))},
		"-refresh-only after a removal outside Terraform": {[]step{
			{config: ab(user(0), user(1)), command: apply},
			{outside: remove(user(0)), command: apply + " -refresh-only", saysNot: silence, noWrites: true},
			{command: apply, says: []string{"1 added, 0 changed, 0 destroyed"}, saysNot: silence},
		}, pairOf(group, user(0), user(1))},
		"-refresh-only of one membership at two addresses": {[]step{
			{config: a, command: apply},
			{config: b, outside: remove(user(0)), command: apply + " -target=kantata_access_group_membership.team[\"b\"]"},
			{command: apply + " -refresh-only", saysNot: silence, noWrites: true},
		}, pairOf(group, user(0))},
		"-target of a new key whose pair an old key holds": {[]step{
			{config: a, command: apply},
			{config: b, command: "plan -target=kantata_access_group_membership.team[\"b\"]", code: 1, says: []string{existsError, "moved {"}},
		}, pairOf(group, user(0))},
		"-target of one of several new memberships": {[]step{
			{config: ab(user(0), user(1)), command: apply + " -target=" + firstUserKey, says: []string{"1 added"}, saysNot: silence},
			{command: apply, says: []string{"1 added, 0 changed, 0 destroyed"}, saysNot: silence},
		}, pairOf(group, user(0), user(1))},
		"an import block, and creates at other addresses": {[]step{
			{config: x + importX("340001/12000001") + ab(user(1), user(2)), outside: add(user(0)), command: apply,
				says: []string{"1 imported, 2 added, 0 changed, 0 destroyed"}, saysNot: silence},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, users(0, 3)...)},
		"a tainted membership whose pair a new address takes": {[]step{
			{config: x, command: apply},
			{command: "taint kantata_access_group_membership.x"},
			{config: one("x", group, user(1), "") + y, command: apply, saysNot: []string{"Error:"}},
			{command: "plan -detailed-exitcode"},
		}, pairOf(group, user(0), user(1))},
		"a tainted membership that is imported at another address": {[]step{
			{config: x, command: apply},
			{command: "taint kantata_access_group_membership.x"},
			{config: one("x", group, user(1), "") + y + importBlock("y", "340001/12000001"), command: "plan", says: []string{review, "56000101"}},
			{command: "plan -parallelism=1", says: []string{review, "56000101"}},
			{config: one("x", group, user(1), "") + y + importBlock("y", "56000101"), command: "plan", says: []string{review, "56000101"}},
			{command: "untaint kantata_access_group_membership.x"},
			{command: "plan", code: 1, says: []string{heldError}},
			{config: x, command: "plan -detailed-exitcode", saysNot: silence},
		}, pairOf(group, user(0))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range h.steps {
				if strings.Contains(s.config, "moved {") {
					needs(t, "moved blocks", "1.1.0", "1.6.0")
				}
				if slices.Contains(s.says, "moved {") || slices.Contains(s.says, heldError) {
					needs(t, "plan calls for removals", "1.3.0", "1.6.0")
				}
				if strings.Contains(s.config, "import {") {
					needs(t, "import blocks", "1.5.0", "1.6.0")
				}
				if strings.Contains(s.config, "removed {") {
					needs(t, "removed blocks that say whether to destroy", "1.7.0", "1.10.0")
				}
			}

			kantata := company()
			for n := range int64(100) {
				kantata.AddUser(user(n), fmt.Sprintf("Person %d", n), "")
			}
			kantata.AddUser(user(0), "Jane Doe", "jane@example.com")
			w := newWorkspace(t, kantata)
			for i, s := range h.steps {
				if s.config != "" {
					w.write("main.tf", requirement+s.config)
				}
				if s.outside != nil {
					s.outside(kantata)
				}
				kantata.ResetRequests()
				if entry, ok := strings.CutPrefix(s.command, "state rm "); ok {
					w.removeFromState(entry)
					continue
				}
				output := w.run(s.code, strings.Fields(s.command)...)
				w.says(output, s.says...)
				for _, text := range s.saysNot {
					if strings.Contains(output, text) {
						t.Errorf("step %d: got %q, want output without it:\n%s", i, text, output)
					}
				}
				for text, times := range s.times {
					if got := strings.Count(output, text); got != times {
						t.Errorf("step %d: got %q %d times, want %d:\n%s", i, text, got, times, output)
					}
				}
				if s.noWrites && slices.ContainsFunc(kantata.Requests(), func(r kantatatest.Request) bool { return r.Method != http.MethodGet }) {
					t.Errorf("step %d: got writes %v, want none", i, kantata.Requests())
				}
			}
			var end []string
			for _, m := range kantata.Memberships() {
				end = append(end, fmt.Sprintf("%d/%d", m.AccessGroupID, m.UserID))
			}
			slices.Sort(end)
			slices.Sort(h.end)
			if !slices.Equal(end, h.end) {
				t.Errorf("got memberships %v at the end, want %v", end, h.end)
			}
		})
	}
}

// removeFromState runs a command of two words, which does not accept -no-color.
func (w *workspace) removeFromState(address string) {
	w.t.Helper()
	if output, code, err := w.cli.Run(w.t.Context(), w.dir, w.env, "state", "rm", address); err != nil || code != 0 {
		w.t.Fatalf("state rm %s: got exit code %d and the error %v, want 0\n%s", address, code, err, output)
	}
}

// TestTerraformTest runs terraform test with the real provider: its runs share a state, and it destroys what they have created.
func TestTerraformTest(t *testing.T) {
	t.Parallel()
	needs(t, "terraform test", "1.6.0", "1.6.0")

	w := newWorkspace(t, company())
	w.write("main.tf", requirement+"variable \"users\" {\n  type = map(string)\n}\n"+
		"resource \"kantata_access_group_membership\" \"team\" {\n"+
		"  for_each = var.users\n  access_group_id = 340001\n  user_id = each.value\n}\n")
	run := func(name string, a, b int64) string {
		return fmt.Sprintf("run %q {\n  variables {\n    users = { a = %d, b = %d }\n  }\n  assert {\n"+
			"    condition = %s.user_id == \"%d\"\n    error_message = \"another user\"\n  }\n}\n", name, a, b, firstUserKey, a)
	}
	w.write("main.tftest.hcl", run("two_people", user(0), user(1))+run("who_trade_places", user(1), user(0)))
	w.says(w.run(0, "test"), "Success! 2 passed, 0 failed.")
	if got := w.kantata.Memberships(); len(got) != 0 {
		t.Errorf("got memberships %v after the test, want none", got)
	}
}

// TestTradeWithAnUnknownUser follows the advice of the error about a person who is not known until apply.
func TestTradeWithAnUnknownUser(t *testing.T) {
	t.Parallel()
	needs(t, "terraform_data", "1.4.0", "1.6.0")

	w := newWorkspace(t, company())
	config := func(known, unknown int64) string {
		return requirement + one("x", group, known, "") +
			fmt.Sprintf("resource \"terraform_data\" \"user\" {\n  input = %d\n}\n", unknown) +
			"resource \"kantata_access_group_membership\" \"y\" {\n  access_group_id = 340001\n  user_id = terraform_data.user.output\n}\n"
	}
	w.write("main.tf", config(user(0), user(1)))
	w.run(0, strings.Fields(apply)...)
	w.write("main.tf", config(user(1), user(0)))
	w.kantata.ResetRequests()
	w.says(w.run(1, strings.Fields(apply)...), "Error: Access Group Membership Still Held", "340001/12000002", "-target")
	const replaced = "-replace=kantata_access_group_membership.y"
	w.says(w.run(1, "plan", replaced), "Error: Access Group Membership Still Held", "-target")
	w.run(0, strings.Fields(apply+" -target=terraform_data.user")...)
	for _, r := range w.kantata.Requests() {
		if r.Method != http.MethodGet {
			t.Errorf("got %s %s, want no write", r.Method, r.Path)
		}
	}
	w.says(w.run(0, "plan", replaced), review, "2 to add, 0 to change, 2 to destroy")
	w.says(w.run(0, strings.Fields(apply)...), review, "2 added, 0 changed, 2 destroyed")
	w.run(0, "plan", "-detailed-exitcode")
}

// TestUnknownUserIsNotAnotherOne plans and applies with a user ID that is known only during the apply.
func TestUnknownUserIsNotAnotherOne(t *testing.T) {
	t.Parallel()
	needs(t, "terraform_data", "1.4.0", "1.6.0")

	w := newWorkspace(t, company())
	config := func(version string, id int64) string {
		return requirement + fmt.Sprintf("resource \"terraform_data\" \"user\" {\n  input = %d\n  triggers_replace = %q\n}\n"+
			"resource \"kantata_access_group_membership\" \"x\" {\n  access_group_id = 340001\n"+
			"  user_id = terraform_data.user.output\n}\n", id, version)
	}
	w.write("main.tf", config("1", user(0)))
	w.run(0, strings.Fields(apply)...)
	w.write("main.tf", config("2", user(0)))
	w.says(w.run(0, "plan"), "1 to add, 1 to change, 1 to destroy")
	w.kantata.ResetRequests()
	w.run(0, strings.Fields(apply)...)
	for _, r := range w.kantata.Requests() {
		if r.Method != http.MethodGet {
			t.Errorf("got %s %s, want no write", r.Method, r.Path)
		}
	}
	w.write("main.tf", config("3", user(1)))
	w.says(w.run(1, strings.Fields(apply)...), "inconsistent final plan")
	if got := w.kantata.Memberships(); len(got) != 1 || got[0].UserID != user(0) {
		t.Errorf("got memberships %v, want that of user %d", got, user(0))
	}
	w.says(w.run(0, strings.Fields(apply)...), "1 added, 0 changed, 1 destroyed")
}
