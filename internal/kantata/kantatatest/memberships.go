package kantatatest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	collection     = "access_group_memberships"
	defaultPerPage = 20
	maxPerPage     = 200
)

// matches applies the filters of a list, which act on a show too. A blank filter is none.
func matches(m Membership, query url.Values) bool {
	group, user := query.Get("access_group_id"), query.Get("user_id")
	return (group == "" || group == strconv.FormatInt(m.AccessGroupID, 10)) && (user == "" || user == strconv.FormatInt(m.UserID, 10))
}

func (s *Server) visible(m Membership) bool { return !s.groups[m.AccessGroupID].administrators }

func (s *Server) list(query url.Values) response {
	page, perPage := number(query, "page", 1), number(query, "per_page", defaultPerPage)
	if perPage < 1 {
		perPage = defaultPerPage
	}
	page, perPage = max(page, 1), min(perPage, maxPerPage)

	var rows []Membership
	if only := query.Get("only"); only != "" {
		// An id with a space in front is lost; the rest of the answer is not paginated.
		for id := range strings.SplitSeq(only, ",") {
			n, err := strconv.ParseInt(id, 10, 64)
			if i, ok := s.index(n); err == nil && ok && matches(s.rows[i], query) && s.visible(s.rows[i]) {
				rows = append(rows, s.rows[i])
			}
		}
		slices.SortFunc(rows, func(a, b Membership) int { return cmp.Compare(a.ID, b.ID) })
		rows = slices.Compact(rows)
		return s.envelope(s.encode(rows), len(rows), 1, perPage, collection, query)
	}
	for _, m := range s.rows {
		if matches(m, query) && s.visible(m) {
			rows = append(rows, m)
		}
	}
	from := min((page-1)*perPage, len(rows))
	to := min(from+perPage, len(rows))
	return s.envelope(s.encode(rows[from:to]), len(rows), page, perPage, collection, query)
}

func number(query url.Values, name string, fallback int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil {
		return n
	}
	return fallback
}

func (s *Server) index(id int64) (int, bool) {
	return slices.BinarySearchFunc(s.rows, id, func(m Membership, id int64) int { return cmp.Compare(m.ID, id) })
}

func (s *Server) show(text string, query url.Values) response {
	id, err := strconv.ParseInt(text, 10, 64)
	i, ok := s.index(id)
	if err != nil || !ok || !s.visible(s.rows[i]) {
		return errorResponse(http.StatusNotFound, "system", "The requested resource could not be found", "")
	}
	var rows []Membership
	if matches(s.rows[i], query) {
		rows = append(rows, s.rows[i])
	}
	return s.envelope(s.encode(rows), len(rows), 1, defaultPerPage, collection, query)
}

func (s *Server) destroy(text string) response {
	id, err := strconv.ParseInt(text, 10, 64)
	i, ok := s.index(id)
	if err != nil || !ok || !s.visible(s.rows[i]) {
		return errorResponse(http.StatusNotFound, "system", "The requested resource could not be found", "")
	}
	s.remove(id)
	if s.dialect.DeleteStatus == http.StatusOK {
		return jsonResponse(http.StatusOK, map[string]string{"success": "Access group membership was deleted."})
	}
	return response{status: http.StatusNoContent, header: http.Header{}}
}

// parseCreate returns the pair of a POST's body, or the refusal.
func (s *Server) parseCreate(body string) (pair [2]int64, refusal *response) {
	refuse := func(status int, kind, message, field string) ([2]int64, *response) {
		r := errorResponse(status, kind, message, field)
		return pair, &r
	}
	var payload struct {
		Membership map[string]json.Number `json:"access_group_membership"`
	}
	if err := json.Unmarshal([]byte(body), &payload); err != nil || payload.Membership == nil {
		return refuse(http.StatusBadRequest, "system", "The request body could not be understood", "")
	}
	for i, field := range []string{"access_group_id", "user_id"} {
		n, err := payload.Membership[field].Int64()
		if err != nil {
			return refuse(http.StatusUnprocessableEntity, "validation", "can't be blank", field)
		}
		pair[i] = n
	}
	group, ok := s.groups[pair[0]]
	switch {
	case !ok:
		return refuse(http.StatusUnprocessableEntity, "validation", "Access group does not exist", "access_group_id")
	case group.administrators:
		return refuse(http.StatusUnprocessableEntity, "validation", "Account Administrators cannot be changed here", "access_group_id")
	case s.users[pair[1]].id == 0:
		return refuse(http.StatusUnprocessableEntity, "validation", "User is not on this account", "user_id")
	}
	return pair, nil
}

