package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestMembershipLifecycle(t *testing.T) {
	t.Parallel()

	for name, dialect := range map[string]kantatatest.Dialect{
		"strings": {},
		"mixed":   {IDs: kantatatest.IDMixed, CreateStatus: 201, DeleteStatus: 204, Dates: kantatatest.DateTimeUTC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			fake := newFake(t, dialect)
			const address = "kantata_access_group_membership.test"
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				CheckDestroy:             destroyed(fake),
				Steps: []resource.TestStep{
					{
						Config: membershipConfig(fake, `"340002"`, "12000001"),
						Check: resource.ComposeAggregateTestCheckFunc(
							resource.TestCheckResourceAttr(address, "id", "56000101"),
							resource.TestCheckResourceAttr(address, "access_group_name", "Resource Managers"),
							resource.TestCheckResourceAttr(address, "user_name", "Jane Doe"),
							resource.TestCheckResourceAttr(address, "creator_id", "12000009"),
							resource.TestMatchResourceAttr(address, "created_at", regexp.MustCompile(`^2026-11-2`)),
							func(*terraform.State) error {
								if n := count(fake, http.MethodPost); n != 1 {
									return fmt.Errorf("got %d POSTs, want 1", n)
								}
								return nil
							},
						),
					},
					{Config: membershipConfig(fake, `"340002"`, "12000001"), ConfigPlanChecks: noop},
					{ResourceName: address, ImportState: true, ImportStateVerify: true},
					{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: " 340002/12000001 "},
					{ResourceName: address, ImportState: true, ImportStateId: "12000001/340002", ExpectError: regexp.MustCompile(`swapped`)},
					{ResourceName: address, ImportState: true, ImportStateId: "jane", ExpectError: regexp.MustCompile(`none\s+of\s+the\s+valid\s+forms`)},
					{
						PreConfig: func() {
							fake.RemoveMembership(56000101)
							fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
						},
						Config:           membershipConfig(fake, `"340002"`, "12000001"),
						ConfigPlanChecks: noop,
						Check:            resource.TestCheckResourceAttr(address, "id", "56000102"),
					},
					{
						PreConfig: func() { fake.RemoveMembership(56000102) },
						Config:    membershipConfig(fake, `"340002"`, "12000001"),
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
							plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
						}},
						Check: resource.TestCheckResourceAttr(address, "id", "56000103"),
					},
					{
						Config: membershipConfig(fake, `"340003"`, "12000001"),
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
							plancheck.ExpectResourceAction(address, plancheck.ResourceActionReplace),
						}},
					},
				},
			})
		})
	}
}

func TestCreateOfAnExistingMembership(t *testing.T) {
	t.Parallel()

	fake := newFake(t, kantatatest.Dialect{})
	fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:      membershipConfig(fake, `"340002"`, `"12000001"`),
			ExpectError: regexp.MustCompile(`(?s)56000101.*import \{.*340002/12000001`),
		}},
	})
	if n := count(fake, http.MethodPost); n != 0 {
		t.Errorf("got %d POSTs, want none", n)
	}
}

func TestInvalidIDs(t *testing.T) {
	t.Parallel()

	r := newServer(t, New("test")())
	for _, id := range []string{"", " ", "012", "12 ", "-1", "1.5", "jane", "99999999999999999999"} {
		for _, attribute := range []string{"access_group_id", "user_id"} {
			said := r.validate(janeConfig(r, map[string]tftypes.Value{attribute: text(id)}))
			if !strings.Contains(said, "Invalid Kantata ID") || !strings.Contains(said, attribute) {
				t.Errorf("%s = %q: got %q, want Invalid Kantata ID", attribute, id, said)
			}
		}
	}
}
