package kantatatest_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestDialects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dialect              kantatatest.Dialect
		status, deleteStatus int
		want                 string
	}{
		"strings": {
			status: 200, deleteStatus: 204,
			want: `{"count":1,"results":[{"key":"access_group_memberships","id":"56000101"}],"access_group_memberships":{"56000101":{
				"id":"56000101","access_group_id":"340001","access_group_name":"Finance Approvers","user_id":"12000001","user_name":"Jane Doe",
				"creator_id":12000009,"created_at":"2026-11-22T08:30:00Z"}},
				"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`,
		},
		"numbers": {
			dialect: kantatatest.Dialect{IDs: kantatatest.IDNumbers, CreateStatus: 201, DeleteStatus: 200, Dates: kantatatest.DateOnly},
			status:  201, deleteStatus: 200,
			want: `{"count":1,"results":[{"key":"access_group_memberships","id":56000101}],"access_group_memberships":{"56000101":{
				"id":56000101,"access_group_id":340001,"access_group_name":"Finance Approvers","user_id":12000001,"user_name":"Jane Doe",
				"creator_id":12000009,"created_at":"2026-11-22"}},
				"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`,
		},
		"mixed": {
			dialect: kantatatest.Dialect{IDs: kantatatest.IDMixed, Dates: kantatatest.DateTimeOffset},
			status:  200, deleteStatus: 204,
			want: `{"count":1,"results":[{"key":"access_group_memberships","id":"56000101"}],"access_group_memberships":{"56000101":{
				"id":"56000101","access_group_id":340001,"access_group_name":"Finance Approvers","user_id":"12000001","user_name":"Jane Doe",
				"creator_id":12000009,"created_at":"2026-11-22T00:30:00-08:00"}},
				"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(test.dialect))
			post(t, s, `"12000001"`).want(t, test.status, test.want)
			get(t, s, memberships).want(t, 200, test.want)
			get(t, s, memberships+"/56000101.json").want(t, 200, test.want)
			gone := call(t, s, http.MethodDelete, memberships+"/56000101", "")
			if gone.status != test.deleteStatus || (gone.body == "") != (test.deleteStatus == 204) {
				t.Errorf("delete answered %d %q", gone.status, gone.body)
			}
			if left := s.Memberships(); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestCreatorMayBeNull(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithCreator(0))
	if got := post(t, s, "12000001"); !strings.Contains(got.body, `"creator_id":null`) {
		t.Error(got.body)
	}
}

func TestEmptyAnswer(t *testing.T) {
	t.Parallel()
	get(t, company(t), memberships+".json?page=3").want(t, 200,
		`{"count":0,"results":[],"access_group_memberships":{},"meta":{"count":0,"page_count":0,"page_number":0,"page_size":20}}`)
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	s := start(t)
	seeded := s.SeedMemberships(2, 225, 450)
	var ids []string
	for _, m := range seeded {
		ids = append(ids, fmt.Sprint(m.ID))
	}
	everyID := strings.Join(ids, ",")
	all := func(page, pages, size int, ids ...string) summary {
		return summary{ids: ids, count: 450, pages: pages, page: page, size: size, all: 450}
	}
	for name, test := range map[string]struct {
		query string
		want  summary
	}{
		"default":           {"", all(1, 23, 20, ids[:20]...)},
		"last":              {"page=23", all(23, 23, 20, ids[440:]...)},
		"past the end":      {"page=24", all(24, 23, 20)},
		"far past the end":  {"page=9223372036854775807&per_page=200", all(9223372036854775807, 3, 200)},
		"page below 1":      {"page=-1", all(1, 23, 20, ids[:20]...)},
		"most":              {"per_page=201", all(1, 3, 200, ids[:200]...)},
		"per_page below 1":  {"per_page=0", all(1, 23, 20, ids[:20]...)},
		"blank filters":     {"only=&user_id=&access_group_id=%20", all(1, 23, 20, ids[:20]...)},
		"unknown":           {"color=red&include=color", all(1, 23, 20, ids[:20]...)},
		"only, unpaged":     {"only=" + everyID + "&per_page=200&page=3", all(1, 3, 200, ids...)},
		"only, lost id":     {"only=" + ids[5] + ",%20" + ids[6], summary{ids: ids[5:6], count: 1, pages: 1, page: 1, size: 20, all: 1}},
		"only, order":       {"only=" + ids[6] + "," + ids[5] + "," + ids[6] + ",99", summary{ids: ids[5:7], count: 2, pages: 1, page: 1, size: 20, all: 2}},
		"only, of a group":  {"only=" + ids[0] + "," + ids[1] + "&access_group_id=340002", summary{ids: ids[1:2], count: 1, pages: 1, page: 1, size: 20, all: 1}},
		"group":             {"access_group_id=340002&per_page=2", summary{ids: []string{ids[1], ids[3]}, count: 225, pages: 113, page: 1, size: 2, all: 225}},
		"user":              {"user_id=12000001", summary{ids: ids[:2], count: 2, pages: 1, page: 1, size: 20, all: 2}},
		"pair":              {"user_id=12000225&access_group_id=340002", summary{ids: ids[449:], count: 1, pages: 1, page: 1, size: 20, all: 1}},
		"no such":           {"user_id=abc", summary{size: 20}},
		"zero in front":     {"user_id=012000001", summary{size: 20}},
		"show, of another":  {"/" + ids[0] + "?user_id=9", summary{size: 20}},
		"show, other only":  {"/" + ids[0] + "?only=" + ids[1], summary{size: 20}},
		"show, second page": {"/" + ids[0] + "?page=2", summary{count: 1, pages: 1, page: 2, size: 20, all: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := memberships + "?" + test.query
			if strings.HasPrefix(test.query, "/") {
				path = memberships + test.query
			}
			if got := summarize(t, get(t, s, path)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithDialect(kantatatest.Dialect{IDs: kantatatest.IDNumbers}))
	s.AddMembership(340002, 12000002)
	get(t, s, memberships+"?include=user,access_group,color").want(t, 200,
		`{"count":1,"results":[{"key":"access_group_memberships","id":56000101}],"access_group_memberships":{"56000101":{
			"id":56000101,"access_group_id":340002,"access_group_name":"Resource Managers","user_id":12000002,"user_name":"Amir Haddad",
			"creator_id":12000009,"created_at":"2026-11-22T08:30:00Z"}},
			"users":{"12000002":{"id":12000002,"full_name":"Amir Haddad","email_address":"amir@example.com","headline":""}},
			"access_groups":{"340002":{"id":340002,"name":"Resource Managers"}},
			"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`)
}

func TestRefusedCreates(t *testing.T) {
	t.Parallel()
	validation := func(message, field string) string {
		return `{"errors":[{"type":"validation","message":"` + message + `","field":"` + field + `"}]}`
	}
	malformed := `{"errors":[{"type":"system","message":"The request body could not be understood"}]}`
	for name, test := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"malformed":      {`{"access_group_membership":`, 400, malformed},
		"unwrapped":      {`{"access_group_id":340001,"user_id":12000001}`, 400, malformed},
		"no group":       {`{"access_group_membership":{"user_id":12000001}}`, 422, validation("can't be blank", "access_group_id")},
		"blank group":    {newBody(`""`, `1`), 422, validation("can't be blank", "access_group_id")},
		"no user":        {newBody(`340001`, `null`), 422, validation("can't be blank", "user_id")},
		"unknown group":  {newBody(`1`, `12000001`), 422, validation("Access group does not exist", "access_group_id")},
		"unknown user":   {newBody(`340001`, `"x"`), 422, validation("User is not on this account", "user_id")},
		"administrators": {newBody(`340000`, `12000001`), 422, validation("Account Administrators cannot be changed here", "access_group_id")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t)
			call(t, s, http.MethodPost, memberships, test.body).want(t, test.status, test.want)
			if got := s.Memberships(); len(got) != 0 {
				t.Errorf("created %v", got)
			}
		})
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		style        kantatatest.DuplicateStyle
		status, rows int
	}{
		"refused":  {kantatatest.DuplicateRefused, 422, 1},
		"existing": {kantatatest.DuplicateReturnsExisting, 200, 1},
		"second":   {kantatatest.DuplicateCreatesSecond, 200, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(kantatatest.Dialect{Duplicates: test.style}))
			s.AddMembership(340001, 12000001)
			if got := post(t, s, "12000001"); got.status != test.status || len(s.Memberships()) != test.rows {
				t.Errorf("%d %s, %d rows", got.status, got.body, len(s.Memberships()))
			}
		})
	}
}

