package provider

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestMembershipsDataSource(t *testing.T) {
	for name, dialect := range map[string]kantatatest.Dialect{
		"strings": {}, "numbers": {IDs: kantatatest.IDNumbers, Dates: kantatatest.DateOnly}, "mixed": {IDs: kantatatest.IDMixed},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			rows := fake.SeedMemberships(5, 20, 95)
			for _, c := range []struct {
				config   map[string]string
				requests int
			}{
				{nil, 7}, // page 1 of 5, and then the last page, all others, and the last page again
				{map[string]string{"access_group_id": "340003"}, 1},
				{map[string]string{"user_id": "12000004"}, 1},
				{map[string]string{"access_group_id": "340003", "user_id": "12000004"}, 1},
				{map[string]string{"access_group_id": "999"}, 1},
			} {
				fake.ResetRequests()
				read, said := newRun(t, fake).data("kantata_access_group_memberships", filters(c.config))
				if said != "" {
					t.Fatalf("got the error %q, want none", said)
				}
				want := []string{}
				sorted := slices.SortedFunc(slices.Values(rows), func(a, b kantatatest.Membership) int {
					return cmp.Or(cmp.Compare(a.AccessGroupID, b.AccessGroupID), cmp.Compare(a.UserID, b.UserID))
				})
				for _, row := range sorted {
					s := stateOf(row)
					matches := func(name string) bool { return c.config[name] == "" || c.config[name] == s[name] }
					if matches("access_group_id") && matches("user_id") {
						want = append(want, s["id"])
					}
				}
				got := []string{}
				for _, m := range read["memberships"].([]any) {
					attributes := m.(map[string]any)
					got = append(got, attributes["id"].(string))
					for _, name := range []string{"access_group_id", "access_group_name", "user_id", "user_name", "creator_id", "created_at"} {
						if attributes[name] == nil {
							t.Errorf("got no %s in %v, want one", name, m)
						}
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%v: got %d memberships, want %d, sorted by group and user", c.config, len(got), len(want))
				}
				if n := len(fake.Requests()); n != c.requests {
					t.Errorf("%v: got %d requests, want %d", c.config, n, c.requests)
				}
			}
		}, kantatatest.WithDialect(dialect), kantatatest.WithMaxPerPage(20))
	}
}

// TestMembershipsDataSourceIsCompleteOrAnError expects an error, and not a shorter list, if a page fails or has fewer rows than it counts.
func TestMembershipsDataSourceIsCompleteOrAnError(t *testing.T) {
	for name, fault := range map[string]kantatatest.Fault{
		"a page is refused":      {Method: http.MethodGet, Status: http.StatusForbidden, Match: secondPage},
		"a page is a login page": {Method: http.MethodGet, Effect: kantatatest.LoginPage, Match: secondPage},
		"a page has no results":  {Method: http.MethodGet, Effect: kantatatest.NoResults, Match: secondPage},
		"a page is empty":        {Method: http.MethodGet, Effect: kantatatest.EmptyList, Match: secondPage},
		"a page is cut off":      {Method: http.MethodGet, Effect: kantatatest.CutBody, Match: secondPage},
		"a page is half JSON":    {Method: http.MethodGet, Effect: kantatatest.TruncateJSON, Match: secondPage},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			fake.SeedMemberships(5, 20, 95)
			fake.Inject(fault)
			read, said := newRun(t, fake).data("kantata_access_group_memberships", nil)
			if !strings.Contains(said, summaryList) || read != nil {
				t.Errorf("got %q and %d attributes, want the error %q", said, len(read), summaryList)
			}
		}, kantatatest.WithMaxPerPage(20))
	}
}

func secondPage(r kantatatest.Request) bool { return strings.Contains("&"+r.Query, "&page=2") }

