package kantatatest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// listUsers answers GET /users. Every user of the fake is on the account.
func (s *Server) listUsers(query url.Values) response {
	page, perPage := max(number(query, "page", 1), 1), number(query, "per_page", defaultPerPage)
	if perPage < 1 {
		perPage = defaultPerPage
	}
	perPage = min(perPage, maxPerPage)
	asked := map[string]bool{}
	for address := range strings.SplitSeq(query.Get("by_email_addresses"), ",") {
		if address != "" {
			asked[strings.ToLower(address)] = true
		}
	}
	var users []user
	for _, u := range s.users {
		if len(asked) == 0 || asked[strings.ToLower(u.emailAddress)] {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, func(a, b user) int {
		return cmp.Or(strings.Compare(a.fullName, b.fullName), cmp.Compare(a.id, b.id))
	})
	from := min((page-1)*perPage, len(users))
	to := min(from+perPage, len(users))
	objects := make([]object, 0, to-from)
	for _, u := range users[from:to] {
		objects = append(objects, object{id: u.id, fields: s.encodeUser(u)})
	}
	return s.envelope(objects, len(users), page, perPage, "users", query)
}
