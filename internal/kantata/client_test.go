package kantata

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRequests(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		call func(*Client) error
		want string
	}{
		"get": {
			func(c *Client) error { _, err := c.GetAccessGroupMembership(ctx, "56000101"); return err },
			"GET /api/v1/access_group_memberships/56000101",
		},
		"list, no filter": {
			func(c *Client) error {
				_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{}, 1, 200)
				return err
			},
			"GET /api/v1/access_group_memberships?page=1&per_page=200",
		},
		"list, both filters": {
			func(c *Client) error {
				_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{AccessGroupID: "7", UserID: "42"}, 3, 20)
				return err
			},
			"GET /api/v1/access_group_memberships?access_group_id=7&page=3&per_page=20&user_id=42",
		},
		"by IDs": {
			func(c *Client) error {
				_, err := c.AccessGroupMembershipsByID(ctx, []ID{"56000101", "5"})
				return err
			},
			"GET /api/v1/access_group_memberships?only=56000101%2C5&per_page=200",
		},
		"create": {
			func(c *Client) error {
				_, err := c.CreateAccessGroupMembership(ctx, Pair{AccessGroupID: "7", UserID: "42"}, time.Time{})
				return err
			},
			`POST /api/v1/access_group_memberships {"access_group_membership":{"access_group_id":7,"user_id":42}}`,
		},
		"delete": {
			func(c *Client) error { return c.DeleteAccessGroupMembership(ctx, "56000101") },
			"DELETE /api/v1/access_group_memberships/56000101",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, func(w http.ResponseWriter, _ int) {
					body := one
					if name == "delete" {
						body = `{"success":"deleted"}`
					}
					send(w, 200, body)
				}, func(c *Config) { c.UserAgent = " test/1\tägent\n(x)\x00 ~ " })
				if err := c.call(client); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(a.received, []string{c.want}) {
					t.Errorf("got %q, want %q", a.received, c.want)
				}
				want := http.Header{
					"Authorization": {"Bearer " + token}, "Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"test/1 gent (x) ~"},
				}
				if name == "create" {
					want["Content-Type"], want["Content-Length"] = []string{"application/json"}, []string{"62"}
				}
				// No other header is sent, such as the Content-Length of a GET, because the vendor blocks what RFC 7230 does not allow.
				if got := a.headers[0]; !equalHeaders(got, want) {
					t.Errorf("got headers %v, want %v", got, want)
				}
				if s := a.attempts; len(s) != 1 || s[0].Status != 200 || s[0].RequestID != "req-1" || s[0].Number != 1 ||
					!strings.HasPrefix(s[0].Path, "/access_group_memberships") || strings.Contains(s[0].Path, "?") {
					t.Errorf("got the attempts %+v, want one with status 200, ID req-1 and a path without a query", s)
				}
			})
		})
	}
}

func equalHeaders(got, want http.Header) bool {
	for name := range got {
		if !slices.Equal(got[name], want[name]) {
			return false
		}
	}
	return len(got) == len(want)
}

func TestBlankIsNeverSent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, says(200, one))
		if found, err := client.AccessGroupMembershipsByID(t.Context(), nil); err != nil || len(found) != 0 {
			t.Errorf("no IDs: got %v and the error %v, want none", found, err)
		}
		_, err := client.CreateAccessGroupMembership(t.Context(), Pair{AccessGroupID: "7"}, time.Time{})
		if err == nil || OutcomeOf(err) != OutcomeNotDone {
			t.Errorf("half a pair: got the error %v, want one with outcome %d", err, OutcomeNotDone)
		}
		for _, address := range []string{"", " ", "a@b,c@d"} {
			if _, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com", address}); err == nil {
				t.Errorf("%q: got no error, want one", address)
			}
			if _, err := client.UsersPage(t.Context(), UserFilter{EmailAddresses: []string{address}}, 1, 20); err == nil {
				t.Errorf("%q: got no error, want one", address)
			}
		}
		if n := a.sent(); n != 0 {
			t.Errorf("got %d requests, want none", n)
		}
	})
}