func TestMembershipDataSource(t *testing.T) {
	const name = "kantata_access_group_membership"
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		id := fmt.Sprint(fake.AddMembership(340002, 12000001))
		for _, c := range []struct {
			config map[string]string
			says   string
		}{
			{map[string]string{"id": id}, ""},
			{map[string]string{"access_group_id": "340002", "user_id": "12000001"}, ""},
			{map[string]string{"id": "1"}, "Not Found"},
			{map[string]string{"access_group_id": "340002", "user_id": "12000002"}, "Not Found"},
			{nil, "Set id, or both"},
			{map[string]string{"access_group_id": "340002"}, "user_id"},
			{map[string]string{"user_id": "12000001"}, "access_group_id"},
			{map[string]string{"id": id, "access_group_id": "340002", "user_id": "12000001"}, "Set id, or both"},
			{map[string]string{"id": id, "user_id": "12000001"}, "Set id, or both"},
			{map[string]string{"id": "jane"}, "jane"},
		} {
			read, said := newRun(t, fake).data(name, filters(c.config))
			if c.says != "" {
				if !strings.Contains(said, c.says) {
					t.Errorf("%v: got %q, want %q", c.config, said, c.says)
				}
				continue
			}
			want := map[string]any{"id": id, "user_id": "12000001", "user_name": "Jane Doe", "access_group_name": "Resource Managers"}
			for attribute, value := range want {
				if said != "" || read[attribute] != value {
					t.Errorf("%v: got %s = %v and the error %q, want %v", c.config, attribute, read[attribute], said, value)
				}
			}
		}
	})
}

func TestUsersDataSource(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddUserOutsideProjects(12000050, "Olga", "Olga@Example.com")
		fake.AddUser(12000051, "Twin 1", "twin@example.com")
		fake.AddUser(12000052, "Twin 2", "Twin@example.com")
		read := func(addresses ...string) (map[string]any, string) {
			fake.ResetRequests()
			return newRun(t, fake).data("kantata_users", map[string]tftypes.Value{"email_addresses": set(addresses...)})
		}

		found, said := read("JANE@example.com", "olga@example.com")
		if said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		wantIDs := map[string]any{"JANE@example.com": "12000001", "olga@example.com": "12000050"}
		if got := found["ids_by_email_address"].(map[string]any); !maps.Equal(got, wantIDs) {
			t.Errorf("got the IDs %v, want %v", got, wantIDs)
		}
		wantUsers := []any{
			map[string]any{"id": "12000001", "full_name": "Jane Doe", "email_address": "jane@example.com"},
			map[string]any{"id": "12000050", "full_name": "Olga", "email_address": "Olga@Example.com"},
		}
		if diff := gocmp.Diff(wantUsers, found["users"]); diff != "" {
			t.Errorf("the users differ (-want +got):\n%s", diff)
		}
		if n := len(fake.Requests()); n != 1 {
			t.Errorf("got %d requests, want 1", n)
		}

		// Two spellings of one address are one person.
		found, said = read("jane@example.com", "JANE@example.com")
		if said != "" || len(found["users"].([]any)) != 1 || len(found["ids_by_email_address"].(map[string]any)) != 2 {
			t.Errorf("two spellings: got %v and the error %q, want 1 person and 2 addresses", found, said)
		}
		if found, said := read(); said != "" || len(found["users"].([]any)) != 0 || len(fake.Requests()) != 0 {
			t.Errorf("no addresses: got %v, the error %q and %d requests, want no one and no request", found, said, len(fake.Requests()))
		}
		for _, c := range [][2]string{
			{"zoe@example.com", "User Not Found"},
			{"zoe@example.com", `"zoe@example.com"`},
			{"twin@example.com", "User Not Unique"},
			{"twin@example.com", "2 people"},
			{"twin@example.com", ": 12000051 (Twin 1), 12000052 (Twin 2)."},
		} {
			if _, said := read("jane@example.com", c[0]); !strings.Contains(said, c[1]) {
				t.Errorf("%s: got %q, want %q", c[0], said, c[1])
			}
		}
		for bad, want := range map[string]string{
			"":                       `email_addresses contains "". It must be an e-mail address`,
			" ":                      `contains " ". It must be an e-mail address`,
			"jane":                   `contains "jane". It must be an e-mail address`,
			"a@b, c@d":               "It must be one e-mail address. Write each address as an element of its own.",
			"a@b,c@d":                "It must be one e-mail address.",
			"jane@example.com ":      "without surrounding spaces. Remove them, for example with trimspace().",
			"\u00a0jane@example.com": "without surrounding spaces.",
		} {
			if _, said := read(bad); !strings.Contains(said, want) || len(fake.Requests()) != 0 {
				t.Errorf("%q: got %q and %d requests, want %q and no request", bad, said, len(fake.Requests()), want)
			}
		}

		if _, said := newRun(t, fake).data("kantata_users", map[string]tftypes.Value{
			"email_addresses": nullAmong("jane@example.com"),
		}); !strings.Contains(said, "Null Element") {
			t.Errorf("a null: got %q, want Null Element", said)
		}

		addresses := make([]string, 200)
		for i := range addresses {
			addresses[i] = fmt.Sprintf("person%d@example.com", i)
			fake.AddUser(13000001+int64(i), fmt.Sprint("Person ", i), addresses[i])
		}
		if found, said := read(addresses...); said != "" || len(found["users"].([]any)) != 200 || len(fake.Requests()) != 1 {
			t.Errorf("200 people: got %d, the error %q and %d requests, want 200 and 1 request",
				len(found["users"].([]any)), said, len(fake.Requests()))
		}
	})
}

