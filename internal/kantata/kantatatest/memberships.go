package kantatatest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const collection = "access_group_memberships"

// noID is the ID of no object.
const noID = -1

// filter holds the list parameters. A nil ID is no filter.
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

// exact reads an ID filter. A blank one is no filter, and one that is not an ID matches nothing.
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

// parseOnly reads `only` in ascending order. An ID after a space matches nothing.
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

// list returns a page of memberships. Hidden memberships are counted and then left out.
func (s *Server) list(query url.Values) response {
	f, w := parseFilter(query), s.window(query)
	if f.isOnly {
		w = w.unpaged()
	}
	ids := s.listed(f)
	count := len(ids)
	if s.dialect.Hidden == HiddenAddsPages {
		ids = s.unhidden(ids)
	}
	from, to := w.bounds(count)
	page := ids[min(from, len(ids)):min(to, len(ids))]
	return s.membershipsResponse(s.unhidden(page), w, count, query)
}

// unhidden returns the IDs without those of hidden memberships.
func (s *Server) unhidden(ids []int64) []int64 {
	if len(s.store.hidden) == 0 {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return s.store.hidden[id] })
}

// show returns one membership. The list parameters also affect it, so the response may have no results.
func (s *Server) show(id int64, query url.Values) response {
	m, ok := s.store.get(id)
	if !ok {
		return s.notFound()
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

// destroy deletes a membership, or refuses to.
func (s *Server) destroy(id int64) response {
	m, refusal := s.parseDelete(id)
	if refusal != nil {
		return *refusal
	}
	s.remove(m.ID, byRequest)
	switch {
	case s.dialect.DeleteStatus == http.StatusNoContent:
		return response{status: http.StatusNoContent, header: http.Header{}}
	case s.dialect.DeleteEmpty:
		return response{status: http.StatusOK, header: http.Header{}}
	}
	return jsonResponse(http.StatusOK, map[string]string{"success": "Access group membership was deleted."})
}

// parseDelete returns the membership of a DELETE, or the refusal.
func (s *Server) parseDelete(id int64) (Membership, *response) {
	m, ok := s.store.get(id)
	var refusal response
	switch {
	case !ok:
		refusal = s.notFound()
	case !s.groups[m.AccessGroupID].refusing:
		return m, nil
	case s.dialect.RefusedDeleteStatus == http.StatusNotFound:
		refusal = s.notFound()
	default:
		status := cmp.Or(s.dialect.RefusedDeleteStatus, http.StatusForbidden)
		refusal = s.errorResponse(status, "system", "You are not authorized to perform this action", "")
	}
	return Membership{}, &refusal
}

// parseCreate returns the pair of a POST's body, or the refusal.
func (s *Server) parseCreate(body string) (pair, *response) {
	refuse := func(status int, kind, message, field string) (pair, *response) {
		r := s.errorResponse(status, kind, message, field)
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
	if group.administrators || group.refusing {
		return refuse(http.StatusUnprocessableEntity, "validation", group.name+" cannot be changed here", "access_group_id")
	}
	if u, ok := s.users[ids["user_id"]]; !ok || u.inactive {
		return refuse(http.StatusUnprocessableEntity, "validation", "User is not on this account", "user_id")
	}
	return pair{ids["access_group_id"], ids["user_id"]}, nil
}

// create adds a membership. The dialect decides what happens if its pair exists.
func (s *Server) create(body string) response {
	p, refusal := s.parseCreate(body)
	if refusal != nil {
		return *refusal
	}
	var id int64
	existing := s.store.find(&p.accessGroupID, &p.userID)
	switch {
	case len(existing) > 0 && s.dialect.Duplicates == DuplicateRefused:
		return s.errorResponse(http.StatusUnprocessableEntity, "validation", "User has already been taken", "user_id")
	case len(existing) > 0 && s.dialect.Duplicates == DuplicateReturnsExisting:
		id = existing[0]
	default:
		m := s.newRow(p)
		s.insert(m, byRequest)
		id = m.ID
	}
	created := s.membershipsResponse(s.unhidden([]int64{id}), s.window(nil), 1, nil)
	created.status = cmp.Or(s.dialect.CreateStatus, http.StatusOK)
	return created
}

// membershipsResponse returns the memberships and the objects that `include` names. An unknown include is ignored.
func (s *Server) membershipsResponse(ids []int64, w window, count int, query url.Values) response {
	objects := make([]object, len(ids))
	for i, id := range ids {
		objects[i] = object{id: id, fields: s.encodeMembership(s.store.row(id))}
	}
	loaded := map[string]any{}
	for include := range strings.SplitSeq(query.Get("include"), ",") {
		side := map[string]any{}
		switch include {
		case "user":
			for _, id := range ids {
				if u, ok := s.users[s.store.row(id).UserID]; ok {
					side[strconv.FormatInt(u.id, 10)] = s.encodeUser(u)
				}
			}
			loaded["users"] = side
		case "access_group":
			for _, id := range ids {
				if g, ok := s.groups[s.store.row(id).AccessGroupID]; ok {
					side[strconv.FormatInt(g.id, 10)] = s.encodeAccessGroup(g)
				}
			}
			loaded["access_groups"] = side
		}
	}
	return s.envelope(collection, objects, w, count, loaded)
}
