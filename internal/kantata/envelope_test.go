package kantata

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	// The order is that of results; what else the collections hold is no result.
	page, err := decodeMemberships([]byte(`{"count":9,
		"results":[{"key":"access_group_memberships","id":"12"},{"key":"access_group_memberships","id":11}],
		"access_group_memberships":{
			"11":{"id":"11","access_group_id":7,"user_id":"41","access_group_name":null,"user_name":"A","creator_id":null,"created_at":"2024-01-01T00:00:00+02:00","more":[1]},
			"12":{"id":12,"access_group_id":"7","user_id":42,"access_group_name":"G","creator_id":"3"},
			"13":{"id":"13","access_group_id":"8","user_id":"43"}},
		"users":{"41":{"id":"41"}},
		"meta":{"count":9,"page_count":5,"page_number":1,"page_size":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	if page.Count != 9 || page.PageCount != 5 || page.PageSize != 2 || len(page.Items) != 2 {
		t.Errorf("page %+v", page)
	}
	first, second := page.Items[0], page.Items[1]
	if first.ID != "12" || first.Pair() != (Pair{"7", "42"}) || *first.AccessGroupName != "G" || *first.CreatorID != "3" || first.UserName != nil || first.CreatedAt != nil {
		t.Errorf("first %+v", first)
	}
	if second.ID != "11" || second.Pair() != (Pair{"7", "41"}) || second.AccessGroupName != nil || second.CreatorID != nil || *second.CreatedAt != "2024-01-01T00:00:00+02:00" {
		t.Errorf("second %+v", second)
	}
	empty, err := decodeMemberships([]byte(`{"count":0,"results":[],"access_group_memberships":{},"meta":{"count":0,"page_count":0,"page_number":0,"page_size":20}}`))
	if err != nil || len(empty.Items) != 0 || empty.Count != 0 {
		t.Errorf("empty %+v, %v", empty, err)
	}
}

// unreadable are bodies that must never pass for a page: from a short page something might be taken for gone.
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
	`{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":{"id":"1","access_group_id":"7","user_id":4.5}}}`,
	`{"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":{"id":"2","access_group_id":"7","user_id":"4"}}}`,
	`{"results":[{"key":"access_group_memberships","id":"99999999999999999999"}],"access_group_memberships":{}}`,
	`{"results":[{"key":"access_group_memberships"}],"access_group_memberships":{"":{}}}`,
	`{"count":-1,"results":[]}`,
	`{"count":1.5,"results":[]}`,
	`{"results":[],"meta":{"page_count":-1}}`,
	`{"results":[],"meta":{"page_count":1000000000}}`,
	`{"results":[],"meta":{"page_count":1e99}}`,
	`{"results":[]} trailing`,
}

func TestUnreadableEnvelopes(t *testing.T) {
	t.Parallel()
	for _, body := range unreadable {
		if page, err := decodeMemberships([]byte(body)); !errors.Is(err, errUnreadable) {
			t.Errorf("%s\nwas read as %+v, %v", body, page, err)
		}
	}
}

func TestHostileSizes(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"deep nesting":      `{"results":` + strings.Repeat("[", 1_000_000),
		"deep object":       strings.Repeat(`{"results":`, 1_000_000),
		"10^6 results":      `{"results":[` + strings.Repeat(`{"key":"access_group_memberships","id":"1"},`, 1_000_000) + `{}]}`,
		"a long id":         `{"results":[{"key":"access_group_memberships","id":"` + strings.Repeat("9", 1_000_000) + `"}]}`,
		"a long key":        `{"results":[{"key":"` + strings.Repeat("k", 1_000_000) + `","id":"1"}]}`,
		"invalid UTF-8 key": "{\"results\":[{\"key\":\"\xff\xfe\",\"id\":\"1\"}]}",
	} {
		_, err := decodeMemberships([]byte(body))
		if !errors.Is(err, errUnreadable) || len(err.Error()) > 1000 {
			t.Errorf("%s: %d bytes of %.100v", name, len(fmt.Sprint(err)), err)
		}
	}
	// Of a key that comes twice the last counts, as everywhere in Go; the row is checked all the same.
	page, err := decodeMemberships([]byte(`{"results":[],"results":[{"key":"access_group_memberships","id":"1"}],"access_group_memberships":{"1":{"id":"2"},"1":{"id":"1","access_group_id":"7","user_id":"4"}}}`))
	if err != nil || len(page.Items) != 1 || page.Items[0].Pair() != (Pair{"7", "4"}) {
		t.Errorf("duplicate keys: %+v, %v", page, err)
	}
}

// A body without end is given up at a bound, and its connection closed: else neither the call nor the handler would end.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	client, k := serve(t, func(w http.ResponseWriter, _ int) {
		defer close(ended)
		for chunk := bytes.Repeat([]byte(" "), 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}, func(c *Config) { c.MaxRetries = 0 })
	if err := call(t.Context(), client, http.MethodGet); !errors.Is(err, errUnreadable) || len(k.received) != 1 {
		t.Errorf("got %v", err)
	}
	<-ended
}

// FuzzEnvelope holds that a page that is read is whole: every item has its ids, and as many items came as results.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range append(slices.Clone(unreadable), one) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := decodeMemberships(body)
		if err != nil {
			if !errors.Is(err, errUnreadable) {
				t.Fatalf("%v is not errUnreadable", err)
			}
			return
		}
		for _, m := range page.Items {
			for _, id := range []ID{m.ID, m.AccessGroupID, m.UserID} {
				if _, err := ParseID(id.String()); err != nil {
					t.Fatalf("%+v has %v", m, err)
				}
			}
		}
		if page.Count < 0 || page.PageCount < 0 || page.PageCount > maxPageCount {
			t.Fatalf("%+v", page)
		}
	})
}

// FuzzErrorDetails holds that an error's text is short and printable, whatever the body.
func FuzzErrorDetails(f *testing.F) {
	for _, seed := range []string{`{"errors":[{"type":"oauth","message":"Invalid OAuth 2 Request"}]}`, `{"errors":[1]}`, `{"errors":{}}`, `<html>`, `{"errors":[{"message":"\u001b[2J"}]}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		details, ok := decodeErrorDetails(body, func(s string) string { return s })
		if !ok && details != nil {
			t.Fatal("details of what is no error")
		}
		text := (&Error{Method: "GET", Path: "/x", StatusCode: 400, Details: details}).Error()
		if len(text) > 100+3*maxDetails*4*(maxMessageLength+20) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("%q", text)
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
		fmt.Fprintf(&objects, `"%d":{"id":"%d","access_group_id":"340001","user_id":"%d","access_group_name":"Finance Approvers","user_name":"User %d","creator_id":12000009,"created_at":"2026-11-22T08:30:00Z"}`, 56000101+i, 56000101+i, 12000001+i, i)
	}
	return fmt.Appendf(nil, `{"count":%d,"results":[%s],"access_group_memberships":{%s},"meta":{"count":%d,"page_count":1,"page_number":1,"page_size":200}}`, n, results.String(), objects.String(), n)
}

func BenchmarkDecodePage200(b *testing.B) {
	body := pageOf(MaxPerPage)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if page, err := decodeMemberships(body); err != nil || len(page.Items) != MaxPerPage {
			b.Fatal(len(page.Items), err)
		}
	}
}
