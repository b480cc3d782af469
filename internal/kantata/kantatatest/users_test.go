package kantatatest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.AddUserOutsideProjects(12000100, "Bea Outside", "bea@example.com")
	for query, want := range map[string][]string{
		"": {
			"12000002", "12000003", "12000004", "12000005", "12000006", "12000007", "12000008", "12000001",
		},
		"on_my_account=true&per_page=2&page=1":                                  {"12000002", "12000100"},
		"by_email_addresses=bea@example.com":                                    nil,
		"only=12000001,12000002&per_page=1":                                     {"12000002", "12000001"},
		"only=12000001&page=2":                                                  {"12000001"},
		"only=12000100":                                                         nil,
		"only=12000100&on_my_account=true":                                      {"12000100"},
		"order=alphabetical:desc&per_page=2":                                    {"12000001", "12000008"},
		"order=color:desc&per_page=1":                                           {"12000002"},
		"by_email_addresses=&per_page=1&page=8":                                 {"12000001"},
		"by_email_addresses=unknown@example.com":                                nil,
		"by_email_addresses=JANE@example.com,,x":                                {"12000001"},
		"by_email_addresses=bea@example.com,emi@example.com&on_my_account=true": {"12000100", "12000005"},
	} {
		if got := summarize(t, get(t, s, "/users?"+query)); !slices.Equal(got.ids, want) {
			t.Errorf("%q: got %v, want %v", query, got.ids, want)
		}
	}
}

func TestEmailAddresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		style kantatatest.EmailAddressStyle
		query string
		count int
	}{
		"any case":        {kantatatest.EmailAddressIgnoresCase, "jane@EXAMPLE.com", 1},
		"exact":           {kantatatest.EmailAddressExact, "Jane@Example.com", 1},
		"exact, not same": {kantatatest.EmailAddressExact, "jane@example.com", 0},
		"exact, both":     {kantatatest.EmailAddressExact, "jane@example.com,Jane@Example.com", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, kantatatest.WithDialect(kantatatest.Dialect{EmailAddresses: test.style}))
			s.AddUser(12000001, "Jane Doe", "Jane@Example.com")
			if got := summarize(t, get(t, s, "/users?by_email_addresses="+test.query)); got.count != test.count {
				t.Errorf("got %+v, want %d people", got, test.count)
			}
		})
	}
}

func TestTooManyEmailAddresses(t *testing.T) {
	t.Parallel()
	s := company(t)
	var addresses []string
	for i := range 201 {
		addresses = append(addresses, fmt.Sprintf("user%d@example.com", i))
	}
	for n, want := range map[int]int{200: 200, 201: 422} {
		if got := get(t, s, "/users?by_email_addresses="+strings.Join(addresses[:n], ",")); got.status != want {
			t.Errorf("%d addresses: got %d, want %d", n, got.status, want)
		}
	}
}

func TestTokenUser(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ creator, want int64 }{
		"not on the account": {12000009, 12000009},
		"on the account":     {12000002, 12000002},
		"no creator":         {0, 12000009},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithCreator(test.creator))
			if got := summarize(t, get(t, s, "/users/me")); !slices.Equal(got.ids, []string{fmt.Sprint(test.want)}) {
				t.Errorf("got %+v, want user %d", got, test.want)
			}
		})
	}
}
