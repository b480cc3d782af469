package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestQueryListsEveryMembership(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		rows := fake.SeedMemberships(10, 50, 431)
		results := newRun(t, fake).query(nil, 0, true)
		if len(results) != len(rows) {
			t.Fatalf("got %d results, want %d", len(results), len(rows))
		}
		for i, result := range results {
			if text := diagnosticText(result.Diagnostics); text != "" {
				t.Fatalf("got the error %q, want none", text)
			}
			if want := rows[i].UserName + " in " + rows[i].AccessGroupName; result.DisplayName != want {
				t.Errorf("got the display name %q, want %q", result.DisplayName, want)
			}
			if result.Identity == nil || result.Resource == nil {
				t.Fatalf("got result %d with identity %v and resource %v, want both", i, result.Identity, result.Resource)
			}
		}
		if n := len(fake.Requests()); n != 5 {
			t.Errorf("got %d requests, want 5: page 1, and then 3, 1, 2, and 3 again", n)
		}
	})
}

func TestQueryHonorsTheLimit(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.SeedMemberships(10, 50, 431)
		results := newRun(t, fake).query(map[string]string{"access_group_id": "340001"}, 7, false)
		if len(results) != 7 || results[0].Resource != nil {
			t.Errorf("got %d results, the first with the resource %v, want 7 without a resource", len(results), results[0].Resource)
		}
		requests := fake.Requests()
		if len(requests) != 1 || !strings.Contains(requests[0].Query, "per_page=7") {
			t.Errorf("got the requests %v, want one page of 7", requests)
		}
	})
}

func TestQueryReportsAPageThatFails(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.SeedMemberships(10, 50, 431)
		fake.Inject(kantatatest.Fault{Method: http.MethodGet, Status: http.StatusForbidden, Skip: 1})
		results := newRun(t, fake).query(nil, 0, false)
		failed := slices.ContainsFunc(results, func(r tfprotov6.ListResourceResult) bool {
			return strings.Contains(diagnosticText(r.Diagnostics), "403")
		})
		if !failed {
			t.Errorf("got %d results without an error, want an error with 403", len(results))
		}
	})
}

func TestQueryThroughTerraform(t *testing.T) {
	t.Parallel()

	fake := newFake(t, kantatatest.Dialect{})
	fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
	fake.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Query: true,
			Config: configure(fake, `
list "kantata_access_group_membership" "all" {
  provider = kantata
  config {
    access_group_id = "340002"
  }
}`),
			QueryResultChecks: []querycheck.QueryResultCheck{
				querycheck.ExpectLength("kantata_access_group_membership.all", 2),
				querycheck.ExpectIdentity("kantata_access_group_membership.all", map[string]knownvalue.Check{
					"access_group_id": knownvalue.StringExact("340002"), "user_id": knownvalue.StringExact("12000002"),
				}),
			},
		}},
	})
}

func TestMembershipIdentity(t *testing.T) {
	t.Parallel()

	fake := newFake(t, kantatatest.Dialect{})
	const address = "kantata_access_group_membership.test"
	config := membershipConfig(fake, `"340002"`, `"12000001"`)
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             destroyed(fake),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"access_group_id": knownvalue.StringExact("340002"), "user_id": knownvalue.StringExact("12000001"),
				})},
			},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID, ImportStateId: "340002/12000001"},
			{
				PreConfig: func() { fake.RemoveMembership(fake.Memberships()[0].ID) },
				Config:    config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				}},
			},
		},
	})
}

func TestImportByIdentity(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		id := fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
		r := newRun(t, fake)
		after, said := r.importIdentity("340002", "12000001")
		if said != "" || after["id"] != fmt.Sprint(id) {
			t.Errorf("got %v and the error %q, want membership %d", after, said, id)
		}
		if _, said := r.importIdentity("340002", "jane"); !strings.Contains(said, `user_id "jane"`) {
			t.Errorf("import of a wrong user_id: got %q, want an error that quotes it", said)
		}
	})
}
