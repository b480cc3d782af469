package provider

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const (
	envTestGroup = "KANTATA_TEST_ACCESS_GROUP_ID"
	envTestUser  = "KANTATA_TEST_USER_ID"
)

// TestAccLive checks a real account; CONTRIBUTING.md says how to run it. It touches the one pair that the variables name, which
// must not exist when it starts, and leaves it absent.
func TestAccLive(t *testing.T) {
	account := liveAccount{
		baseURL: cmp.Or(os.Getenv(envBaseURL), kantata.DefaultBaseURL), token: strings.TrimSpace(os.Getenv(envAccessToken)),
		group: os.Getenv(envTestGroup), user: os.Getenv(envTestUser), print: t.Logf,
	}
	if os.Getenv("TF_ACC") == "" || account.token == "" || account.group == "" || account.user == "" {
		t.Skipf("this test changes a real account, and runs only if TF_ACC, %s, %s, and %s are set", envAccessToken, envTestGroup, envTestUser)
	}
	account.check(t)
}

// TestLiveCheck runs the live check against the embedded Kantata. It shows that the check works, and that it distinguishes the readings of
// the API's documentation, before anyone runs it against an account.
func TestLiveCheck(t *testing.T) {
	for name, c := range map[string]struct {
		dialect kantatatest.Dialect
		finds   []string
	}{
		"the vendor's library": {
			kantatatest.Dialect{},
			[]string{
				"a create returns 200", "id is a JSON string", "creator_id is a JSON number", "created_at is 2026-11-22T01:30:00-07:00",
				"a second POST of the pair returns 422", "with 1 membership of the pair", `a delete returns 200 with {"success"`,
				"a second delete returns 404",
			},
		},
		"the reference": {
			kantatatest.Dialect{
				IDs: kantatatest.IDNumbers, CreateStatus: 201, DeleteStatus: 204, Dates: kantatatest.DateOnly,
				Duplicates: kantatatest.DuplicateCreatesSecond,
			},
			[]string{
				"a create returns 201", "user_id is a JSON number", "created_at is 2026-11-22\n",
				"a second POST of the pair returns 201", "with 2 memberships of the pair", "a delete returns 204",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(t, c.dialect)
			t.Setenv(envAccessToken, kantatatest.Token)
			other := fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
			var printed strings.Builder
			account := liveAccount{
				baseURL: fake.URL(), token: kantatatest.Token, group: "340002", user: "12000002",
				print: func(format string, args ...any) { fmt.Fprintf(&printed, format+"\n", args...) },
			}
			account.check(t)
			for _, want := range c.finds {
				if !strings.Contains(printed.String(), want) {
					t.Errorf("got the findings below, want %q:\n%s", want, printed.String())
				}
			}
			if left := fake.Memberships(); len(left) != 1 || left[0].ID != other {
				t.Errorf("got the memberships %v afterward, want only the other one", left)
			}
		})
	}
}

// liveAccount is an account and the one pair that the check may touch.
type liveAccount struct {
	baseURL, token, group, user string
	print                       func(format string, args ...any)
}

func (a liveAccount) pair() kantata.Pair {
	return kantata.Pair{AccessGroupID: kantata.ID(a.group), UserID: kantata.ID(a.user)}
}

func (a liveAccount) check(t *testing.T) {
	t.Helper()
	for _, id := range []string{a.group, a.user} {
		// A blank filter would list everyone.
		if _, err := kantata.ParseID(id); err != nil {
			t.Fatal(err)
		}
	}
	if held := a.held(t); len(held) > 0 {
		t.Fatalf("got membership %v of user %s in access group %s, want a pair that does not exist: choose another one", held, a.user, a.group)
	}
	t.Cleanup(func() { a.remove(t) })
	a.findings(t)
	a.remove(t)
	a.lifecycle(t)
}

