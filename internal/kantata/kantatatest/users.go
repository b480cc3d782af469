package kantatatest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxAddresses is the most addresses that by_email_addresses accepts.
const maxAddresses = 200

// listUsers returns a page of the people who are active. Without on_my_account=true, people who are in no project are
// missing.
func (s *Server) listUsers(query url.Values) response {
	addresses := s.parseAddresses(query.Get("by_email_addresses"))
	if len(addresses) > maxAddresses {
		return s.errorResponse(http.StatusUnprocessableEntity, "validation", "has more than 200 addresses", "by_email_addresses")
	}
	only, isOnly := parseOnly(query.Get("only"))
	everyone := query.Get("on_my_account") == "true"

	var found []user
	for _, u := range s.alphabetical() {
		switch {
		case u.inactive, u.outsideProjects && !everyone:
		case addresses != nil && !addresses[s.comparable(u.emailAddress)]:
		case isOnly && !slices.Contains(only, u.id):
		default:
			found = append(found, u)
		}
	}
	if query.Get("order") == "alphabetical:desc" {
		slices.SortFunc(found, func(a, b user) int {
			return cmp.Or(strings.Compare(b.fullName, a.fullName), cmp.Compare(a.id, b.id))
		})
	}
	w := s.window(query)
	if isOnly {
		w = w.unpaged()
	}
	from, to := w.bounds(len(found))
	return s.usersResponse(found[from:to], w, len(found))
}

// parseAddresses reads by_email_addresses. A blank value is no filter: it returns nil.
func (s *Server) parseAddresses(text string) map[string]bool {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	addresses := map[string]bool{}
	for address := range strings.SplitSeq(text, ",") {
		if address != "" {
			addresses[s.comparable(address)] = true
		}
	}
	return addresses
}

// comparable returns the address in the form in which the dialect compares addresses.
func (s *Server) comparable(address string) string {
	if s.dialect.EmailAddresses == EmailAddressExact {
		return address
	}
	return strings.ToLower(address)
}

// showTokenUser returns the person whose token it is.
func (s *Server) showTokenUser() response {
	id := cmp.Or(s.creatorID, tokenUser)
	u, ok := s.users[id]
	if !ok {
		u = user{id: id, fullName: "Olivia Novak", emailAddress: "olivia@example.com"}
	}
	return s.usersResponse([]user{u}, s.window(nil), 1)
}

func (s *Server) usersResponse(users []user, w window, count int) response {
	objects := make([]object, 0, len(users))
	for _, u := range users {
		objects = append(objects, object{id: u.id, fields: s.encodeUser(u)})
	}
	return s.envelope("users", objects, w, count, nil)
}

// alphabetical returns the people in the API's default order. They are sorted once after each change.
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
