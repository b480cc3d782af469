package kantatatest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

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
			status: 200, deleteStatus: 200,
			want: `{"count":1,"results":[{"key":"access_group_memberships","id":"56000101"}],"access_group_memberships":{"56000101":{
				"id":"56000101","access_group_id":"340001","access_group_name":"Finance Approvers","user_id":"12000001","user_name":"Jane Doe",
				"creator_id":12000009,"created_at":"2026-11-22T01:30:00-07:00"}},
				"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`,
		},
		"numbers": {
			dialect: kantatatest.Dialect{IDs: kantatatest.IDNumbers, CreateStatus: 201, DeleteStatus: 204, Dates: kantatatest.DateOnly},
			status:  201, deleteStatus: 204,
			want: `{"count":1,"results":[{"key":"access_group_memberships","id":56000101}],"access_group_memberships":{"56000101":{
				"id":56000101,"access_group_id":340001,"access_group_name":"Finance Approvers","user_id":12000001,"user_name":"Jane Doe",
				"creator_id":12000009,"created_at":"2026-11-22"}},
				"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`,
		},
		"mixed": {
			dialect: kantatatest.Dialect{IDs: kantatatest.IDMixed, Dates: kantatatest.DateTimeUTC},
			status:  200, deleteStatus: 200,
			want: `{"count":1,"results":[{"key":"access_group_memberships","id":"56000101"}],"access_group_memberships":{"56000101":{
				"id":"56000101","access_group_id":340001,"access_group_name":"Finance Approvers","user_id":"12000001","user_name":"Jane Doe",
				"creator_id":12000009,"created_at":"2026-11-22T08:30:00Z"}},
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
				t.Errorf("DELETE: got %d %q, want %d, with a body unless it is 204", gone.status, gone.body, test.deleteStatus)
			}
			if left := s.Memberships(); len(left) != 0 {
				t.Errorf("got memberships %v after the DELETE, want none", left)
			}
		})
	}
}

func TestCreatorMayBeNull(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithCreator(0))
	if got := post(t, s, "12000001"); !strings.Contains(got.body, `"creator_id":null`) {
		t.Errorf("got %s, want a creator_id of null", got.body)
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
				t.Errorf("got %d with %d rows, want %d with %d: %s", got.status, len(s.Memberships()), test.status, test.rows, got.body)
			}
		})
	}
}

func TestDeleteOfEachDialect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dialect kantatatest.Dialect
		status  int
		body    string
	}{
		"success":    {kantatatest.Dialect{}, 200, `{"success":"Access group membership was deleted."}`},
		"empty":      {kantatatest.Dialect{DeleteEmpty: true}, 200, ""},
		"no content": {kantatatest.Dialect{DeleteStatus: 204}, 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(test.dialect))
			s.AddMembership(340001, 12000001)
			got := call(t, s, http.MethodDelete, memberships+"/56000101", "")
			if got.status != test.status || got.body != test.body {
				t.Errorf("got %d %q, want %d %q", got.status, got.body, test.status, test.body)
			}
			if left := s.Memberships(); len(left) != 0 {
				t.Errorf("got memberships %v, want none", left)
			}
		})
	}
}

func TestOptionalFields(t *testing.T) {
	t.Parallel()
	names := []string{"access_group_name", "created_at", "creator_id", "user_name"}
	for name, test := range map[string]struct {
		style kantatatest.OptionalStyle
		want  string // the optional fields in the order of names
	}{
		"present":    {kantatatest.OptionalPresent, `["Finance Approvers","2026-11-22T01:30:00-07:00",12000009,"Jane Doe"]`},
		"null":       {kantatatest.OptionalNull, `[null,null,null,null]`},
		"absent":     {kantatatest.OptionalAbsent, `[]`},
		"zero":       {kantatatest.OptionalZero, `[0,0,0,0]`},
		"blank":      {kantatatest.OptionalBlank, `["","","",""]`},
		"other type": {kantatatest.OptionalOtherType, `[7,7,"seven",7]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(kantatatest.Dialect{Optional: test.style}))
			var body struct {
				Memberships map[string]map[string]any `json:"access_group_memberships"`
			}
			if err := json.Unmarshal([]byte(post(t, s, "12000001").body), &body); err != nil {
				t.Fatal(err)
			}
			fields := body.Memberships["56000101"]
			got := []any{}
			for _, name := range names {
				if value, ok := fields[name]; ok {
					got = append(got, value)
					delete(fields, name)
				}
			}
			encoded, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, string(encoded), test.want)
			if rest := slices.Sorted(maps.Keys(fields)); !slices.Equal(rest, []string{"access_group_id", "id", "user_id"}) {
				t.Errorf("got required fields %v, want the three IDs", rest)
			}
		})
	}
}