func TestResponsesToAnotherRequestAreErrors(t *testing.T) {
	ctx := context.Background()
	two := strings.Replace(one, `"count":1,"results":[`, `"count":2,"results":[{"key":"access_group_memberships","id":"56000101"},`, 1)
	for name, c := range map[string]struct {
		body string
		call func(*Client) error
	}{
		"get": {one, func(c *Client) error { _, err := c.GetAccessGroupMembership(ctx, "5"); return err }},
		"create": {one, func(c *Client) error {
			_, err := c.CreateAccessGroupMembership(ctx, Pair{"7", "43"}, time.Time{})
			return err
		}},
		"create two": {two, func(c *Client) error {
			_, err := c.CreateAccessGroupMembership(ctx, Pair{"7", "42"}, time.Time{})
			return err
		}},
		"no page": {"{}", func(c *Client) error {
			_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{}, 1, 200)
			return err
		}},
		"no list": {"{}", func(c *Client) error { _, err := c.AccessGroupMembershipsByID(ctx, []ID{"5"}); return err }},
		"no user": {`{"results":[{"key":"users","id":"1"}],"users":{"1":[]}}`, func(c *Client) error {
			_, err := c.UsersPage(ctx, UserFilter{}, 1, 200)
			return err
		}},
		"page, user": {one, func(c *Client) error {
			_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{AccessGroupID: "7", UserID: "43"}, 1, 200)
			return err
		}},
		"page, group": {one, func(c *Client) error {
			_, err := c.AccessGroupMembershipsPage(ctx, MembershipFilter{AccessGroupID: "8", UserID: "42"}, 1, 200)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, _ := serve(t, says(200, c.body))
				if err := c.call(client); !hasCause(err, ErrUnreadable) || IsNotFound(err) || OutcomeOf(err) != OutcomeUnknown {
					t.Errorf("got the error %v, want ErrUnreadable with outcome %d", err, OutcomeUnknown)
				}
			})
		})
	}
	inBubble(t, func(t *testing.T) {
		client, _ := serve(t, says(200, one))
		if found, err := client.AccessGroupMembershipsByID(ctx, []ID{"5"}); err != nil || len(found) != 0 {
			t.Errorf("rows that were not requested: got %v and the error %v, want none", found, err)
		}
	})
}

func TestDeleteSucceedsOnlyOnASuccess(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		sent   int // 3 if the response is inconclusive
	}{
		"204":                   {204, "", 1},
		"200 with success":      {200, `{"success":"deleted"}`, 1},
		"200 without content":   {200, "", 1},
		"202 with whitespace":   {202, "\n", 1},
		"200 with an object":    {200, `{}`, 3},
		"200 with a row":        {200, one, 3},
		"200 with no success":   {200, `{"success":false}`, 3},
		"200 with null":         {200, `{"success":null}`, 3},
		"200 with a list":       {200, `["success"]`, 3},
		"200 with a login page": {200, "<html>Log in</html>", 3},
		"200 with errors":       {200, `{"success":"no","errors":[{"type":"system","message":"no"}]}`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, a := serve(t, says(c.status, c.body))
				err := client.DeleteAccessGroupMembership(t.Context(), "5")
				if (err == nil) != (c.sent == 1) || a.sent() != c.sent || err != nil && OutcomeOf(err) != OutcomeUnknown {
					t.Errorf("got %v after %d requests, want %d", err, a.sent(), c.sent)
				}
			})
		})
	}
}

func TestClientWithoutToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, says(200, one), func(c *Config) { c.AccessToken = "" })
		for i, method := range []string{"GET", "POST", "DELETE"} {
			e := asError(t, call(t.Context(), client, method))
			if e.Condition == nil || e.Condition.Kind != TokenMissing || e.Outcome != OutcomeNotDone || e.Condition.FirstReport() != (i == 0) {
				t.Errorf("%s: got %+v, want TokenMissing with outcome %d, explained once", method, e, OutcomeNotDone)
			}
		}
		if n := a.sent(); n != 0 {
			t.Errorf("got %d requests, want none", n)
		}
	})
}

// proxyChild marks the process that TestProxy starts, because the standard library reads the environment only once.
const proxyChild = "KANTATA_TEST_PROXY_CHILD"

func TestProxy(t *testing.T) {
	if os.Getenv(proxyChild) != "" {
		client, err := NewClient(Config{
			AccessToken: token, BaseURL: "https://kantata.invalid/api/v1", RequestTimeout: time.Minute, Waits: Waits{Outage: time.Nanosecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.transport.CloseIdleConnections()
		err = call(t.Context(), client, http.MethodPost)
		t.Logf("outcome %d: %v", OutcomeOf(err), err)
		return
	}
	var requested []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requested = append(requested, r.Method+" "+r.Host+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusBadGateway)
	}))
	for name, c := range map[string]struct {
		proxy string
		want  string
	}{
		// A POST that a proxy refused to connect was not sent.
		"refused": {proxy.URL, "outcome 1: POST /access_group_memberships failed: no connection could be made: Bad Gateway"},
		"not reachable": {
			"http://me:s3cret@127.0.0.1:1",
			"outcome 1: POST /access_group_memberships failed: no connection could be made: proxyconnect",
		},
	} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$", "-test.v")
		child.Env = append(os.Environ(), proxyChild+"=1", "HTTPS_PROXY="+c.proxy, "NO_PROXY=", "no_proxy=")
		output, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(output), c.want) || strings.Contains(string(output), "s3cret") {
			t.Errorf("%s: got %v\n%s\nwant %s", name, err, output, c.want)
		}
	}
	proxy.Close() // and with it the handler that appends
	if len(requested) == 0 || slices.ContainsFunc(requested, func(r string) bool { return r != "CONNECT kantata.invalid:443 " }) {
		t.Errorf("got the requests %q to the proxy, want only CONNECT without a token", requested)
	}
}
