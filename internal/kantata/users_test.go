package kantata

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func usersPage(count, pages int, people ...string) string {
	results, objects := make([]string, len(people)), make([]string, len(people))
	for i, p := range people {
		id, address, _ := strings.Cut(p, " ")
		results[i] = fmt.Sprintf(`{"key":"users","id":%q}`, id)
		objects[i] = fmt.Sprintf(`%q:{"id":%s,"full_name":"P%s","email_address":%q}`, id, id, id, address)
	}
	return fmt.Sprintf(`{"count":%d,"results":[%s],"users":{%s},"meta":{"count":%d,"page_count":%d,"page_number":1,"page_size":200}}`,
		count, strings.Join(results, ","), strings.Join(objects, ","), count, pages)
}

func TestUsersPage(t *testing.T) {
	for want, filter := range map[string]UserFilter{
		"GET /api/v1/users?page=2&per_page=50":                                      {},
		"GET /api/v1/users?only=42%2C43&page=2&per_page=50":                         {IDs: []ID{"42", "43"}},
		"GET /api/v1/users?on_my_account=true&page=2&per_page=50":                   {OnMyAccount: true},
		"GET /api/v1/users?by_email_addresses=a%40b.c%2Cd%40e.f&page=2&per_page=50": {EmailAddresses: []string{"a@b.c", "d@e.f"}},
	} {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, says(200, usersPage(51, 2, "42 Jane@Example.com")))
			page, err := client.UsersPage(t.Context(), filter, 2, 50)
			name, address := "P42", "Jane@Example.com"
			if diff := cmp.Diff([]User{{ID: "42", FullName: &name, EmailAddress: &address}}, page.Items); diff != "" || err != nil {
				t.Errorf("got the error %v and a difference (-want +got):\n%s", err, diff)
			}
			if !slices.Equal(a.received, []string{want}) {
				t.Errorf("got %q, want %q", a.received, want)
			}
		})
	}
}

// byAddress responds like a Kantata whose comparison of addresses is case-sensitive, or is not.
func byAddress(regardsCase bool, people ...string) func(a **api) func(http.ResponseWriter, int) {
	return func(a **api) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, n int) {
			u, _ := url.Parse(strings.Fields((*a).received[n-1])[1])
			var found []string
			for _, p := range people {
				_, address, _ := strings.Cut(p, " ")
				for asked := range strings.SplitSeq(u.Query().Get("by_email_addresses"), ",") {
					if asked == address || !regardsCase && strings.EqualFold(asked, address) {
						found = append(found, p)
						break
					}
				}
			}
			send(w, 200, usersPage(len(found), 1, found...))
		}
	}
}

func TestUsersByEmailAddress(t *testing.T) {
	for _, regardsCase := range []bool{true, false} {
		inBubble(t, func(t *testing.T) {
			var a *api
			var client *Client
			client, a = serve(t, byAddress(regardsCase, "1 jane@example.com", "2 Amir@Example.com", "3 eve@example.com")(&a))
			people, err := client.UsersByEmailAddress(t.Context(), []string{"JANE@example.com", "Amir@Example.com", "jane@example.com"})
			if err != nil || len(people) != 2 || people[0].ID != "1" || people[1].ID != "2" {
				t.Errorf("case-sensitive: %t: got %+v, %v; want users 1 and 2", regardsCase, people, err)
			}
			want := "GET /api/v1/users?by_email_addresses=" +
				url.QueryEscape("JANE@example.com,jane@example.com,Amir@Example.com,amir@example.com") + "&on_my_account=true&page=1&per_page=200"
			if !slices.Equal(a.received, []string{want}) {
				t.Errorf("got %q, want %q", a.received, want)
			}
		})
	}
}

// TestUsersWithOtherSpellings expects a person whose address Kantata returns in another spelling, and no one else.
func TestUsersWithOtherSpellings(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, _ := serve(t, says(200, usersPage(2, 1, "1  Mike@Example.com ", "2 m\u0130ke@example.com")))
		people, err := client.UsersByEmailAddress(t.Context(), []string{"mike@example.com"})
		if err != nil || len(people) != 1 || people[0].ID != "1" {
			t.Errorf("got %+v and the error %v, want user 1", people, err)
		}
	})
}

