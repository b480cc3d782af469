package provider

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestCreateByEmailAddress(t *testing.T) {
	for name, style := range map[string]kantatatest.EmailAddressStyle{
		"any case": kantatatest.EmailAddressIgnoresCase, "exact": kantatatest.EmailAddressExact,
	} {
		for _, address := range []string{"jane@example.com", " JANE@Example.com\t", "olga@example.com"} {
			runInFakeTime(t, name+"/"+address, func(t *testing.T, fake *kantatatest.Server) {
				fake.AddUserOutsideProjects(12000001, "Jane Doe", "jane@example.com")
				fake.AddUser(12000050, "Olga Petrova", "Olga@Example.com")
				user := map[bool]string{true: "12000050", false: "12000001"}[strings.HasPrefix(address, "olga")]
				r := newRun(t, fake)
				p := r.plan(t.Context(), nil, nil, byAddress(r, address))
				if p.said != "" || !p.values["user_id"].Equal(text(user)) {
					t.Fatalf("got %q and the planned user_id %s, want %s", p.said, p.values["user_id"], user)
				}
				created, said := r.apply(t.Context(), nil, byAddress(r, address), p)
				if said != "" || created["user_id"] != user || created["user_email_address"] != address || created["user_name"] == "" {
					t.Errorf("got %v and %q, want the membership of %s with the address as it was written", created, said, user)
				}
			}, kantatatest.WithDialect(kantatatest.Dialect{EmailAddresses: style}))
		}
	}
}

// TestAnAddressIsLookedUpOnce expects that someone who left, or who has another address in Kantata, breaks no plan.
func TestAnAddressIsLookedUpOnce(t *testing.T) {
	for name, change := range map[string]func(*kantatatest.Server){
		"nothing changes":        func(*kantatatest.Server) {},
		"the person is inactive": func(fake *kantatatest.Server) { fake.DeactivateUser(12000001) },
		"the address is another": func(fake *kantatatest.Server) { fake.AddUser(12000001, "Jane Doe", "jane.doe@example.com") },
		"the address is of two":  func(fake *kantatatest.Server) { fake.AddUser(12000060, "Jane Doe", "jane@example.com") },
		"someone else has it now": func(fake *kantatatest.Server) {
			fake.AddUser(12000001, "Jane Doe", "")
			fake.AddUser(12000060, "J", "jane@example.com")
		},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			created := createByAddress(t, fake, "jane@example.com")
			change(fake)
			fake.ResetRequests()
			r := newRun(t, fake)
			read, said := r.read(t.Context(), created)
			if said != "" || !maps.Equal(read, created) {
				t.Fatalf("got %v and %q from the read, want %v", read, said, created)
			}
			for _, address := range []string{"jane@example.com", "Jane@EXAMPLE.com "} {
				plans := newRun(t, fake)
				p := plans.plan(t.Context(), read, nil, byAddress(plans, address))
				if p.said != "" || len(p.replaces) != 0 || !p.values["user_id"].Equal(text("12000001")) {
					t.Errorf("%q: got %q, a replacement by %v and user_id %s, want only the user_id 12000001",
						address, p.said, p.replaces, p.values["user_id"])
				}
			}
			if n := lookupsOfPeople(fake); n != 0 {
				t.Errorf("got %d requests to /users, want none", n)
			}
			if left, said := r.delete(t.Context(), read); left != nil || said != "" || len(fake.Memberships()) != 0 {
				t.Errorf("got %v, %q and the memberships %v after the delete, want none", left, said, fake.Memberships())
			}
		})
	}
}