// TestUsersDataSourceIgnoresMissing expects the people who exist, whether or not others are missing.
func TestUsersDataSourceIgnoresMissing(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddUser(12000051, "Twin 1", "twin@example.com")
		fake.AddUser(12000052, "Twin 2", "Twin@example.com")
		read := func(addresses ...string) (map[string]any, string) {
			return newRun(t, fake).data("kantata_users", map[string]tftypes.Value{
				"email_addresses": set(addresses...), "ignore_missing": tftypes.NewValue(tftypes.Bool, true),
			})
		}
		found, said := read("zoe@example.com", "Jane@example.com", "Former@example.com")
		if said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		if got, want := found["missing_email_addresses"], []any{"Former@example.com", "zoe@example.com"}; !slices.Equal(got.([]any), want) {
			t.Errorf("got the missing addresses %v, want %v", got, want)
		}
		if got, want := found["ids_by_email_address"].(map[string]any), map[string]any{"Jane@example.com": "12000001"}; !maps.Equal(got, want) {
			t.Errorf("got the IDs %v, want %v", got, want)
		}
		if users := found["users"].([]any); len(users) != 1 {
			t.Errorf("got %d users, want 1", len(users))
		}
		if found, said := read("jane@example.com"); said != "" || len(found["missing_email_addresses"].([]any)) != 0 {
			t.Errorf("everyone is found: got %v and the error %q, want no missing address", found["missing_email_addresses"], said)
		}
		if _, said := read("twin@example.com"); !strings.Contains(said, "User Not Unique") {
			t.Errorf("two people: got %q, want User Not Unique", said)
		}
	})
}

