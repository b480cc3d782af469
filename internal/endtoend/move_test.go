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

// TestMoveFromARestProvider applies moved blocks to states that contain what the real providers store.
func TestMoveFromARestProvider(t *testing.T) {
	t.Parallel()
	needs(t, "moved blocks between resource types", "1.8.0", "1.10.0")
	stored := func(name string) string { return example(t, "../internal/provider/testdata/moved/"+name+".json") }
	for name, c := range map[string]struct {
		old  oldResource
		user int64
	}{
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
			for user := range int64(3) {
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
		w.says(w.run(1, "plan"), "Unable to Move Resource State", "from = restapi_object.NAME", "destroy = false",
			`id = "ACCESS_GROUP_ID/USER_ID"`)
	})
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
