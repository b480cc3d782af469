package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestMoveFromRealStates moves states that the real providers wrote: Mastercard/restapi 3.0 after a create (jane) and an import (diego),
// 1.20 (emi) and 2.0 (femi); magodo/restful 0.25 without selectors (amir) and with them (chloe), 0.10, which keeps JSON in strings
// (grace), and 0.14 with paths that end in .json (henrik).
func TestMoveFromRealStates(t *testing.T) {
	for name, want := range map[string]state{
		"restapi_object_diego":    {"id": "56000101", "access_group_id": "340003", "user_id": "12000004"},
		"restapi_object_jane":     {"id": "56000102", "access_group_id": "340001", "user_id": "12000001"},
		"restapi_object_emi":      {"id": "56000106", "access_group_id": "340001", "user_id": "12000005"},
		"restapi_object_femi":     {"id": "56000107", "access_group_id": "340001", "user_id": "12000006"},
		"restful_resource_amir":   {"id": "56000103", "access_group_id": "340001", "user_id": "12000002"},
		"restful_resource_chloe":  {"id": "56000104", "access_group_id": "340001", "user_id": "12000003"},
		"restful_resource_grace":  {"id": "56000108", "access_group_id": "340001", "user_id": "12000007"},
		"restful_resource_henrik": {"id": "56000109", "access_group_id": "340001", "user_id": "12000008"},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			fake.SeedCompany()
			fake.AddMembership(kantatatest.RateCardEditors, kantatatest.FirstUser+3)
			for user := range int64(8) {
				fake.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+user)
			}
			moved, read, problem := newRun(t, fake).move(name[:strings.LastIndex(name, "_")], storedState(t, name))
			if diff := cmp.Diff(want, moved); diff != "" || problem != "" {
				t.Fatalf("got the error %q and a difference (-want +got):\n%s", problem, diff)
			}
			for attribute, value := range want {
				if read[attribute] != value {
					t.Errorf("got %s = %q after the read, want %q", attribute, read[attribute], value)
				}
			}
			if read["user_name"] == "" {
				t.Errorf("got %v after the read, want a user_name", read)
			}
		})
	}
}