func TestAccessGroupsDataSource(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddAccessGroup(340010, "Resource Managers")
		fake.AddMembership(340010, 12000001)
		fake.AddMembership(340002, 12000001)
		fake.AddMembership(340002, 12000002)
		fake.AddMembership(340001, 12000002)
		read := func(config map[string]tftypes.Value) (map[string]any, string) {
			return newRun(t, fake).data("kantata_access_groups", config)
		}
		found, said := read(nil)
		if said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		var got []string
		for _, g := range found["access_groups"].([]any) {
			attributes := g.(map[string]any)
			got = append(got, fmt.Sprintf("%s %s %s", attributes["id"], attributes["name"], attributes["member_count"]))
		}
		if want := []string{"340001 Finance Approvers 1", "340002 Resource Managers 2", "340010 Resource Managers 1"}; !slices.Equal(got, want) {
			t.Errorf("got the groups %q, want %q", got, want)
		}
		// A name that two groups share is no key.
		if want := map[string]any{"Finance Approvers": "340001"}; !maps.Equal(found["ids_by_name"].(map[string]any), want) {
			t.Errorf("got the IDs %v, want %v", found["ids_by_name"], want)
		}
		if n := len(fake.Requests()); n != 1 {
			t.Errorf("got %d requests, want 1", n)
		}

		found, said = read(map[string]tftypes.Value{"names": set("Finance Approvers")})
		if said != "" || len(found["access_groups"].([]any)) != 1 {
			t.Errorf("by name: got %v and the error %q, want one group", found, said)
		}
		for name, want := range map[string]string{
			"Resource Managers":   `2 access groups have the name "Resource Managers": 340002, 340010.`,
			"Rate Card Editors":   "does not show groups without members",
			"finance  Approvers ": `Did you mean "Finance Approvers" (340001)?`,
			"resource managers":   `Did you mean "Resource Managers" (340002, 340010)?`,
		} {
			if _, said := read(map[string]tftypes.Value{"names": set(name)}); !strings.Contains(said, want) {
				t.Errorf("%s: got %q, want %q", name, said, want)
			}
		}
		if _, said := read(map[string]tftypes.Value{"names": nullAmong("Finance Approvers")}); !strings.Contains(said, "Null Element") {
			t.Errorf("a null: got %q, want Null Element", said)
		}
	})
}

// TestAccessGroupsDataSourceWithOddRows expects a group to keep its name if a row lacks it, and to count a person once who is in the group
// twice.
func TestAccessGroupsDataSourceWithOddRows(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.Inject(kantatatest.Fault{Method: http.MethodGet, Effect: kantatatest.ReturnStatus, Status: 200, Body: `{"count": 3, "results": [
			{"key": "access_group_memberships", "id": "1"}, {"key": "access_group_memberships", "id": "2"},
			{"key": "access_group_memberships", "id": "3"}], "access_group_memberships": {
			"1": {"id": "1", "access_group_id": "7", "user_id": "41", "access_group_name": "Finance"},
			"2": {"id": "2", "access_group_id": "7", "user_id": "42", "access_group_name": null},
			"3": {"id": "3", "access_group_id": "7", "user_id": "41", "access_group_name": null}}}`})
		found, said := newRun(t, fake).data("kantata_access_groups", map[string]tftypes.Value{"names": set("Finance")})
		if said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		got := fmt.Sprint(found["access_groups"])
		if want := "[map[id:7 member_count:2 name:Finance]]"; got != want {
			t.Errorf("got the groups %s, want %s", got, want)
		}
	})
}

func TestAccessGroupsDataSourceIgnoresMissing(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddAccessGroup(340010, "Resource Managers")
		for _, group := range []int64{340001, 340002, 340010} {
			fake.AddMembership(group, 12000001)
		}
		read := func(names ...string) (map[string]any, string) {
			return newRun(t, fake).data("kantata_access_groups", map[string]tftypes.Value{
				"names": set(names...), "ignore_missing": tftypes.NewValue(tftypes.Bool, true),
			})
		}
		found, said := read("finance approvers", "Rate Card Editors", "Finance Approvers")
		if said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		if got, want := found["missing_names"], []any{"Rate Card Editors", "finance approvers"}; !slices.Equal(got.([]any), want) {
			t.Errorf("got the missing names %v, want %v", got, want)
		}
		if got, want := found["ids_by_name"].(map[string]any), map[string]any{"Finance Approvers": "340001"}; !maps.Equal(got, want) {
			t.Errorf("got the IDs %v, want %v", got, want)
		}
		if _, said := read("Resource Managers"); !strings.Contains(said, "Access Group Name Not Unique") {
			t.Errorf("two groups: got %q, want Access Group Name Not Unique", said)
		}
	})
}