// TestAnotherAddress expects a replacement only for another person. Everything else is an update that sends no write.
func TestAnotherAddress(t *testing.T) {
	null := tftypes.NewValue(tftypes.String, nil)
	const replaces = `[AttributeName("user_id")]`
	type attributes = map[string]tftypes.Value
	amir := text("amir@example.com")
	for name, c := range map[string]struct {
		fromID   bool // the state has only the ID
		to       attributes
		replaces string
		lookups  int
	}{
		"another spelling":               {to: attributes{"user_email_address": text("JANE@example.com")}},
		"another address of the person":  {to: attributes{"user_email_address": text("jane.doe@example.com")}, lookups: 1},
		"another person":                 {to: attributes{"user_email_address": amir}, replaces: replaces, lookups: 1},
		"the ID of the person":           {to: attributes{"user_email_address": null, "user_id": text("12000001")}},
		"the ID of another person":       {to: attributes{"user_email_address": null, "user_id": text("12000002")}, replaces: replaces},
		"an unknown address":             {to: attributes{"user_email_address": unknown(tftypes.String)}},
		"the ID and an unknown address":  {to: attributes{"user_email_address": unknown(tftypes.String), "user_id": text("12000001")}},
		"an unknown group":               {to: attributes{"access_group_id": unknown(tftypes.String)}},
		"from the ID to the address":     {fromID: true, lookups: 1},
		"from the ID to another address": {fromID: true, to: attributes{"user_email_address": amir}, replaces: replaces, lookups: 1},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			prior := createByAddress(t, fake, "jane@example.com")
			if c.fromID {
				delete(prior, "user_email_address")
			} else {
				fake.AddUser(12000001, "Jane Doe", "jane.doe@example.com")
			}
			fake.ResetRequests()
			r := newRun(t, fake)
			config := byAddress(r, "jane@example.com")
			maps.Copy(config, c.to)
			p := r.plan(t.Context(), prior, nil, config)
			want := c.replaces
			if want == "" {
				want = "[]"
			}
			if got := fmt.Sprint(p.replaces); got != want || c.replaces == "" && p.said != "" {
				t.Errorf("got a replacement by %s and %q, want %s", got, p.said, want)
			}
			if n := lookupsOfPeople(fake); n != c.lookups {
				t.Errorf("got %d requests to /users, want %d", n, c.lookups)
			}
			if c.replaces != "" || slices.ContainsFunc(slices.Collect(maps.Values(config)), func(v tftypes.Value) bool { return !v.IsKnown() }) {
				return
			}
			updated, said := r.apply(t.Context(), prior, config, p)
			if said != "" || updated["id"] != prior["id"] || updated["user_id"] != "12000001" || updated["user_name"] != "Jane Doe" {
				t.Errorf("got %v and %q, want the membership as before", updated, said)
			}
			if n := count(fake, http.MethodPost) + count(fake, http.MethodDelete); n != 0 {
				t.Errorf("got %d writes, want none", n)
			}
		})
	}
}

// TestAnUnknownAddressIsLookedUpInApply makes the calls of a plan and of an apply, which plans again once the address is known.
func TestAnUnknownAddressIsLookedUpInApply(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		r := newRun(t, fake)
		config := byAddress(r, "")
		config["user_email_address"] = unknown(tftypes.String)
		p := r.plan(t.Context(), nil, nil, config)
		if p.said != "" || p.values["user_id"].IsKnown() || len(fake.Requests()) != 0 {
			t.Fatalf("got %q, user_id %s and %d requests, want an unknown user_id and no request", p.said, p.values["user_id"], len(fake.Requests()))
		}
		// An address that turns out to be null in the apply does not hide a user_id, which Terraform expects in the plan as it is configured.
		config["user_id"] = text("12000001")
		if p := newRun(t, fake).plan(t.Context(), nil, nil, config); p.said != "" || !p.values["user_id"].Equal(text("12000001")) {
			t.Errorf("got %q and the planned user_id %s, want 12000001", p.said, p.values["user_id"])
		}
		created := createByAddress(t, fake, "jane@example.com")
		if created["user_id"] != "12000001" {
			t.Errorf("got the user_id %q, want 12000001", created["user_id"])
		}

		// A create whose plan call left the user unknown looks the address up by itself.
		config = byAddress(r, "amir@example.com")
		p.values["user_email_address"] = text("amir@example.com")
		created, said := r.apply(t.Context(), nil, config, p)
		if said != "" || created["user_id"] != "12000002" {
			t.Errorf("got %v and %q, want the membership of 12000002", created, said)
		}
	})
}