func TestOptionalFieldsOfPeople(t *testing.T) {
	t.Parallel()
	s := start(t, kantatatest.WithDialect(kantatatest.Dialect{Optional: kantatatest.OptionalOtherType}))
	s.AddUser(12000001, "Jane Doe", "")
	get(t, s, "/users").want(t, 200, `{"count":1,"results":[{"key":"users","id":"12000001"}],
		"users":{"12000001":{"id":"12000001","full_name":7,"email_address":null,"headline":7}},
		"meta":{"count":1,"page_count":1,"page_number":1,"page_size":20}}`)
}

func TestErrorsAsStrings(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithDialect(kantatatest.Dialect{Errors: kantatatest.ErrorStrings}))
	get(t, s, memberships+"/1").want(t, 404, `{"errors":["The requested resource could not be found"]}`)
	call(t, s, http.MethodPost, memberships, newBody("1", "12000001")).want(t, 422, `{"errors":["Access group does not exist"]}`)
	s.Inject(kantatatest.Fault{Status: 503})
	get(t, s, memberships).want(t, 503, `{"errors":["Service Unavailable"]}`)
}

func TestPageCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		style kantatatest.PageCountStyle
		meta  string
	}{
		"exact":    {kantatatest.PageCountExact, `"page_count":3`},
		"one":      {kantatatest.PageCountOne, `"page_count":1`},
		"too high": {kantatatest.PageCountTooHigh, `"page_count":7`},
		"absent":   {kantatatest.PageCountAbsent, `"meta":{"count":5,"page_number":1,"page_size":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, kantatatest.WithDialect(kantatatest.Dialect{PageCounts: test.style}))
			s.SeedMemberships(1, 5, 5)
			if got := get(t, s, memberships+"?per_page=2").body; !strings.Contains(got, test.meta) {
				t.Errorf("got %s, want %s", got, test.meta)
			}
		})
	}
}

func TestHiddenMemberships(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		style kantatatest.HiddenStyle
		pages [][]string
	}{
		"shortens its page": {kantatatest.HiddenShortensPage, [][]string{{"56000101"}, {"56000103", "56000104"}, {"56000105"}}},
		"adds pages":        {kantatatest.HiddenAddsPages, [][]string{{"56000101", "56000103"}, {"56000104", "56000105"}, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, kantatatest.WithDialect(kantatatest.Dialect{Hidden: test.style}), kantatatest.WithMaxPerPage(2))
			s.SeedMemberships(1, 5, 5)
			s.HideMembership(56000102)
			for i, want := range test.pages {
				got := summarize(t, get(t, s, memberships+"?per_page=2&page="+[]string{"1", "2", "3"}[i]))
				if !slices.Equal(got.ids, want) || got.count != 5 || got.pages != 3 {
					t.Errorf("page %d: got %+v, want %v of 5 on 3 pages", i+1, got, want)
				}
			}
			for _, query := range []string{"?only=56000102", "?access_group_id=340001&user_id=12000002"} {
				if got := summarize(t, get(t, s, memberships+query)); len(got.ids) != 0 || got.count != 1 {
					t.Errorf("%s: got %+v, want count 1 without results", query, got)
				}
			}
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				if got := call(t, s, method, memberships+"/56000102", ""); got.status != 404 {
					t.Errorf("%s: got %d, want 404", method, got.status)
				}
			}
			if got := post(t, s, "12000002"); got.status != 422 {
				t.Errorf("POST of the pair: got %d, want 422", got.status)
			}
			if got := s.Memberships(); len(got) != 5 {
				t.Errorf("got %d memberships, want 5", len(got))
			}
		})
	}
}
