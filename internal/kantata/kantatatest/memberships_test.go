package kantatatest_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestEmptyResponse(t *testing.T) {
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
		"default":          {"", all(1, 23, 20, ids[:20]...)},
		"last":             {"page=23", all(23, 23, 20, ids[440:]...)},
		"past the end":     {"page=24", all(24, 23, 20)},
		"far past the end": {"page=9223372036854775807&per_page=200", all(9223372036854775807, 3, 200)},
		"page below 1":     {"page=-1", all(1, 23, 20, ids[:20]...)},
		"most":             {"per_page=201", all(1, 3, 200, ids[:200]...)},
		"per_page below 1": {"per_page=0", all(1, 23, 20, ids[:20]...)},
		"blank filters":    {"only=&user_id=&access_group_id=%20", all(1, 23, 20, ids[:20]...)},
		"unknown":          {"color=red&include=color", all(1, 23, 20, ids[:20]...)},
		"only, unpaged":    {"only=" + everyID + "&per_page=200&page=3", all(1, 3, 200, ids...)},
		"only, lost id": {
			"only=" + ids[5] + ",%20" + ids[6],
			summary{ids: ids[5:6], count: 1, pages: 1, page: 1, size: 20, all: 1},
		},
		"only, order": {
			"only=" + ids[6] + "," + ids[5] + "," + ids[6] + ",99",
			summary{ids: ids[5:7], count: 2, pages: 1, page: 1, size: 20, all: 2},
		},
		"only, of a group": {
			"only=" + ids[0] + "," + ids[1] + "&access_group_id=340002",
			summary{ids: ids[1:2], count: 1, pages: 1, page: 1, size: 20, all: 1},
		},
		"group": {
			"access_group_id=340002&per_page=2",
			summary{ids: []string{ids[1], ids[3]}, count: 225, pages: 113, page: 1, size: 2, all: 225},
		},
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
			"creator_id":12000009,"created_at":"2026-11-22T01:30:00-07:00"}},
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
				t.Errorf("got memberships %v, want none", got)
			}
		})
	}
}