func TestAddressesThatAreNotOfOnePerson(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddUser(12000051, "Twin 1", "twin@example.com")
		fake.AddUser(12000052, "Twin 2", "Twin@example.com")
		fake.DeactivateUser(12000003)
		r := newRun(t, fake)
		for address, want := range map[string]string{
			"zoe@example.com":   `No one on the Kantata account has the e-mail address "zoe@example.com".`,
			"chloe@example.com": "has been deactivated",
			"twin@example.com":  "12000051 (Twin 1), 12000052 (Twin 2)",
		} {
			if p := r.plan(t.Context(), nil, nil, byAddress(r, address)); !strings.Contains(p.said, want) {
				t.Errorf("plan of %s: got %q, want %q", address, p.said, want)
			}
			if _, said := r.importID(t.Context(), "340002/"+address); !strings.Contains(said, want) {
				t.Errorf("import of %s: got %q, want %q", address, said, want)
			}
		}
		if n := count(fake, http.MethodPost); n != 0 {
			t.Errorf("got %d POSTs, want none", n)
		}
	})
}

func TestImportByEmailAddress(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
		r := newRun(t, fake)
		imported, said := r.importID(t.Context(), "340002/Jane@example.com")
		if said != "" || imported["user_id"] != "12000001" || imported["user_email_address"] != "Jane@example.com" || imported["id"] == "" {
			t.Fatalf("got %v and %q, want the membership of 12000001 with the address", imported, said)
		}
		if p := r.plan(t.Context(), imported, nil, byAddress(r, "jane@example.com")); p.said != "" || len(p.replaces) != 0 {
			t.Errorf("got %q and a replacement by %v, want an update", p.said, p.replaces)
		}
		if _, said := r.importID(t.Context(), "340002/amir@example.com"); !strings.Contains(said, "User 12000002 (amir@example.com) is not in") {
			t.Errorf("import of a person who is not in the group: got %q, want an error with their ID and address", said)
		}
		if _, said := r.importIdentity("340002", "jane@example.com"); !strings.Contains(said, "Invalid Import Identity") {
			t.Errorf("import by an identity with an address: got %q, want Invalid Import Identity", said)
		}
	})
}

func TestExactlyOneOfIDAndAddress(t *testing.T) {
	t.Parallel()
	r := newServer(t, New("test")())
	for name, c := range map[string]struct {
		change map[string]tftypes.Value
		want   string
	}{
		"address":            {map[string]tftypes.Value{"user_email_address": text("jane@example.com")}, ""},
		"padded":             {map[string]tftypes.Value{"user_email_address": text(" jane@example.com ")}, ""},
		"ID":                 {map[string]tftypes.Value{"user_id": text("12000001")}, ""},
		"unknown":            {map[string]tftypes.Value{"user_email_address": unknown(tftypes.String)}, ""},
		"neither":            {nil, "Exactly one of these attributes must be configured"},
		"both":               {map[string]tftypes.Value{"user_id": text("12000001"), "user_email_address": text("a@b")}, "Exactly one of"},
		"empty address":      {map[string]tftypes.Value{"user_email_address": text("")}, `The value of user_email_address is "". It must be`},
		"two addresses":      {map[string]tftypes.Value{"user_email_address": text("a@b,c@d")}, "one e-mail address. Use one resource"},
		"a name":             {map[string]tftypes.Value{"user_email_address": text("Jane")}, `is "Jane". It must be an e-mail address`},
		"a comma in it":      {map[string]tftypes.Value{"user_email_address": text("jane,doe@example.com")}, "without spaces and commas"},
		"no-break space":     {map[string]tftypes.Value{"user_email_address": text("\u00a0jane@example.com")}, ""},
		"an address as ID":   {map[string]tftypes.Value{"user_id": text("jane@example.com")}, "user_email_address"},
		"whitespace between": {map[string]tftypes.Value{"user_email_address": text("jane @example.com")}, "without spaces and commas"},
	} {
		config := r.config(map[string]tftypes.Value{"access_group_id": text("340002")})
		maps.Copy(config, c.change)
		if said := r.validate(config); !strings.Contains(said, c.want) || said != "" && c.want == "" {
			t.Errorf("%s: got %q, want %q", name, said, c.want)
		}
	}
}

