package kantata

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	// Items are in the order of results. An object that results do not name is not an item.
	page, err := (&Client{}).decodeMemberships([]byte(`{"count":9,
		"results":[{"key":"access_group_memberships","id":"12"},{"key":"access_group_memberships","id":11}],
		"access_group_memberships":{
			"11":{"id":"11","access_group_id":7,"user_id":"41","access_group_name":null,"user_name":"A","creator_id":null,
				"created_at":"2024-01-01T00:00:00+02:00","more":[1]},
			"12":{"id":12,"access_group_id":"7","user_id":42,"access_group_name":"G","creator_id":"3"},
			"13":{"id":"13","access_group_id":"8","user_id":"43"}},
		"users":{"41":{"id":"41"}},
		"meta":{"count":9,"page_count":5,"page_number":1,"page_size":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	if page.Count != 9 || page.PageCount != 5 || page.PageSize != 2 || len(page.Items) != 2 {
		t.Errorf("got the page %+v, want 2 of 9 rows on 5 pages of 2", page)
	}
	group, name, created, creator := "G", "A", "2024-01-01T00:00:00+02:00", ID("3")
	want := []Membership{
		{ID: "12", AccessGroupID: "7", UserID: "42", AccessGroupName: &group, CreatorID: &creator},
		{ID: "11", AccessGroupID: "7", UserID: "41", UserName: &name, CreatedAt: &created},
	}
	if diff := cmp.Diff(want, page.Items); diff != "" {
		t.Errorf("the rows differ (-want +got):\n%s", diff)
	}
	largest, err := (&Client{}).decodeMemberships([]byte(`{"results":[],"count":0,"meta":{"page_count":1000000}}`))
	if err != nil || largest.PageCount != maxPageCount {
		t.Errorf("got %+v and the error %v, want %d pages", largest, err, maxPageCount)
	}
	empty, err := (&Client{}).decodeMemberships([]byte(`{"count":0,"results":[],"access_group_memberships":{},
		"meta":{"count":0,"page_count":0,"page_number":0,"page_size":20}}`))
	if err != nil || len(empty.Items) != 0 || empty.Count != 0 {
		t.Errorf("got %+v and the error %v, want an empty page", empty, err)
	}
}

// TestOptionalFields expects null for an optional field that cannot be read, and the rest of the row.
func TestOptionalFields(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`null`, `0`, `""`, `[]`, `{"a":1}`, `true`, `1.5`} {
		body := fmt.Sprintf(`{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":
			{"id":"1","access_group_id":"7","user_id":"4","access_group_name":%[1]s,"user_name":%[1]s,"creator_id":%[1]s,
			"created_at":%[1]s}}}`, value)
		page, err := (&Client{}).decodeMemberships([]byte(body))
		if want := (Membership{ID: "1", AccessGroupID: "7", UserID: "4"}); err != nil || len(page.Items) != 1 || page.Items[0] != want {
			t.Errorf("%s: got %+v, %v; want %+v", value, page.Items, err, want)
		}
		body = fmt.Sprintf(`{"results":[{"key":"users","id":"1"}],"users":{"1":{"id":1,"full_name":%[1]s,"email_address":%[1]s}}}`, value)
		people, err := decodePage[User]([]byte(body), users)
		if err != nil || len(people.Items) != 1 || people.Items[0] != (User{ID: "1"}) {
			t.Errorf("%s: got %+v, %v; want a user with an ID only", value, people.Items, err)
		}
	}
	// A number instead of a name is not a name, but a number is an ID.
	page, err := (&Client{}).decodeMemberships([]byte(`{"results":[{"key":"access_group_memberships","id":"1"}],
		"access_group_memberships":{"1":{"id":"1","access_group_id":"7","user_id":"4","user_name":12,"creator_id":12}}}`))
	if err != nil || page.Items[0].UserName != nil || page.Items[0].CreatorID == nil || *page.Items[0].CreatorID != "12" {
		t.Errorf("got %+v and the error %v, want no user_name and the creator_id 12", page.Items, err)
	}
}

// A count that is missing, or lower than the number of rows up to a full page, is raised, so that the next page is read. A page that is not
// full ends the list.
func TestCountThatHidesRows(t *testing.T) {
	t.Parallel()
	const memberships = `"results":[{"key":"access_group_memberships","id":"1"},{"key":"access_group_memberships","id":"2"}],
		"access_group_memberships":{"1":{"id":"1","access_group_id":"7","user_id":"4"},"2":{"id":"2","access_group_id":"7","user_id":"5"}}`
	const people = `"results":[{"key":"users","id":"1"},{"key":"users","id":"2"}],"users":{"1":{"id":"1"},"2":{"id":"2"}}`
	for name, test := range map[string]struct {
		count  string
		number int
		want   int
	}{
		"exact":                   {`"count":4,"meta":{"count":4,"page_size":2}`, 2, 4},
		"too high":                {`"count":9,"meta":{"count":9,"page_size":2}`, 2, 9},
		"zero":                    {`"count":0,"meta":{"count":0,"page_size":2}`, 1, 3},
		"that of the page":        {`"count":2,"meta":{"count":2,"page_size":2}`, 2, 5},
		"none":                    {`"meta":{"page_size":2}`, 3, 7},
		"none, and no page size":  {`"meta":{}`, 1, 3},
		"only in meta":            {`"meta":{"count":8,"page_size":2}`, 1, 8},
		"too low, the page short": {`"count":1,"meta":{"page_size":200}`, 1, 1},
	} {
		client, _ := serve(t, says(200, "{"+test.count+","+memberships+"}"))
		page, err := client.AccessGroupMembershipsPage(t.Context(), MembershipFilter{}, test.number, 2)
		if err != nil || page.Count != test.want {
			t.Errorf("%s: got the count %d and the error %v, want %d", name, page.Count, err, test.want)
		}
		client, _ = serve(t, says(200, "{"+test.count+","+people+"}"))
		persons, err := client.UsersPage(t.Context(), UserFilter{}, test.number, 2)
		if err != nil || persons.Count != test.want {
			t.Errorf("%s: got the count %d of people and the error %v, want %d", name, persons.Count, err, test.want)
		}
	}
}

// unreadable are bodies that must not be read as pages, because a row that is missing from a page may look absent.
var unreadable = []string{
	``, ` `, `null`, `[]`, `"x"`, `{`, `<html>`, `{}`,
	`{"results":null}`,
	`{"results":{}}`,
	`{"count":1,"access_group_memberships":{"1":{"id":"1","access_group_id":"7","user_id":"4"}}}`,
	`{"results":[{"key":"access_group_memberships","id":"1"}]}`,
	`{"results":[{"key":"users","id":"1"}],"users":{"1":{"id":"1"}}}`,
	`{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":[]}`,
	`{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":null}}`,
	`{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":{"id":"1","access_group_id":"7"}}}`,
	withObject(`{"id":"1","access_group_id":"7","user_id":4.5}`),
	withObject(`{"id":"2","access_group_id":"7","user_id":"4"}`),
	`{"results":[{"key":"access_group_memberships","id":"99999999999999999999"}],"access_group_memberships":{}}`,
	`{"results":[{"key":"access_group_memberships"}],"access_group_memberships":{"":{}}}`,
	`{"count":-1,"results":[]}`,
	`{"count":1.5,"results":[]}`,
	`{"results":[],"meta":{"page_count":-1}}`,
	`{"results":[],"meta":{"page_count":1000000000}}`,
	`{"results":[],"meta":{"page_count":1e99}}`,
	`{"results":[]} trailing`,
	`{"results":[]}`,
	`{"results":[],"users":{}}`,
}

// withObject is a page whose only result is the object.
func withObject(object string) string {
	return `{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":` + object + `}}`
}

func TestUnreadableEnvelopes(t *testing.T) {
	t.Parallel()
	for _, body := range unreadable {
		if page, err := (&Client{}).decodeMemberships([]byte(body)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("got %+v and the error %v, want ErrUnreadable for\n%s", page, err, body)
		}
	}
}

func TestHostileSizes(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"deep nesting":      `{"results":` + strings.Repeat("[", 1_000_000),
		"deep object":       strings.Repeat(`{"results":`, 300_000),
		"many results":      `{"results":[` + strings.Repeat(`{"key":"access_group_memberships","id":"1"},`, 90_000) + `{}]}`,
		"a long id":         `{"results":[{"key":"access_group_memberships","id":"` + strings.Repeat("9", 1_000_000) + `"}]}`,
		"a long key":        `{"results":[{"key":"` + strings.Repeat("k", 1_000_000) + `","id":"1"}]}`,
		"invalid UTF-8 key": "{\"results\":[{\"key\":\"\xff\xfe\",\"id\":\"1\"}]}",
	} {
		_, err := (&Client{}).decodeMemberships([]byte(body))
		if !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: got %.100v, want ErrUnreadable", name, err)
		}
	}
	// If a key occurs twice, the last one counts, as everywhere in Go. The row is checked like any other.
	page, err := (&Client{}).decodeMemberships([]byte(`{"results":[],"results":[{"key":"access_group_memberships","id":"1"}],
		"access_group_memberships":{"1":{"id":"2"},"1":{"id":"1","access_group_id":"7","user_id":"4"}}}`))
	if err != nil || len(page.Items) != 1 || page.Items[0].Pair() != (Pair{"7", "4"}) {
		t.Errorf("duplicate keys: got %+v and the error %v, want the last row", page, err)
	}
}

