package provider

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/diagnostics.golden.txt"

// TestDiagnosticTexts holds every text that a user may read against a golden file, so that a change of one is reviewed as the
// text that it is. To accept a change: go test ./internal/provider -run TestDiagnosticTexts -update.
func TestDiagnosticTexts(t *testing.T) {
	t.Parallel()

	answer := func(status int) func(*kantatatest.Server) {
		return inject(fault("", kantatatest.ReturnStatus, status, 0))
	}
	refusal := func(body string) func(*kantatatest.Server) {
		return inject(kantatatest.Fault{Method: http.MethodPost, Effect: kantatatest.ReturnStatus, Status: 422, Body: body})
	}
	onPost := func(effect kantatatest.Effect, status int) func(*kantatatest.Server) {
		return always(http.MethodPost, effect, status)
	}
	removed := func(fake *kantatatest.Server) { fake.RemoveMembership(fake.Memberships()[0].ID) }
	closed := func(fake *kantatatest.Server) { fake.Close() }

	type scene struct {
		name    string
		play    string
		prepare func(*kantatatest.Server)
	}
	var scenes []scene
	for _, operation := range []string{"create", "read", "delete", "list", "groups", "users"} {
		for _, status := range []int{400, 401, 403, 404, 409, 422, 500, 503, 504} {
			scenes = append(scenes, scene{fmt.Sprintf("%s: %d", operation, status), operation, answer(status)})
		}
		scenes = append(scenes,
			scene{operation + ": a login page", operation, always("", kantatatest.LoginPage, 0)},
			scene{operation + ": a time-out", operation, always("", kantatatest.HangBefore, 0)},
			scene{operation + ": nobody listens", operation, closed},
		)
	}
	for _, operation := range []string{"create", "read", "list", "groups", "users"} {
		scenes = append(scenes, scene{operation + ": an answer that is cut", operation, always("", kantatatest.TruncateJSON, 0)})
	}
	scenes = append(scenes,
		scene{"create: the pair exists", "create", func(fake *kantatatest.Server) { fake.AddMembership(group, user) }},
		scene{"create: somebody else was faster", "create", func(fake *kantatatest.Server) {
			fake.OnRequest(func(r kantatatest.Request) {
				if r.Method == http.MethodPost {
					fake.AddMembership(group, user)
				}
			})
		}},
		scene{"create: twice in one configuration", "create twice", nil},
		scene{"create: Account Administrators", "create administrators", nil},
		scene{"create: no such access group", "create in no group", nil},
		scene{"create: no such user", "create nobody", nil},
		scene{"create: refused with a field", "create", refusal(`{"errors":[{"type":"validation","message":"must exist","field":"user_id"}]}`)},
		scene{"create: refused with two", "create", refusal(`{"errors":[{"type":"validation","message":"a","field":"access_group_id"},{"type":"system","message":"b"}]}`)},
		scene{"create: POST refused 403", "create", onPost(kantatatest.ReturnStatus, 403)},
		scene{"create: POST answered 404", "create", onPost(kantatatest.ReturnStatus, 404)},
		scene{"create: POST answered 500", "create", onPost(kantatatest.ReturnStatus, 500)},
		scene{"create: POST answered 504", "create", onPost(kantatatest.ReturnStatus, 504)},
		scene{"create: POST timed out", "create", onPost(kantatatest.HangBefore, 0)},
		scene{"create: POST answered 502, then the look is refused", "create", all(afterWrite(kantatatest.ReturnStatus, 403), once(http.MethodPost, kantatatest.ReturnStatus, 502))},
		scene{"delete: absent, and the look is refused", "delete", all(removed, lists(kantatatest.ReturnStatus, 403))},
		scene{"read: removed, and the look is refused", "read", all(removed, lists(kantatatest.ReturnStatus, 403))},
		scene{"import: not a form", "import jane", nil},
		scene{"import: three parts", "import 1/2/3", nil},
		scene{"import: no such id", "import 1", nil},
		scene{"import: no such pair", "import 340001/12000002", nil},
		scene{"import: the pair is swapped", "import 12000001/340001", func(fake *kantatatest.Server) { fake.AddMembership(group, user) }},
		scene{"import: 403", "import 340001/12000001", answer(403)},
		scene{"data source: no such id", "one 1", nil},
		scene{"groups: no such name", "group Nobody", nil},
		scene{"users: no such address", "users", nil},
	)

	texts := make([]bytes.Buffer, len(scenes))
	t.Run("scenes", func(t *testing.T) {
		for i, s := range scenes {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				fmt.Fprintf(&texts[i], "## %s\n\n%s\n", s.name, normalized(playScene(t, s.play, s.prepare)))
			})
		}
	})
	var got bytes.Buffer
	for i := range texts {
		got.Write(texts[i].Bytes())
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the texts differ from %s (-want +got):\n%s", golden, diff)
	}
}

func playScene(t *testing.T, play string, prepare func(*kantatatest.Server)) string {
	t.Helper()

	fake := newMatrixFake(t, kantatatest.Dialect{})
	fake.AddAccountAdministrators(kantatatest.AccountAdministrators)
	var before state
	if play == "read" || play == "delete" {
		fake.AddMembership(group, user)
		before, _ = newRun(t, fake, 0, 10*time.Second).importID(t.Context(), fmt.Sprintf("%d/%d", group, user))
	}
	if prepare != nil {
		prepare(fake)
	}
	r := newRun(t, fake, 1, time.Second)
	word, rest, _ := strings.Cut(play, " ")
	var said string
	switch play {
	case "create":
		_, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user))
	case "create twice":
		if _, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user)); said != "" {
			t.Fatal(said)
		}
		_, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user))
	case "create administrators":
		_, said = r.create(t.Context(), fmt.Sprint(kantatatest.AccountAdministrators), fmt.Sprint(user))
	case "create in no group":
		_, said = r.create(t.Context(), "999", fmt.Sprint(user))
	case "create nobody":
		_, said = r.create(t.Context(), fmt.Sprint(group), "999")
	case "read":
		_, said = r.read(t.Context(), before)
	case "delete":
		_, said = r.delete(t.Context(), before)
	case "list":
		_, said = r.data("kantata_access_group_memberships", nil)
	case "groups":
		_, said = r.data("kantata_access_groups", nil)
	case "users":
		_, said = r.data("kantata_users", map[string]tftypes.Value{"email_addresses": set("nobody@example.com")})
	default:
		switch word {
		case "import":
			_, said = r.importID(t.Context(), rest)
		case "one":
			_, said = r.data(membershipType, filters(map[string]string{"id": rest}))
		case "group":
			_, said = r.data("kantata_access_groups", map[string]tftypes.Value{"names": set(rest)})
		default:
			t.Fatalf("no play %q", play)
		}
	}
	if said == "" {
		t.Errorf("%s said nothing", play)
	}
	return said
}

var (
	port    = regexp.MustCompile(`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)
	seconds = regexp.MustCompile(`within [0-9.]+m?s`)
)

// normalized leaves out what differs from run to run.
func normalized(s string) string {
	return seconds.ReplaceAllString(port.ReplaceAllString(s, "127.0.0.1:PORT"), "within SECONDS")
}
