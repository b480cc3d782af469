package kantatatest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const collection = "access_group_memberships"

// noID matches no object.
const noID = -1

// filter is what the list parameters ask for; nil and empty are no filter.
type filter struct {
	accessGroupID, userID *int64
	only                  []int64
	isOnly                bool
}

func parseFilter(query url.Values) filter {
	f := filter{accessGroupID: exact(query.Get("access_group_id")), userID: exact(query.Get("user_id"))}
	f.only, f.isOnly = parseOnly(query.Get("only"))
	return f
}

// exact reads an id filter. A blank one is none, and one that is no id matches nothing.
func exact(text string) *int64 {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	id := parseID(text)
	return &id
}

func parseID(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != text {
		return noID
	}
	return id
}

// parseOnly reads `only`, by ascending id. An id with a space in front is lost.
func parseOnly(text string) (ids []int64, given bool) {
	if strings.TrimSpace(text) == "" {
		return nil, false
	}
	for id := range strings.SplitSeq(text, ",") {
		ids = append(ids, parseID(id))
	}
	slices.Sort(ids)
	return slices.Compact(ids), true
}

func (f filter) matches(m Membership) bool {
	return (f.accessGroupID == nil || *f.accessGroupID == m.AccessGroupID) &&
		(f.userID == nil || *f.userID == m.UserID) &&
		(!f.isOnly || slices.Contains(f.only, m.ID))
}

func (s *Server) list(query url.Values) response {
	f := parseFilter(query)
	if !f.isOnly {
		ids := s.store.find(f.accessGroupID, f.userID)
		w := s.window(query)
		from, to := w.bounds(len(ids))
		return s.membershipsResponse(ids[from:to], w, len(ids), query)
	}
	var ids []int64
	for _, id := range f.only {
		if m, ok := s.store.get(id); ok && f.matches(m) {
			ids = append(ids, id)
		}
	}
	return s.membershipsResponse(ids, s.window(query).unpaged(), len(ids), query)
}

// show answers one membership. The list parameters act on it too, so that it may hold no results.
func (s *Server) show(id int64, query url.Values) response {
	m, ok := s.store.get(id)
	if !ok {
		return notFound()
	}
	var ids []int64
	f := parseFilter(query)
	if f.matches(m) {
		ids = append(ids, id)
	}
	w := s.window(query)
	if f.isOnly {
		w = w.unpaged()
	}
	from, to := w.bounds(len(ids))
	return s.membershipsResponse(ids[from:to], w, len(ids), query)
}

func (s *Server) destroy(id int64) response {
	if _, ok := s.store.get(id); !ok {
		return notFound()
	}
	s.remove(id, byRequest)
	if s.dialect.DeleteStatus == http.StatusOK {
		return jsonResponse(http.StatusOK, map[string]string{"success": "Access group membership was deleted."})
	}
	return response{status: http.StatusNoContent, header: http.Header{}}
}

// parseCreate returns the pair of a POST's body, or the refusal.
func (s *Server) parseCreate(body string) (pair, *response) {
	refuse := func(status int, kind, message, field string) (pair, *response) {
		r := errorResponse(status, kind, message, field)
		return pair{}, &r
	}
	var payload struct {
		Membership map[string]json.RawMessage `json:"access_group_membership"`
	}
	if err := json.Unmarshal([]byte(body), &payload); err != nil || payload.Membership == nil {
		return refuse(http.StatusBadRequest, "system", "The request body could not be understood", "")
	}
	ids := map[string]int64{}
	for _, field := range []string{"access_group_id", "user_id"} {
		text := strings.Trim(string(payload.Membership[field]), `"`)
		if text == "" || text == "null" {
			return refuse(http.StatusUnprocessableEntity, "validation", "can't be blank", field)
		}
		ids[field] = parseID(text)
	}
	group, ok := s.groups[ids["access_group_id"]]
	if !ok {
		return refuse(http.StatusUnprocessableEntity, "validation", "Access group does not exist", "access_group_id")
	}
	if group.administrators {
		return refuse(http.StatusUnprocessableEntity, "validation", "Account Administrators cannot be changed here", "access_group_id")
	}
	if _, ok := s.users[ids["user_id"]]; !ok {
		return refuse(http.StatusUnprocessableEntity, "validation", "User is not on this account", "user_id")
	}
	return pair{ids["access_group_id"], ids["user_id"]}, nil
}

func (s *Server) create(body string) response {
	p, refusal := s.parseCreate(body)
	if refusal != nil {
		return *refusal
	}
	var id int64
	existing := s.store.find(&p.accessGroupID, &p.userID)
	switch {
	case len(existing) > 0 && s.dialect.Duplicates == DuplicateRefused:
		return errorResponse(http.StatusUnprocessableEntity, "validation", "User has already been taken", "user_id")
	case len(existing) > 0 && s.dialect.Duplicates == DuplicateReturnsExisting:
		id = existing[0]
	default:
		m := s.newRow(p)
		s.insert(m, byRequest)
		id = m.ID
	}
	answer := s.membershipsResponse([]int64{id}, s.window(nil), 1, nil)
	answer.status = max(s.dialect.CreateStatus, http.StatusOK)
	return answer
}

// membershipsResponse answers the rows with what `include` asks to load on their side; an unknown include is ignored.
func (s *Server) membershipsResponse(ids []int64, w window, count int, query url.Values) response {
	objects := make([]object, len(ids))
	for i, id := range ids {
		objects[i] = object{id: id, fields: s.encodeMembership(s.store.rows[id])}
	}
	loaded := map[string]any{}
	for include := range strings.SplitSeq(query.Get("include"), ",") {
		side := map[string]any{}
		switch include {
		case "user":
			for _, id := range ids {
				if u, ok := s.users[s.store.rows[id].UserID]; ok {
					side[strconv.FormatInt(u.id, 10)] = s.encodeUser(u)
				}
			}
			loaded["users"] = side
		case "access_group":
			for _, id := range ids {
				if g, ok := s.groups[s.store.rows[id].AccessGroupID]; ok {
					side[strconv.FormatInt(g.id, 10)] = s.encodeAccessGroup(g)
				}
			}
			loaded["access_groups"] = side
		}
	}
	return s.envelope(collection, objects, w, count, loaded)
}