// FuzzEnvelope checks that each item of a page that can be read has its IDs, and that the numbers of the page are in range.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range append(slices.Clone(unreadable), one) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := (&Client{}).decodeMemberships(body)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Fatalf("got the error %v, want ErrUnreadable", err)
			}
			return
		}
		for _, m := range page.Items {
			for _, id := range []ID{m.ID, m.AccessGroupID, m.UserID} {
				if _, err := ParseID(id.String()); err != nil {
					t.Fatalf("got %+v with the error %v, want valid IDs", m, err)
				}
			}
		}
		if page.Count < 0 || page.PageCount < 0 || page.PageCount > maxPageCount {
			t.Fatalf("got %+v, want numbers in range", page)
		}
	})
}

func pageOf(n int) []byte {
	var results, objects strings.Builder
	for i := range n {
		if i > 0 {
			results.WriteString(",")
			objects.WriteString(",")
		}
		fmt.Fprintf(&results, `{"key":"access_group_memberships","id":"%d"}`, 56000101+i)
		fmt.Fprintf(&objects, `"%[1]d":{"id":"%[1]d","access_group_id":"340001","user_id":"%[2]d","access_group_name":"Finance Approvers",`+
			`"user_name":"User %[3]d","creator_id":12000009,"created_at":"2026-11-22T08:30:00Z"}`, 56000101+i, 12000001+i, i)
	}
	return fmt.Appendf(nil, `{"count":%[1]d,"results":[%[2]s],"access_group_memberships":{%[3]s},`+
		`"meta":{"count":%[1]d,"page_count":1,"page_number":1,"page_size":200}}`, n, results.String(), objects.String())
}

func BenchmarkDecodePage200(b *testing.B) {
	body := pageOf(MaxPerPage)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if page, err := (&Client{}).decodeMemberships(body); err != nil || len(page.Items) != MaxPerPage {
			b.Fatalf("got %d rows and the error %v, want %d", len(page.Items), err, MaxPerPage)
		}
	}
}