func TestAccountAdministratorsAreHidden(t *testing.T) {
	t.Parallel()
	s := company(t)
	id := s.AddMembership(kantatatest.AccountAdministrators, 12000001)
	shown := s.AddMembership(340001, 12000001)
	for _, query := range []string{"", "?user_id=12000001", fmt.Sprintf("?only=%d,%d", id, shown)} {
		if got := summarize(t, get(t, s, memberships+query)); got.count != 1 || !slices.Equal(got.ids, []string{fmt.Sprint(shown)}) {
			t.Errorf("%s: %+v", query, got)
		}
	}
	path := fmt.Sprintf("%s/%d", memberships, id)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if got := call(t, s, method, path, ""); got.status != 404 {
			t.Errorf("%s: %d", method, got.status)
		}
	}
	if got := s.Memberships(); len(got) != 2 || got[0].ID != id {
		t.Errorf("holds %v", got)
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

func TestToken(t *testing.T) {
	t.Parallel()
	s := company(t)
	response, err := http.Get(s.URL() + memberships)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized || response.Header.Get("X-Request-Id") == "" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	if got := get(t, s, memberships).header.Get("X-Request-Id"); got == response.Header.Get("X-Request-Id") {
		t.Errorf("request id %s came twice", got)
	}
	if got := statuses(s); !slices.Equal(got, []int{401, 200}) {
		t.Error(got)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.AddUserOutsideProjects(12000100, "Bea Outside", "bea@example.com")
	for query, want := range map[string][]string{
		"":                                       {"12000002", "12000003", "12000004", "12000005", "12000006", "12000007", "12000008", "12000001"},
		"on_my_account=true&per_page=2&page=1":   {"12000002", "12000100"},
		"by_email_addresses=bea@example.com":     nil,
		"only=12000001,12000002&per_page=1":      {"12000002", "12000001"},
		"by_email_addresses=&per_page=1&page=8":  {"12000001"},
		"by_email_addresses=nobody@example.com":  nil,
		"by_email_addresses=JANE@example.com,,x": {"12000001"},
		"by_email_addresses=bea@example.com,emi@example.com&on_my_account=true": {"12000100", "12000005"},
	} {
		if got := summarize(t, get(t, s, "/users?"+query)); !slices.Equal(got.ids, want) {
			t.Errorf("%q: %v, want %v", query, got.ids, want)
		}
	}
}

func TestHandMadeChanges(t *testing.T) {
	t.Parallel()
	s := start(t)
	seeded := s.SeedMemberships(2, 2, 4)
	kept := slices.Clone(seeded)
	s.RemoveMembership(seeded[1].ID)
	if !slices.Equal(seeded, kept) {
		t.Error("the returned seed changed with the server")
	}
	want := []kantatatest.Membership{kept[0], kept[2], kept[3]}
	if got := s.Memberships(); !slices.Equal(got, want) {
		t.Errorf("holds %v", got)
	}
	if got := get(t, s, fmt.Sprintf("%s/%d", memberships, kept[1].ID)); got.status != 404 {
		t.Error(got.status)
	}
	if got := summarize(t, get(t, s, memberships+"?access_group_id=340002")); got.count != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	first := kantatatest.New()
	address := strings.TrimSuffix(strings.TrimPrefix(first.URL(), "http://"), "/api/v1")
	first.Close()
	first.Close()
	s := company(t, kantatatest.WithAddress(address))
	if s.URL() != first.URL() {
		t.Errorf("%s, want %s", s.URL(), first.URL())
	}
	if got := get(t, s, "/users"); got.status != 200 {
		t.Error(got.status)
	}
}

// TestManyMemberships walks 100,000 in 500 pages, which takes minutes where a page costs as much as the list.
func TestManyMemberships(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SeedMemberships(1000, 100, 100_000)
	began := time.Now()
	seen := map[string]bool{}
	for page := 1; page <= 500; page++ {
		for _, id := range summarize(t, get(t, s, fmt.Sprintf("%s?per_page=200&page=%d", memberships, page))).ids {
			seen[id] = true
		}
	}
	if len(seen) != 100_000 {
		t.Errorf("saw %d", len(seen))
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := company(t)
	var callers sync.WaitGroup
	for user := 12000001; user <= 12000008; user++ {
		callers.Go(func() {
			id := s.AddMembership(340003, int64(user))
			if got := post(t, s, fmt.Sprint(user)); got.status != 200 {
				t.Error(got.status)
			}
			if got := call(t, s, http.MethodDelete, fmt.Sprintf("%s/%d", memberships, id), ""); got.status != 204 {
				t.Error(got.status)
			}
			_, _ = s.Memberships(), s.Requests()
		})
	}
	callers.Wait()
	if held, log := s.Memberships(), s.Requests(); len(held) != 8 || len(log) != 16 {
		t.Errorf("%d memberships, %d requests", len(held), len(log))
	}
}
