package kantatatest

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const defaultPerPage = 20

// window is the page that a list asks for.
type window struct {
	page, perPage int
	whole         bool // the answer is not paginated; only the meta still follows from perPage
}

// window reads the page that the query asks for.
func (s *Server) window(query url.Values) window {
	w := window{page: max(number(query, "page", 1), 1), perPage: number(query, "per_page", defaultPerPage)}
	if w.perPage < 1 {
		w.perPage = defaultPerPage
	}
	w.perPage = min(w.perPage, s.maxPage)
	return w
}

func number(query url.Values, name string, fallback int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil {
		return n
	}
	return fallback
}

func (w window) unpaged() window { return window{page: 1, perPage: w.perPage, whole: true} }

func (w window) pages(count int) int { return (count + w.perPage - 1) / w.perPage }

// bounds returns the part of count rows that the page holds. The page number is compared before it is
// multiplied: a huge one must not overflow.
func (w window) bounds(count int) (from, to int) {
	if w.whole {
		return 0, count
	}
	if w.page > w.pages(count) {
		return count, count
	}
	from = (w.page - 1) * w.perPage
	return from, min(from+w.perPage, count)
}

// object is one encoded object with its id.
type object struct {
	id     int64
	fields map[string]any
}

// envelope wraps one page; count is the total of the query.
func (s *Server) envelope(key string, objects []object, w window, count int, loaded map[string]any) response {
	results := make([]any, len(objects))
	keyed := make(map[string]any, len(objects))
	for i, o := range objects {
		results[i] = map[string]any{"key": key, "id": s.id(o.id, s.dialect.IDs != IDNumbers)}
		keyed[strconv.FormatInt(o.id, 10)] = o.fields
	}
	page := w.page
	if count == 0 {
		page = 0
	}
	body := map[string]any{
		"count": count, "results": results, key: keyed,
		"meta": map[string]any{"count": count, "page_count": w.pages(count), "page_number": page, "page_size": w.perPage},
	}
	for name, objects := range loaded {
		body[name] = objects
	}
	return jsonResponse(http.StatusOK, body)
}

func (s *Server) encodeMembership(m Membership) map[string]any {
	fields := map[string]any{
		"id":                s.id(m.ID, s.dialect.IDs != IDNumbers),
		"access_group_id":   s.id(m.AccessGroupID, s.dialect.IDs == IDStrings),
		"access_group_name": orNull(m.AccessGroupName),
		"user_id":           s.id(m.UserID, s.dialect.IDs != IDNumbers),
		"user_name":         orNull(m.UserName),
		"creator_id":        nil,
		"created_at":        s.date(m.CreatedAt),
	}
	if m.CreatorID != 0 {
		fields["creator_id"] = m.CreatorID
	}
	return fields
}

func (s *Server) encodeUser(u user) map[string]any {
	return map[string]any{
		"id": s.id(u.id, s.dialect.IDs != IDNumbers), "full_name": u.fullName, "email_address": u.emailAddress, "headline": "",
	}
}

func (s *Server) encodeAccessGroup(g accessGroup) map[string]any {
	return map[string]any{"id": s.id(g.id, s.dialect.IDs != IDNumbers), "name": g.name}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
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
