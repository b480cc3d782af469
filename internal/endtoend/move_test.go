package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

// oldResource is a resource of a generic REST provider as the state contains it.
type oldResource struct {
	source, resourceType string
	schemaVersion        int
	attributes, identity string // JSON
}

func restapiObject(attributes string) oldResource {
	return oldResource{"mastercard/restapi", "restapi_object", 0, attributes, "null"}
}

func restfulResource(attributes string) oldResource {
	return oldResource{"magodo/restful", "restful_resource", 2, attributes, `{"id":"{\"id\":\"/access_group_memberships/1\"}"}`}
}

// earlyRestfulResource is a resource of a version before 0.24, which has no identity. OpenTofu can move it.
func earlyRestfulResource(attributes string) oldResource {
	return oldResource{"magodo/restful", "restful_resource", 0, attributes, "null"}
}

// TestMoveFromARestProvider applies moved blocks to states that contain what the real providers store.
func TestMoveFromARestProvider(t *testing.T) {
	t.Parallel()
	needs(t, "moved blocks between resource types", "1.8.0", "1.10.0")
	stored := func(name string) string { return example(t, "../internal/provider/testdata/moved/"+name+".json") }
	for name, c := range map[string]struct {
		old  oldResource
		user int64
	}{
		"restapi 1.20":              {restapiObject(stored("restapi_object_emi")), kantatatest.FirstUser + 4},
		"restful without identity":  {earlyRestfulResource(stored("restful_resource_grace")), kantatatest.FirstUser + 6},
		"restapi":                   {restapiObject(stored("restapi_object_jane")), kantatatest.FirstUser},
		"restful without selectors": {restfulResource(stored("restful_resource_amir")), kantatatest.FirstUser + 1},
		"restful with selectors":    {restfulResource(stored("restful_resource_chloe")), kantatatest.FirstUser + 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.old.identity != "null" {
				// OpenTofu 1.12 ignores the identity that the move returns, and rejects that of the source.
				needs(t, "a move from a resource with an identity", "1.8.0", "")
			}
			w := newMoveWorkspace(t, c.old, c.user)
			w.kantata.AddMembership(kantatatest.RateCardEditors, kantatatest.FirstUser+3)
			for user := range int64(8) {
				w.kantata.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser+user)
			}
			w.says(w.run(0, "apply", "-auto-approve"), c.old.resourceType+".old has moved to kantata_access_group_membership.new",
				"0 added, 0 changed, 0 destroyed")
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
			for _, request := range w.kantata.Requests() {
				if request.Method != "GET" {
					t.Errorf("got %s %s, want only GET requests", request.Method, request.Path)
				}
			}
		})
	}
	t.Run("unreadable", func(t *testing.T) {
		t.Parallel()
		w := newMoveWorkspace(t, restapiObject(`{"id":"jane","data":"{}"}`), kantatatest.FirstUser)
		w.says(w.run(1, "plan"), "Unable to Move Resource State", `restapi_object with the ID "jane"`, "from = restapi_object.NAME",
			"destroy = false", `id = "ACCESS_GROUP_ID/USER_ID"`)
	})
}

// TestSwitchFromARestProvider follows the guide: it creates memberships with the old provider and switches in each of the ways.
func TestSwitchFromARestProvider(t *testing.T) {
	t.Parallel()
	const requirements = `terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
    restapi = { source = "mastercard/restapi" }
  }
}
`
	team := strings.NewReplacer("jane_finance", "resource_managers", "340001, user_id = 12000001", "340002, user_id = each.value",
		"{\n  path", "{\n  for_each = { \"amir@example.com\" = 12000002, \"chloe@example.com\" = 12000003 }\n\n  path").
		Replace(example(t, "rest-provider/restapi.tf"))
	managers := example(t, membershipExamples+"resource-team.tf")
	for name, c := range map[string]struct {
		terraform, opentofu, old, switched, says string
	}{
		"moved": {"1.8.0", "1.10.0", example(t, "rest-provider/restapi.tf"), example(t, "rest-provider/moved.tf"),
			"restapi_object.jane_finance has moved to kantata_access_group_membership.jane_finance"},
		"moved with for_each": {"1.8.0", "1.10.0", team, example(t, "rest-provider/moved-for-each.tf") + managers,
			"0 added, 2 changed, 0 destroyed"},
		"removed": {"1.7.0", "1.10.0", example(t, "rest-provider/restapi.tf"),
			strings.Replace(example(t, "rest-provider/removed.tf"), `"56000101"`, `"%d"`, 1), "1 imported, 0 added, 0 changed, 0 destroyed"},
		"removed with for_each": {"1.7.0", "1.10.0", team, example(t, "rest-provider/removed-for-each.tf"),
			"2 imported, 0 added, 0 changed, 0 destroyed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, name, c.terraform, c.opentofu)
			w := newWorkspace(t, company())
			w.cli = cli.WithConfig(withRestProvider(t, "mastercard/restapi"))
			w.write("main.tf", requirements+c.old)
			w.run(0, "apply", "-auto-approve")
			if strings.Contains(c.switched, "%d") {
				c.switched = fmt.Sprintf(c.switched, w.kantata.Memberships()[0].ID)
			}
			w.write("main.tf", requirements+c.switched)
			w.says(w.sendsNoWrite(func() string { return w.run(0, "apply", "-auto-approve") }), c.says)
			w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
		})
	}
}

// newMoveWorkspace returns a workspace with the old resource in its state and a configuration that moves it to a membership of the user.
func newMoveWorkspace(t *testing.T, old oldResource, user int64) *workspace {
	t.Helper()
	w := newWorkspace(t, company())
	host, err := cli.RegistryHost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.cli = cli.WithConfig(withRestProvider(t, old.source))
	instance := map[string]any{
		"schema_version": old.schemaVersion, "attributes": json.RawMessage(old.attributes), "identity": json.RawMessage(old.identity),
	}
	stored := map[string]any{
		"mode": "managed", "type": old.resourceType, "name": "old", "provider": fmt.Sprintf("provider[%q]", host+"/"+old.source),
		"instances": []any{instance},
	}
	state, err := json.Marshal(map[string]any{"version": 4, "terraform_version": "1.8.0", "lineage": "moved", "resources": []any{stored}})
	if err != nil {
		t.Fatal(err)
	}
	w.write("terraform.tfstate", string(state))
	w.write("main.tf", fmt.Sprintf(`terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
    old     = { source = %q }
  }
}

moved {
  from = %s.old
  to   = kantata_access_group_membership.new
}

resource "kantata_access_group_membership" "new" {
  access_group_id = "340001"
  user_id         = "%d"
}
`, old.source, old.resourceType, user))
	return w
}

// withRestProvider builds the stand-in for the provider and returns a CLI configuration that also uses it.
func withRestProvider(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	executable := filepath.Join(dir, "terraform-provider-"+filepath.Base(source))
	if runtime.GOOS == "windows" {
		executable += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", executable, terraformcli.Provider+"/internal/endtoend/restprovider")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: got the error %v, want none\n%s", err, output)
	}
	config, err := os.ReadFile(cli.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	overrides := fmt.Sprintf("dev_overrides {\n    %q = %q\n", source, dir)
	file := filepath.Join(dir, "terraformrc")
	if err := os.WriteFile(file, []byte(strings.Replace(string(config), "dev_overrides {\n", overrides, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
