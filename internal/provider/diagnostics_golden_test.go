package provider

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const golden = "testdata/diagnostics.golden.txt"

// TestDiagnosticTexts compares the text of each error with a golden file, so that a reviewer reads every change of a text. To accept a
// change: go test ./internal/provider -run TestDiagnosticTexts -update. It runs in fake time, because some scenes are timeouts.
func TestDiagnosticTexts(t *testing.T) {
	returns := func(status int) func(*kantatatest.Server) {
		return inject(fault("", kantatatest.ReturnStatus, status, 0))
	}
	refusal := func(body string) func(*kantatatest.Server) {
		return inject(kantatatest.Fault{Method: http.MethodPost, Effect: kantatatest.ReturnStatus, Status: 422, Body: body})
	}
	onPost := func(effect kantatatest.Effect, status int) func(*kantatatest.Server) {
		return always(http.MethodPost, effect, status)
	}
	refuseConnections := func(*kantatatest.Server) {
		refused := &net.OpError{
			Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1},
			Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
		}
		// inFakeTime restores the transport.
		http.DefaultTransport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, refused }}
	}
	removed := func(fake *kantatatest.Server) { fake.RemoveMembership(fake.Memberships()[0].ID) }

	type scene struct {
		name, play string
		prepare    func(*kantatatest.Server)
	}
	var scenes []scene
	for _, operation := range []string{"create", "read", "delete", "list", "groups", "users"} {
		for _, status := range []int{400, 401, 403, 404, 409, 422, 500, 503, 504} {
			scenes = append(scenes, scene{fmt.Sprintf("%s: %d", operation, status), operation, returns(status)})
		}
		scenes = append(scenes,
			scene{operation + ": a login page", operation, always("", kantatatest.LoginPage, 0)},
			scene{operation + ": a 403 of a proxy", operation, inject(kantatatest.Fault{
				Effect: kantatatest.ReturnStatus, Status: 403, Body: html, Header: http.Header{"Content-Type": {"text/html"}},
			})},
			scene{operation + ": a timeout", operation, always("", kantatatest.HangBefore, 0)},
			scene{operation + ": connection refused", operation, refuseConnections},
		)
	}
	for _, operation := range []string{"create", "read", "list", "groups", "users"} {
		scenes = append(scenes, scene{operation + ": a response that is cut off", operation, always("", kantatatest.TruncateJSON, 0)})
	}
	scenes = append(scenes,
		scene{"read: a 401 of a proxy", "read", inject(kantatatest.Fault{
			Effect: kantatatest.ReturnStatus, Status: 401, Body: html, Header: http.Header{"Content-Type": {"text/html"}},
		})},
		scene{"create: the pair exists", "create", func(fake *kantatatest.Server) { fake.AddMembership(group, user) }},
		scene{"create: someone else was faster", "create", func(fake *kantatatest.Server) {
			fake.OnRequest(func(r kantatatest.Request) {
				if r.Method == http.MethodPost {
					fake.AddMembership(group, user)
				}
			})
		}},
		scene{"create: twice in one configuration", "create twice", nil},
		scene{"create: Account Administrators", "create administrators", nil},
		scene{"create: no such access group", "create in no group", nil},
		scene{"create: no such user", "create for no user", nil},
		scene{"create: refused with a field", "create", refusal(`{"errors":[{"type":"validation","message":"must exist","field":"user_id"}]}`)},
		scene{"create: refused with a nested field", "create", refusal(
			`{"errors":[{"type":"validation","message":"must exist","field":"access_group_membership.user_id"}]}`)},
		scene{"create: refused with the field of the object", "create", refusal(
			`{"errors":[{"type":"validation","message":"is invalid","field":"access_group_membership"}]}`)},
		scene{"create: refused with two errors", "create", refusal(
			`{"errors":[{"type":"validation","message":"a","field":"access_group_id"},{"type":"system","message":"b"}]}`)},
		scene{"create: POST refused 403", "create", onPost(kantatatest.ReturnStatus, 403)},
		scene{"create: POST returned 404", "create", onPost(kantatatest.ReturnStatus, 404)},
		scene{"create: POST returned 500", "create", onPost(kantatatest.ReturnStatus, 500)},
		scene{"create: POST returned 504", "create", onPost(kantatatest.ReturnStatus, 504)},
		scene{"create: POST timed out", "create", onPost(kantatatest.HangBefore, 0)},
		scene{"create: the third and fourth POST that would time out", "create four", onPost(kantatatest.HangBefore, 0)},
		scene{"delete: the third and fourth DELETE that would time out", "delete four", always(http.MethodDelete, kantatatest.HangBefore, 0)},
		scene{"create: the delete of the pair would be the third that times out", "create after deletes", always(
			http.MethodDelete, kantatatest.HangBefore, 0,
		)},
		scene{"create: POST returned 502, then the lookup is refused", "create", all(
			afterWrite(kantatatest.ReturnStatus, 403), once(http.MethodPost, kantatatest.ReturnStatus, 502),
		)},
		scene{"delete: absent, and the lookup is refused", "delete", all(removed, lists(kantatatest.ReturnStatus, 403))},
		scene{"read: removed, and the lookup is refused", "read", all(removed, lists(kantatatest.ReturnStatus, 403))},
		scene{"import: not an ID", "import jane", nil},
		scene{"import: three parts", "import 1/2/3", nil},
		scene{"import: no such ID", "import 1", nil},
		scene{"import: no such pair", "import 340001/12000002", nil},
		scene{"import: the IDs are swapped", "import 12000001/340001", func(fake *kantatatest.Server) { fake.AddMembership(group, user) }},
		scene{"import: 403", "import 340001/12000001", returns(403)},
		scene{"data source: no such ID", "one 1", nil},
		scene{"groups: no such name", "group None", nil},
		scene{"users: no such address", "users", nil},
	)

	var got bytes.Buffer
	for _, s := range scenes {
		runInFakeTime(t, s.name, func(t *testing.T, fake *kantatatest.Server) {
			fmt.Fprintf(&got, "## %s\n\n%s\n", s.name, playScene(t, fake, s.play, s.prepare))
		})
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

// playScene prepares the fake, plays one operation and returns the errors that it reports.
func playScene(t *testing.T, fake *kantatatest.Server, play string, prepare func(*kantatatest.Server)) string {
	t.Helper()
	var before state
	if play == "read" || play == "delete" {
		fake.AddMembership(group, user)
		before, _ = newRun(t, fake).importID(t.Context(), fmt.Sprintf("%d/%d", group, user))
	}
	if prepare != nil {
		prepare(fake)
	}
	// If the last attempt of an outage could take longer, its time limit, which the error contains, would be random.
	r := newRun(t, fake, map[string]tftypes.Value{"max_retries": number(1), "request_timeout": number(1)})
	word, rest, _ := strings.Cut(play, " ")
	var said string
	switch play {
	case "create":
		_, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user))
	case "create twice":
		if _, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user)); said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		_, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user))
	case "create four":
		for i := range int64(4) {
			if _, text := r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user+i)); i >= 2 {
				said += text
			}
		}
	case "delete four":
		for i := range 4 {
			fake.AddMembership(group, user+int64(i))
			if _, text := r.delete(t.Context(), stateOf(fake.Memberships()[i])); i >= 2 {
				said += text
			}
		}
	case "create after deletes":
		for i := range 3 {
			fake.AddMembership(group, user+int64(i))
			r.delete(t.Context(), stateOf(fake.Memberships()[i]))
		}
		_, said = r.create(t.Context(), fmt.Sprint(group), fmt.Sprint(user+2))
	case "create administrators":
		_, said = r.create(t.Context(), fmt.Sprint(kantatatest.AccountAdministrators), fmt.Sprint(user))
	case "create in no group":
		_, said = r.create(t.Context(), "999", fmt.Sprint(user))
	case "create for no user":
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
		_, said = r.data("kantata_users", map[string]tftypes.Value{"email_addresses": set("unknown@example.com")})
	default:
		switch word {
		case "import":
			_, said = r.importID(t.Context(), rest)
		case "one":
			_, said = r.data(membershipType, filters(map[string]string{"id": rest}))
		case "group":
			_, said = r.data("kantata_access_groups", map[string]tftypes.Value{"names": set(rest)})
		default:
			t.Fatalf("got the unknown operation %q", play)
		}
	}
	if said == "" {
		t.Errorf("got no error from %s, want one", play)
	}
	return said
}
