package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// requestsTo returns how many requests the path got.
func requestsTo(fake *kantatatest.Server, path string) int {
	n := 0
	for _, r := range fake.Requests() {
		if strings.HasPrefix(r.Path, path) {
			n++
		}
	}
	return n
}

func TestImportByEmailAddress(t *testing.T) {
	t.Parallel()
	fake := newFake(t, kantatatest.Dialect{})
	fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	r := newRun(t, fake, 0, 10*time.Second)
	imported, said := r.importID(t.Context(), "340002/Jane@example.com")
	if said != "" || imported["user_id"] != "12000001" || imported["id"] == "" {
		t.Fatalf("got %v and %q, want the membership of 12000001", imported, said)
	}
	for id, want := range map[string]string{
		"340002/amir@example.com": "User 12000002 is not in access group 340002",
		"340002/zoe@example.com":  `No one on the Kantata account has the e-mail address "zoe@example.com"`,
	} {
		if _, said := r.importID(t.Context(), id); !strings.Contains(said, want) {
			t.Errorf("%s: got %q, want %q", id, said, want)
		}
	}
	if _, said := r.importIdentity("340002", "jane@example.com"); !strings.Contains(said, "Invalid Import Identity") {
		t.Errorf("an identity with an address: got %q, want Invalid Import Identity", said)
	}
}

// TestExportWithAddresses bounds the requests of an export, and expects null for a person who is deactivated.
func TestExportWithAddresses(t *testing.T) {
	t.Parallel()
	fake := kantatatest.New()
	t.Cleanup(fake.Close)
	fake.SeedMemberships(4, 400, 1600)
	fake.DeactivateUser(12000007)
	read := func(include bool) []any {
		fake.ResetRequests()
		found, said := newRun(t, fake, 0, 10*time.Second).data("kantata_access_group_memberships", map[string]tftypes.Value{
			"include_email_addresses": tftypes.NewValue(tftypes.Bool, include),
		})
		if said != "" {
			t.Fatal(said)
		}
		return found["memberships"].([]any)
	}
	for _, row := range read(true) {
		m := row.(map[string]any)
		var want any = "user" + strings.TrimLeft(strings.TrimPrefix(m["user_id"].(string), "12"), "0") + "@example.com"
		if m["user_id"] == "12000007" {
			want = nil
		}
		if m["user_email_address"] != want {
			t.Errorf("user %s: got the address %v, want %v", m["user_id"], m["user_email_address"], want)
		}
	}
	if users, all := requestsTo(fake, "/users"), len(fake.Requests()); users > 3 || all > 13 {
		t.Errorf("got %d requests, %d of them to /users, want at most 13 and 3", all, users)
	}
	for _, row := range read(false) {
		if address := row.(map[string]any)["user_email_address"]; address != nil {
			t.Fatalf("got the address %v without include_email_addresses, want null", address)
		}
	}
	if n := requestsTo(fake, "/users"); n != 0 {
		t.Errorf("got %d requests to /users without include_email_addresses, want none", n)
	}
}