// TestAdoptByEmailAddress takes an existing membership into the state by the address of its person.
func TestAdoptByEmailAddress(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		id := fmt.Sprint(fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser))
		r := newRun(t, fake)
		config := byAddress(r, "Jane@example.com")
		if p := r.plan(t.Context(), nil, nil, config); !strings.Contains(p.said, "340002/12000001") {
			t.Errorf("without adopt_existing: got %q, want an error with the import ID", p.said)
		}
		r = newRun(t, fake)
		config["adopt_existing"] = tftypes.NewValue(tftypes.Bool, true)
		p := r.plan(t.Context(), nil, nil, config)
		adopted, said := r.apply(t.Context(), nil, config, p)
		if strings.Contains(p.said+said, "ERROR") || adopted["id"] != id || adopted["user_email_address"] != "Jane@example.com" {
			t.Errorf("got %v, %q in the plan and %q in the apply, want the membership %s", adopted, p.said, said, id)
		}
		if n := count(fake, http.MethodPost); n != 0 {
			t.Errorf("got %d POSTs, want none", n)
		}
	})
}

// TestRequestsForAddresses bounds the requests of a plan of many memberships by address.
func TestRequestsForAddresses(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.SeedMemberships(1, 100, 100)
		fake.ResetRequests()
		r := newRun(t, fake)
		var calls errgroup.Group
		calls.SetLimit(10)
		for i, m := range fake.Memberships() {
			calls.Go(func() error {
				prior := stateOf(m)
				prior["user_email_address"] = fmt.Sprintf("user%d@example.com", i+1)
				config := r.config(map[string]tftypes.Value{
					"access_group_id": text(prior["access_group_id"]), "user_email_address": text(prior["user_email_address"]),
				})
				read, said := r.read(t.Context(), prior)
				if said == "" {
					said = r.plan(t.Context(), read, nil, config).said
				}
				if said != "" {
					return fmt.Errorf("%s: %s", prior["user_email_address"], said)
				}
				return nil
			})
		}
		if err := calls.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := lookupsOfPeople(fake); n != 0 {
			t.Errorf("got %d requests to /users, want none", n)
		}
	})
}

// TestExportWithAddresses bounds the requests of an export, and expects null for a person who is deactivated.
func TestExportWithAddresses(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.SeedMemberships(4, 40, 160)
		fake.DeactivateUser(12000007)
		read := func(include bool) []any {
			fake.ResetRequests()
			found, said := newRun(t, fake).data("kantata_access_group_memberships", map[string]tftypes.Value{
				"include_email_addresses": tftypes.NewValue(tftypes.Bool, include),
			})
			if said != "" {
				t.Fatalf("got the error %q, want none", said)
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
		if users, all := lookupsOfPeople(fake), len(fake.Requests()); users > 3 || all > 13 {
			t.Errorf("got %d requests, %d of them to /users, want at most 13 and 3", all, users)
		}
		for _, row := range read(false) {
			if address := row.(map[string]any)["user_email_address"]; address != nil {
				t.Fatalf("got the address %v without include_email_addresses, want null", address)
			}
		}
		if n := lookupsOfPeople(fake); n != 0 {
			t.Errorf("got %d requests to /users without include_email_addresses, want none", n)
		}
	}, kantatatest.WithMaxPerPage(20))
}
