package kantatatest_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestToken(t *testing.T) {
	t.Parallel()
	s := company(t)
	response, err := http.Get(s.URL() + memberships)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized || response.Header.Get("X-Request-Id") == "" {
		t.Errorf("got %d with header %v, want 401 with X-Request-Id", response.StatusCode, response.Header)
	}
	if got := get(t, s, memberships).header.Get("X-Request-Id"); got == response.Header.Get("X-Request-Id") {
		t.Errorf("got request ID %s twice, want two IDs", got)
	}
	if got := statuses(s); !slices.Equal(got, []int{401, 200}) {
		t.Errorf("got statuses %v, want 401 and 200", got)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	s := company(t)
	want := `{"errors":[{"type":"system","message":"The requested resource could not be found"}]}`
	for _, path := range []string{"/access_groups", memberships + "/1", memberships + "/x"} {
		get(t, s, path).want(t, 404, want)
	}
	outside, err := send(t.Context(), http.MethodGet, strings.TrimSuffix(s.URL(), "/api/v1")+"/users", "")
	if err != nil {
		t.Fatal(err)
	}
	outside.want(t, 404, want)
	call(t, s, http.MethodPut, memberships+"/1", "{}").want(t, 404, want)
}

// TestRFC7230 sends each request as bytes: an HTTP client would not send most of them.
func TestRFC7230(t *testing.T) {
	t.Parallel()
	token := "Authorization: Bearer " + kantatatest.Token + "\r\n"
	for name, test := range map[string]struct {
		method, headers, body string
		status                int
	}{
		"nothing wrong":                   {"GET", token, "", 200},
		"GET with Content-Length":         {"GET", token + "Content-Length: 0\r\n", "", 400},
		"GET with a body":                 {"GET", token + "Content-Length: 2\r\n", "{}", 400},
		"GET with Transfer-Encoding":      {"GET", token + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", 400},
		"DELETE with Content-Length":      {"DELETE", token + "Content-Length: 0\r\n", "", 404},
		"empty header":                    {"GET", token + "X-Note:\r\n", "", 400},
		"blank header":                    {"GET", token + "X-Note:  \r\n", "", 400},
		"non-ASCII header":                {"GET", token + "User-Agent: M\u00fcller\r\n", "", 400},
		"header with a control character": {"GET", token + "X-Note: a\x01b\r\n", "", 400},
		"broken, and without the token":   {"GET", "X-Note:\r\n", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t)
			path := "/api/v1" + memberships
			if test.method == http.MethodDelete {
				path += "/1"
			}
			got := sendBytes(t, s, test.method+" "+path+" HTTP/1.1\r\nHost: kantata\r\nConnection: close\r\n"+test.headers+"\r\n"+test.body)
			if got.status != test.status {
				t.Errorf("got %d, want %d: %s", got.status, test.status, got.body)
			}
		})
	}
}

func TestHeadersAreLoggedAsReceived(t *testing.T) {
	t.Parallel()
	s := company(t)
	post(t, s, "12000001")
	sendBytes(t, s, "POST /api/v1/users HTTP/1.1\r\nHost: kantata\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	log := s.Requests()
	if got := log[0].Header.Get("Content-Length"); got != strconv.Itoa(len(log[0].Body)) {
		t.Errorf("got Content-Length %q, want the length of %q", got, log[0].Body)
	}
	if got := log[1].Header.Get("Transfer-Encoding"); got != "chunked" {
		t.Errorf("got Transfer-Encoding %q, want chunked", got)
	}
}

func TestRequestIDOnEveryResponse(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.Inject(kantatatest.Fault{Path: "/users", Status: 502, Body: "<h1>Bad Gateway</h1>", Header: http.Header{"X-Request-Id": nil}})
	seen := map[string]bool{}
	for _, path := range []string{memberships, memberships + "/1", "/color", strings.Repeat("/..", 3) + "/login"} {
		id := get(t, s, path).header.Get("X-Request-Id")
		if id == "" || seen[id] {
			t.Errorf("%s: got request ID %q, want a new one", path, id)
		}
		seen[id] = true
	}
	if id, ok := get(t, s, "/users").header["X-Request-Id"]; ok {
		t.Errorf("a fault without request ID: got %q, want none", id)
	}
}