// TestUsersWithoutAddresses expects an error if Kantata finds someone by an address that it does not return: the person is not missing. If
// Kantata ignores the filter, the response says nothing about them.
func TestUsersWithoutAddresses(t *testing.T) {
	for other, want := range map[string]error{"jane@example.com": ErrHiddenAddress, "john@example.com": nil} {
		inBubble(t, func(t *testing.T) {
			client, _ := serve(t, says(200, `{"count":2,"results":[{"key":"users","id":"42"},{"key":"users","id":"43"}],"users":{
				"42":{"id":"42","email_address":null},"43":{"id":"43","email_address":"`+other+`"}}}`))
			_, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com", "joe@example.com"})
			if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), "user 42") {
				t.Errorf("with %s: got the error %v, want %v that names user 42", other, err, want)
			}
			if people, err := client.UsersByEmailAddress(t.Context(), []string{other}); err != nil || len(people) != 1 {
				t.Errorf("%s: got %+v and the error %v, want user 43", other, people, err)
			}
		})
	}
}

// If Kantata ignores the filter or the page number, no other people are returned, and the client does not continue forever.
func TestUsersThatWereNotRequested(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, says(200, usersPage(9, 9, "1 jane@example.com", "2 eve@example.com")))
		people, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com"})
		if err != nil || len(people) != 1 || people[0].ID != "1" || a.sent() != 1 {
			t.Errorf("got %+v, %v after %d requests; want user 1 after 1: one page has room for all people that Kantata counts",
				people, err, a.sent())
		}
	})
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, says(200, usersPage(900, 9, "1 jane@example.com", "2 eve@example.com")))
		people, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com"})
		if err != nil || len(people) != 1 || people[0].ID != "1" || a.sent() != 2 {
			t.Errorf("got %+v, %v after %d requests; want user 1 after 2: no new people end the list", people, err, a.sent())
		}
	})
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, func(w http.ResponseWriter, n int) {
			page := usersPage(2, 2, []string{"1 jane@example.com", "2 amir@example.com"}[n-1])
			send(w, 200, strings.Replace(page, `"page_size":200`, `"page_size":1`, 1))
		})
		people, err := client.UsersByEmailAddress(t.Context(), []string{"jane@example.com", "amir@example.com"})
		if err != nil || len(people) != 2 || a.sent() != 2 {
			t.Errorf("two pages: got %+v and the error %v after %d requests, want 2 people after 2", people, err, a.sent())
		}
		if !strings.Contains(a.received[1], "&page=2&") {
			t.Errorf("got the second request %q, want one for page 2", a.received[1])
		}
	})
	inBubble(t, func(t *testing.T) {
		client, a := serve(t, says(403, ""))
		if people, err := client.UsersByEmailAddress(t.Context(), []string{"a@b.c"}); err == nil || len(people) != 0 || a.sent() != 1 {
			t.Errorf("403: got %+v and the error %v after %d requests, want an error after 1", people, err, a.sent())
		}
	})
}