func storedState(t *testing.T, name string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "moved", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

func TestMove(t *testing.T) {
	const (
		row   = `{"id":"56000101","access_group_id":"340002","user_id":"12000001"}`
		body  = `{"access_group_id":340002,"user_id":12000001}`
		other = `{"access_group_id":340001,"user_id":12000002}`
	)
	want := state{"id": "56000101", "access_group_id": "340002", "user_id": "12000001"}
	pair := state{"access_group_id": "340002", "user_id": "12000001"}
	const restapi, restful = "restapi_object", "restful_resource"
	for name, c := range map[string]struct {
		sourceType, source string
		want               state
		problem            string
	}{
		"the ID in a path":             {restful, `{"id":"/v1/access_group_memberships/56000101.json","body":` + row + `}`, want, ""},
		"the ID in a path and a query": {restful, `{"id":"/access_group_memberships/56000101?include=user","body":` + body + `}`, want, ""},
		"an ID of its own choice":      {restapi, `{"id":"jane","data":` + body + `}`, pair, ""},
		"its own choice of digits":     {restapi, `{"id":"1","api_response":{"rows":[` + row + `]}}`, want, ""},
		"too many digits":              {restapi, `{"id":"99999999999999999999","data":` + body + `}`, pair, ""},
		"no ID":                        {restapi, `{"data":` + body + `}`, pair, ""},
		"a new pair in the data":       {restapi, `{"id":"56000101","data":` + other + `,"api_response":` + row + `}`, want, ""},
		"no pair":                      {restapi, `{"id":"56000101","data":"{\"name\":\"Jane\"}"}`, nil, "from = restapi_object.NAME"},
		"half a pair":                  {restful, `{"id":"56000101","body":{"value":{"user_id":12000001}}}`, nil, "from = restful_resource.NAME"},
		"two pairs":                    {restapi, `{"id":"x","a":` + other + `,"b":` + row + `}`, nil, `id = "ACCESS_GROUP_ID/USER_ID"`},
		"an ID that no row confirms": {restapi, `{"id":"56000102","data":` + body + `}`, state{
			"access_group_id": "340002", "user_id": "12000001",
		}, ""},
		"no pair, but an ID":           {restful, storedState(t, "restful_resource_without_pair"), nil, `id = "56000105"`},
		"which of many":                {restapi, `{"id":"jane","data":"{}"}`, nil, "with the ID \"jane\"\ndoes not contain"},
		"a user with a membership":     {restapi, `{"id":"12000001","path":"/users","api_response":` + row + `}`, nil, `the path "/users"`},
		"a path that ends similarly":   {restful, `{"id":"/x","path":"/old_access_group_memberships","body":` + row + `}`, nil, "names the path"},
		"a path with a prefix":         {restful, `{"id":"/x","path":"/api/v1/access_group_memberships.json","body":` + row + `}`, want, ""},
		"a path that begins similarly": {restful, `{"id":"/x","path":"/access_group_memberships2","body":` + row + `}`, nil, "names the path"},
		"a path with a query":          {restful, `{"id":"/x","path":"access_group_memberships?a=b","body":` + row + `}`, want, ""},
		"a path for creates":           {restapi, `{"id":"x","path":"/","create_path":"/access_group_memberships","data":` + row + `}`, want, ""},
		"creates at another path":      {restapi, `{"id":"x","path":"/x","create_path":"/users","data":` + row + `}`, nil, "Correct the"},
		"no JSON":                      {restapi, `{`, nil, "destroy = false"},
		"a resource that no one knows": {"example_thing", row, nil, "example_thing"},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
			fake.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
			moved, read, problem := newRun(t, fake).move(c.sourceType, c.source)
			if diff := cmp.Diff(c.want, moved); diff != "" || !strings.Contains(problem, c.problem) || problem != "" && c.problem == "" {
				t.Fatalf("got the error %q, want %q; the state differs (-want +got):\n%s", problem, c.problem, diff)
			}
			if c.want != nil && read["id"] != "56000101" {
				t.Errorf("got the ID %q after the read, want 56000101", read["id"])
			}
		})
	}
}

// The ID of a restapi_object may be a number that its configuration chose. If Kantata returned no membership ID, it is not one: with
// -refresh=false, a replacement right after the move would delete someone else's membership (rule 7).
func TestMoveDoesNotGuessTheMembershipID(t *testing.T) {
	runInFakeTime(t, "", func(t *testing.T, fake *kantatatest.Server) {
		fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
		fake.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+1)
		r := newRun(t, fake)
		const source = `{"id":"56000102","path":"/access_group_memberships","data":"{\"access_group_id\":340002,\"user_id\":12000001}"}`
		moved, _, problem := r.move("restapi_object", source)
		if problem != "" {
			t.Fatal(problem)
		}
		if _, problem = r.delete(t.Context(), moved); problem != "" {
			t.Fatal(problem)
		}
		found, _ := r.data("kantata_access_group_memberships", nil)
		if rows := found["memberships"].([]any); len(rows) != 1 || rows[0].(map[string]any)["user_id"] != "12000002" {
			t.Errorf("got the memberships %v after the delete of 340002/12000001, want only that of user 12000002", rows)
		}
	})
}

// A move may find the pair without a membership ID. With -refresh=false, a replacement right after the move deletes the pair's membership.
func TestDeleteOfAMovedMembershipWithoutAnID(t *testing.T) {
	runInFakeTime(t, "", func(t *testing.T, fake *kantatatest.Server) {
		fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
		r := newRun(t, fake)
		const source = `{"id":"jane","path":"/access_group_memberships","data":"{\"access_group_id\":340002,\"user_id\":12000001}"}`
		moved, _, problem := r.move("restapi_object", source)
		if problem != "" {
			t.Fatal(problem)
		}
		_, problem = r.delete(t.Context(), moved)
		found, _ := newRun(t, fake).data("kantata_access_group_memberships", nil)
		if rows := found["memberships"].([]any); problem == "" && len(rows) > 0 {
			t.Errorf("got no error and the memberships %v after the delete, want an error or none", rows)
		}
	})
}