// findings prints what this Kantata does at each point that the API's documentation leaves open.
func (a liveAccount) findings(t *testing.T) {
	t.Helper()
	body := fmt.Sprintf(`{"access_group_membership":{"access_group_id":%s,"user_id":%s}}`, a.group, a.user)
	status, header, response := a.send(t, http.MethodPost, "", body)
	a.print("OPEN: a create returns %d; X-Request-Id %q, Retry-After %q", status, header.Get("X-Request-Id"), header.Get("Retry-After"))
	var envelope struct {
		Memberships map[string]map[string]json.RawMessage `json:"access_group_memberships"`
	}
	if err := json.Unmarshal(response, &envelope); err != nil || len(envelope.Memberships) != 1 {
		t.Fatalf("got the error %v and this response to a create, want one membership:\n%s", err, response)
	}
	for _, row := range envelope.Memberships {
		for _, name := range []string{"id", "access_group_id", "user_id", "creator_id"} {
			a.print("OPEN: %s is a %s", name, jsonKind(row[name]))
		}
		a.print("OPEN: created_at is %s", strings.Trim(string(row["created_at"]), `"`))
	}

	status, _, response = a.send(t, http.MethodPost, "", body)
	held := a.held(t)
	plural := "memberships"
	if len(held) == 1 {
		plural = "membership"
	}
	a.print("OPEN: a second POST of the pair returns %d, and leaves the account with %d %s of the pair; its body is %s",
		status, len(held), plural, firstBytes(response))

	status, _, response = a.send(t, http.MethodDelete, "/"+held[0], "")
	a.print("OPEN: a delete returns %d with %s", status, firstBytes(response))
	status, _, response = a.send(t, http.MethodDelete, "/"+held[0], "")
	a.print("OPEN: a second delete returns %d with %s", status, firstBytes(response))
	status, _, response = a.send(t, http.MethodGet, "/"+held[0], "")
	a.print("OPEN: the path of a deleted membership returns %d with %s", status, firstBytes(response))
}

func jsonKind(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return "missing field"
	case raw[0] == '"':
		return "JSON string"
	case bytes.Equal(raw, []byte("null")):
		return "JSON null"
	}
	return "JSON number"
}

func firstBytes(body []byte) string {
	if len(body) == 0 {
		return "no content"
	}
	return string(body[:min(len(body), 300)])
}

// lifecycle creates, imports and destroys the pair with Terraform and the provider.
func (a liveAccount) lifecycle(t *testing.T) {
	t.Helper()
	const address = "kantata_access_group_membership.live"
	// The token stays in the environment, so that no file of the test contains it.
	config := fmt.Sprintf("provider \"kantata\" {\n  base_url = %q\n}\n", a.baseURL)
	block := fmt.Sprintf("resource \"kantata_access_group_membership\" \"%%s\" {\n  access_group_id = %q\n  user_id         = %q\n}\n",
		a.group, a.user)
	live := config + fmt.Sprintf(block, "live")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: live, Check: resource.TestCheckResourceAttrSet(address, "id")},
			{Config: live, ConfigPlanChecks: noop},
			{ResourceName: address, ImportState: true, ImportStateVerify: true},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: a.group + "/" + a.user},
			{Config: live + fmt.Sprintf(block, "again"), ExpectError: regexp.MustCompile(`(?s)Already Exists|Duplicate`)},
		},
	})
	if held := a.held(t); len(held) > 0 {
		t.Errorf("got the memberships %v after the destroy, want none", held)
	}
}

// held returns the IDs of the pair's memberships, which the test deletes later. A row of another pair ends the test.
func (a liveAccount) held(t *testing.T) []string {
	t.Helper()
	status, _, response := a.send(t, http.MethodGet, "?"+url.Values{"access_group_id": {a.group}, "user_id": {a.user}}.Encode(), "")
	var envelope struct {
		Results *[]struct {
			ID kantata.ID `json:"id"`
		} `json:"results"`
		Memberships map[string]kantata.Pair `json:"access_group_memberships"`
	}
	if err := json.Unmarshal(response, &envelope); err != nil || status != http.StatusOK || envelope.Results == nil {
		t.Fatalf("got %d and the error %v, want a list of the pair:\n%s", status, err, firstBytes(response))
	}
	var ids []string
	for _, result := range *envelope.Results {
		if pair := envelope.Memberships[result.ID.String()]; pair != a.pair() {
			t.Fatalf("got membership %s of pair %s, want only pair %s: the filters do not work as documented", result.ID, pair, a.pair())
		}
		ids = append(ids, result.ID.String())
	}
	return ids
}

func (a liveAccount) remove(t *testing.T) {
	t.Helper()
	for _, id := range a.held(t) {
		a.send(t, http.MethodDelete, "/"+id, "")
	}
}

// send makes one request without the client under test, which would interpret the response.
func (a liveAccount) send(t *testing.T, method, rest, body string) (status int, header http.Header, content []byte) {
	t.Helper()
	// The cleanup runs after the context of the test has ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.baseURL+"/access_group_memberships"+rest, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s: got the error %v, want a response", method, err)
	}
	defer response.Body.Close() //nolint:errcheck // the body has been read
	content, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, content
}
