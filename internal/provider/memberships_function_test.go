package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestMembershipsFunction(t *testing.T) {
	t.Parallel()
	byAddress := func(group, address string) map[string]any {
		return map[string]any{"access_group_id": group, "user_email_address": address, "user_id": nil}
	}
	byID := func(group, user string) map[string]any {
		return map[string]any{"access_group_id": group, "user_email_address": nil, "user_id": user}
	}
	list := tftypes.List{ElementType: tftypes.String}
	for name, c := range map[string]struct {
		teams tftypes.Value
		want  map[string]any
	}{
		"no teams":            {teamsObject(nil), map[string]any{}},
		"a team of no member": {teamsObject(map[string][]tftypes.Value{"340002": nil}), map[string]any{}},
		"mixed members": {
			teamsObject(map[string][]tftypes.Value{
				"340002": {text("Jane@Example.com"), exactNumber("12000002"), text("12000003")},
				"340003": {text("jane@example.com")},
			}),
			map[string]any{
				"340002/jane@example.com": byAddress("340002", "Jane@Example.com"),
				"340002/12000002":         byID("340002", "12000002"),
				"340002/12000003":         byID("340002", "12000003"),
				"340003/jane@example.com": byAddress("340003", "jane@example.com"),
			},
		},
		"surrounding whitespace": {
			teamsObject(map[string][]tftypes.Value{"340002": {text(" Jane@example.com "), text("12000003 ")}}),
			map[string]any{
				"340002/jane@example.com": byAddress("340002", " Jane@example.com "),
				"340002/12000003":         byID("340002", "12000003"),
			},
		},
		"more digits than a float64 has": {
			teamsObject(map[string][]tftypes.Value{"340002": {exactNumber("9007199254740993"), exactNumber("9223372036854775807")}}),
			map[string]any{
				"340002/9007199254740993":    byID("340002", "9007199254740993"),
				"340002/9223372036854775807": byID("340002", "9223372036854775807"),
			},
		},
		"a map of lists": {
			tftypes.NewValue(tftypes.Map{ElementType: list}, map[string]tftypes.Value{
				"340002": tftypes.NewValue(list, []tftypes.Value{text("a@b")}),
			}),
			map[string]any{"340002/a@b": byAddress("340002", "a@b")},
		},
		"a set": {
			tftypes.NewValue(
				tftypes.Object{AttributeTypes: map[string]tftypes.Type{"340002": tftypes.Set{ElementType: tftypes.String}}},
				map[string]tftypes.Value{"340002": set("a@b")}),
			map[string]any{"340002/a@b": byAddress("340002", "a@b")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problem := callMemberships(t, c.teams)
			if diff := cmp.Diff(c.want, got); problem != "" || diff != "" {
				t.Errorf("got the error %q and a difference (-want +got):\n%s", problem, diff)
			}
		})
	}
}

// TestMembershipsFunctionNamesEachMistake expects every mistake in one error, by group and member.
func TestMembershipsFunctionNamesEachMistake(t *testing.T) {
	t.Parallel()
	nothing := tftypes.NewValue(tftypes.DynamicPseudoType, nil)
	object := func(name string, value tftypes.Value) tftypes.Value {
		types := map[string]tftypes.Type{name: value.Type()}
		return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, map[string]tftypes.Value{name: value})
	}
	team := func(members ...tftypes.Value) tftypes.Value {
		return teamsObject(map[string][]tftypes.Value{"340002": members})
	}
	person := object("name", text("Jane"))
	for name, c := range map[string]struct {
		teams tftypes.Value
		want  string
	}{
		"a list of teams":      {set("jane@example.com"), `it must be a map of access group IDs to lists of members, for example {`},
		"a group by its name":  {object("Finance", nothing), `the key "Finance" is not an access group ID: write the number`},
		"a leading zero":       {teamsObject(map[string][]tftypes.Value{"0340002": nil}), `the key "0340002" is not an access group ID`},
		"no list":              {object("340002", nothing), "access group 340002 needs a list of members: write [] if it has none"},
		"an address":           {object("340002", text("jane@x.com")), `access group 340002 needs a list of members: write ["jane@x.com"]`},
		"an ID":                {object("340002", exactNumber("12000001")), `access group 340002 needs a list of members: write ["12000001"]`},
		"an object for a list": {object("340002", person), `access group 340002 needs a list of members: write one, for example ["jane@`},
		"null":                 {team(text("jane@example.com"), nothing), "member 2 of access group 340002: it is null: remove it, or write"},
		"null of type string":  {team(tftypes.NewValue(tftypes.String, nil)), "member 1 of access group 340002: it is null"},
		"null of type number":  {team(tftypes.NewValue(tftypes.Number, nil)), "member 1 of access group 340002: it is null"},
		"null of type object":  {team(tftypes.NewValue(person.Type(), nil)), "member 1 of access group 340002: it is null"},
		"empty":                {team(text("")), "member 1 of access group 340002: it is an empty string: remove"},
		"blank":                {team(text(" \t")), "member 1 of access group 340002: it is an empty string"},
		"a name":               {team(text("Jane Doe")), `"Jane Doe" is neither an e-mail address nor a user ID`},
		"two in one":           {team(text("a@b,c@d")), `"a@b,c@d" is neither`},
		"a fraction":           {team(exactNumber("12000001.5")), `"12000001.5" is neither`},
		"zero":                 {team(exactNumber("0")), `"0" is neither`},
		"too many digits":      {team(exactNumber("99999999999999999999")), `"99999999999999999999" is neither`},
		"a boolean":            {team(tftypes.NewValue(tftypes.Bool, true)), "true is neither"},
		"an object":            {team(person), `{"name":"Jane"} is neither`},
		"an address twice":     {team(text("jane@example.com"), text(" JANE@example.com")), `" is in the list twice: remove it, or remove`},
		"an ID in two forms":   {team(exactNumber("12000001"), text("12000001")), `"12000001" is in the list twice`},
		"two mistakes at once": {team(text("jane"), nothing), "nor a user ID;\nmember 2 of access group 340002: it is null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if result, problem := callMemberships(t, c.teams); !strings.Contains(problem, c.want) || strings.HasSuffix(problem, ".") {
				t.Errorf("got %v and the error %q, want an error with %q and no period", result, problem, c.want)
			}
		})
	}
}
