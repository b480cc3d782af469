package kantatatest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// listUsers answers GET /users. Without on_my_account=true the people who are in no project are missing.
func (s *Server) listUsers(query url.Values) response {
	asked := map[string]bool{}
	for address := range strings.SplitSeq(query.Get("by_email_addresses"), ",") {
		if address != "" {
			asked[strings.ToLower(address)] = true
		}
	}
	if strings.TrimSpace(query.Get("by_email_addresses")) == "" {
		asked = nil
	}
	only, isOnly := parseOnly(query.Get("only"))
	everyone := query.Get("on_my_account") == "true"

	var found []user
	for _, u := range s.alphabetical() {
		switch {
		case asked != nil && !asked[strings.ToLower(u.emailAddress)]:
		case isOnly && !slices.Contains(only, u.id):
		case u.outsideProjects && !everyone:
		default:
			found = append(found, u)
		}
	}
	w := s.window(query)
	if isOnly {
		w = w.unpaged()
	}
	from, to := w.bounds(len(found))
	objects := make([]object, 0, to-from)
	for _, u := range found[from:to] {
		objects = append(objects, object{id: u.id, fields: s.encodeUser(u)})
	}
	return s.envelope("users", objects, w, len(found), nil)
}

// alphabetical returns the people in the API's order, sorted once until somebody is added.
func (s *Server) alphabetical() []user {
	if s.sorted == nil {
		for _, u := range s.users {
			s.sorted = append(s.sorted, u)
		}
		slices.SortFunc(s.sorted, func(a, b user) int {
			return cmp.Or(strings.Compare(a.fullName, b.fullName), cmp.Compare(a.id, b.id))
		})
	}
	return s.sorted
}