// TestNoUsersWithEmailAddress expects certainty only if Kantata finds the person who is known in another case, and no one else.
func TestNoUsersWithEmailAddress(t *testing.T) {
	person := func(address string) User { return User{ID: "1", EmailAddress: &address} }
	for name, c := range map[string]struct {
		known     User
		addresses []string
		responses [2]string // to one request and, if there are many addresses, to another
		failing   bool
		want      bool
		sent      int
		asked     string // the last address of the last request
	}{
		"a person in capitals": {
			known: person("Jane@Example.com"), addresses: []string{"x@example.com"}, responses: [2]string{usersPage(1, 1, "1 Jane@Example.com")},
			want: true, sent: 1, asked: "JaNe@ExAmPlE.cOm",
		},
		"a person in lower case": {
			known: person("jane@example.com"), addresses: []string{"x@example.com"}, responses: [2]string{usersPage(1, 1, "1 jane@example.com")},
			want: true, sent: 1, asked: "JaNe@ExAmPlE.cOm",
		},
		"Kantata regards case": {
			known: person("jane@example.com"), addresses: []string{"x@example.com"}, responses: [2]string{usersPage(0, 0)},
			sent: 1, asked: "JaNe@ExAmPlE.cOm",
		},
		"Kantata finds someone else": {
			known: person("jane@example.com"), addresses: []string{"x@example.com"}, responses: [2]string{usersPage(1, 1, "2 X@example.com")},
			sent: 1, asked: "JaNe@ExAmPlE.cOm",
		},
		"Kantata finds someone else, too": {
			known: person("jane@example.com"), addresses: []string{"x@example.com"},
			responses: [2]string{usersPage(2, 1, "1 jane@example.com", "2 X@example.com")}, sent: 1, asked: "JaNe@ExAmPlE.cOm",
		},
		"Kantata returns an error": {
			known: person("jane@example.com"), addresses: []string{"x@example.com"}, failing: true, sent: 1, asked: "JaNe@ExAmPlE.cOm",
		},
		"an address in other letters":       {known: person("jane@example.com"), addresses: []string{"x@example.com", "jörg@example.com"}},
		"a person with other letters":       {known: person("jörg@example.com"), addresses: []string{"x@example.com"}},
		"a person who is written like this": {known: person("A@b.Co"), addresses: []string{"x@example.com"}},
		"a person without letters":          {known: person("1@2.3"), addresses: []string{"x@example.com"}},
		"a person without a known address":  {known: User{ID: "1"}, addresses: []string{"x@example.com"}},
		"200 addresses": {
			known: person("jane@example.com"), addresses: slices.Repeat([]string{"x@example.com"}, 200),
			responses: [2]string{usersPage(1, 1, "1 jane@example.com"), usersPage(1, 1, "1 jane@example.com")},
			want:      true, sent: 2, asked: "JaNe@ExAmPlE.cOm",
		},
		"200 addresses, one of which is found": {
			known: person("jane@example.com"), addresses: slices.Repeat([]string{"x@example.com"}, 200),
			responses: [2]string{usersPage(1, 1, "1 jane@example.com"), usersPage(2, 1, "1 jane@example.com", "2 X@example.com")},
			sent:      2, asked: "JaNe@ExAmPlE.cOm",
		},
	} {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, func(w http.ResponseWriter, n int) {
				if c.failing {
					send(w, http.StatusForbidden, "")
				} else {
					send(w, http.StatusOK, c.responses[n-1])
				}
			})
			none, err := client.NoUsersWithEmailAddress(t.Context(), c.addresses, c.known)
			if none != c.want || (err != nil) != c.failing || a.sent() != c.sent {
				t.Errorf("%s: got %v and the error %v after %d requests, want %v after %d", name, none, err, a.sent(), c.want, c.sent)
			}
			if n := len(a.received); n > 0 {
				u, _ := url.Parse(strings.Fields(a.received[n-1])[1])
				asked := strings.Split(u.Query().Get("by_email_addresses"), ",")
				if last := asked[len(asked)-1]; last != c.asked || len(asked) > MaxPerPage || u.Query().Get("on_my_account") != "true" {
					t.Errorf("%s: got a request for %d addresses that ends with %q, want %q: %s", name, len(asked), last, c.asked, u.RawQuery)
				}
			}
		})
	}
}

func TestUsersAreRequestedInChunks(t *testing.T) {
	for length, want := range map[int]int{16: 3, 60: 4} {
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, says(200, usersPage(0, 0)))
			addresses := make([]string, 401)
			for i := range addresses {
				addresses[i] = fmt.Sprintf("p%0*d@example.com", length-13, i)
			}
			if people, err := client.UsersByEmailAddress(t.Context(), addresses); err != nil || len(people) != 0 || a.sent() != want {
				t.Errorf("401 addresses of %d: got %v, %v after %d requests, want %d", length, people, err, a.sent(), want)
			}
			requested := 0
			for _, r := range a.received {
				u, _ := url.Parse(strings.Fields(r)[1])
				n := strings.Count(u.Query().Get("by_email_addresses"), ",") + 1
				requested += n
				if len(r) > maxAddressesLength+200 || n > MaxPerPage {
					t.Errorf("got %d addresses in %d bytes, want at most %d in %d", n, len(r), MaxPerPage, maxAddressesLength+200)
				}
			}
			if requested != 401 {
				t.Errorf("got %d addresses, want 401", requested)
			}
		})
	}
	if got := chunkLength([]string{strings.Repeat("a", 9000), "b"}); got != 1 {
		t.Errorf("got a chunk of %d, want 1", got)
	}
	// With its comma, each of these has 3,500 characters.
	half := strings.Repeat("a", maxAddressesLength/2-len("%2C"))
	if both, more := chunkLength([]string{half, half}), chunkLength([]string{half, half + "a"}); both != 2 || more != 1 {
		t.Errorf("got chunks of %d and %d, want 2 and 1", both, more)
	}
}
