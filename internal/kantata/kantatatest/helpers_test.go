package kantatatest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const memberships = "/access_group_memberships"

type reply struct {
	status int
	header http.Header
	body   string
}

func start(t *testing.T, options ...kantatatest.Option) *kantatatest.Server {
	t.Helper()
	s := kantatatest.New(options...)
	t.Cleanup(s.Close)
	return s
}

func company(t *testing.T, options ...kantatatest.Option) *kantatatest.Server {
	t.Helper()
	s := start(t, options...)
	s.SeedCompany()
	return s
}

func send(ctx context.Context, method, url, body string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Authorization", "Bearer "+kantatatest.Token)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(text)}, err
}

func call(t *testing.T, s *kantatatest.Server, method, path, body string) reply {
	t.Helper()
	got, err := send(t.Context(), method, s.URL()+path, body)
	if err != nil {
		t.Fatalf("%s %s: got the error %v, want none", method, path, err)
	}
	return got
}

func get(t *testing.T, s *kantatatest.Server, path string) reply {
	t.Helper()
	return call(t, s, http.MethodGet, path, "")
}

// serveDirectly sends a request without a connection, so that it works in fake time.
func serveDirectly(t *testing.T, s *kantatatest.Server, method, path, body string) reply {
	t.Helper()
	r := httptest.NewRequest(method, s.URL()+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+kantatatest.Token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// serveInBackground sends a request without a connection. The function that it returns reports whether the server has
// ended the request.
func serveInBackground(ctx context.Context, s *kantatatest.Server, method, path, body string) (ended func() bool) {
	r := httptest.NewRequestWithContext(ctx, method, s.URL()+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+kantatatest.Token)
	var done atomic.Bool
	go func() {
		defer done.Store(true)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it in this way
				panic(p)
			}
		}()
		s.ServeHTTP(httptest.NewRecorder(), r)
	}()
	return done.Load
}

// sendBytes sends a request as it is and closes the connection.
func sendBytes(t *testing.T, s *kantatatest.Server, request string) reply {
	t.Helper()
	address := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/api/v1")
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// post adds the user to access group 340001.
func post(t *testing.T, s *kantatatest.Server, user string) reply {
	t.Helper()
	return call(t, s, http.MethodPost, memberships, newBody("340001", user))
}

func newBody(group, user string) string {
	return `{"access_group_membership":{"access_group_id":` + group + `,"user_id":` + user + `}}`
}

func (a reply) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status {
		t.Errorf("got %d, want %d: %s", a.status, status, a.body)
	}
	sameJSON(t, a.body, body)
}

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("got the error %v in the wanted JSON, want none", err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("got the error %v, want JSON: %s", err, got)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// summary holds the IDs of the results and the meta of an envelope.
type summary struct {
	ids                           []string
	count, pages, page, size, all int
}

func summarize(t *testing.T, a reply) summary {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got %d, want 200: %s", a.status, a.body)
	}
	var e struct {
		Count   int `json:"count"`
		Results []struct {
			ID string `json:"id"`
		} `json:"results"`
		Meta struct {
			Count      int `json:"count"`
			PageCount  int `json:"page_count"`
			PageNumber int `json:"page_number"`
			PageSize   int `json:"page_size"`
		} `json:"meta"`
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil {
		t.Fatal(err)
	}
	got := summary{count: e.Count, pages: e.Meta.PageCount, page: e.Meta.PageNumber, size: e.Meta.PageSize, all: e.Meta.Count}
	for _, r := range e.Results {
		got.ids = append(got.ids, r.ID)
	}
	return got
}

func statuses(s *kantatatest.Server) []int {
	var all []int
	for _, r := range s.Requests() {
		all = append(all, r.Status)
	}
	return all
}