func (s *Server) create(body string) response {
	pair, refusal := s.parseCreate(body)
	if refusal != nil {
		return *refusal
	}
	existing := slices.IndexFunc(s.rows, func(m Membership) bool { return m.AccessGroupID == pair[0] && m.UserID == pair[1] })
	var row Membership
	switch {
	case existing >= 0 && s.dialect.Duplicates == DuplicateRefused:
		return errorResponse(http.StatusUnprocessableEntity, "validation", "User has already been taken", "user_id")
	case existing >= 0 && s.dialect.Duplicates == DuplicateReturnsExisting:
		row = s.rows[existing]
	default:
		row = s.add(pair[0], pair[1])
	}
	answer := s.envelope(s.encode([]Membership{row}), 1, 1, defaultPerPage, collection, nil)
	answer.status = max(s.dialect.CreateStatus, http.StatusOK)
	return answer
}

// object is one encoded object with its id.
type object struct {
	id     int64
	fields map[string]any
}

func (s *Server) encode(rows []Membership) []object {
	objects := make([]object, len(rows))
	for i, m := range rows {
		objects[i] = object{id: m.ID, fields: map[string]any{
			"id":              s.id(m.ID, s.dialect.IDs != IDNumbers),
			"access_group_id": s.id(m.AccessGroupID, s.dialect.IDs == IDStrings), "access_group_name": m.AccessGroupName,
			"user_id": s.id(m.UserID, s.dialect.IDs != IDNumbers), "user_name": m.UserName,
			"creator_id": m.CreatorID, "created_at": s.date(m.CreatedAt),
		}}
	}
	return objects
}

func (s *Server) id(id int64, asString bool) any {
	if asString {
		return strconv.FormatInt(id, 10)
	}
	return id
}

func (s *Server) date(t time.Time) string {
	switch s.dialect.Dates {
	case DateOnly:
		return t.Format(time.DateOnly)
	case DateTimeOffset:
		return t.In(time.FixedZone("", -8*60*60)).Format(time.RFC3339)
	default:
		return t.Format(time.RFC3339)
	}
}

// envelope wraps one page. count is the total of the query; the meta's page_count follows from the page size even
// where the answer is not paginated.
func (s *Server) envelope(objects []object, count, page, perPage int, key string, query url.Values) response {
	results := make([]any, len(objects))
	keyed := make(map[string]any, len(objects))
	for i, o := range objects {
		results[i] = map[string]any{"key": key, "id": strconv.FormatInt(o.id, 10)}
		keyed[strconv.FormatInt(o.id, 10)] = o.fields
	}
	if count == 0 {
		page = 0
	}
	body := map[string]any{
		"count": count, "results": results, key: keyed,
		"meta": map[string]any{"count": count, "page_count": (count + perPage - 1) / perPage, "page_number": page, "page_size": perPage},
	}
	s.sideLoad(body, objects, query)
	return jsonResponse(http.StatusOK, body)
}

// sideLoad adds what `include` asks for; an unknown one is ignored.
func (s *Server) sideLoad(body map[string]any, objects []object, query url.Values) {
	for include := range strings.SplitSeq(query.Get("include"), ",") {
		loaded := map[string]any{}
		for _, o := range objects {
			i, ok := s.index(o.id)
			if !ok {
				continue
			}
			switch include {
			case "user":
				u := s.users[s.rows[i].UserID]
				loaded[strconv.FormatInt(u.id, 10)] = s.encodeUser(u)
			case "access_group":
				g := s.groups[s.rows[i].AccessGroupID]
				loaded[strconv.FormatInt(g.id, 10)] = map[string]any{"id": s.id(g.id, true), "name": g.name}
			}
		}
		switch include {
		case "user":
			body["users"] = loaded
		case "access_group":
			body["access_groups"] = loaded
		}
	}
}

func (s *Server) encodeUser(u user) map[string]any {
	return map[string]any{"id": s.id(u.id, s.dialect.IDs != IDNumbers), "full_name": u.fullName, "email_address": u.emailAddress, "headline": ""}
}
