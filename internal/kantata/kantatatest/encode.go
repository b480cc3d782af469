package kantatatest

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const defaultPerPage = 20

// window is the page that a list request selects.
type window struct {
	page, perPage int
	whole         bool // all rows are in one response; only its meta depends on perPage
}

// window reads the page that the query selects.
func (s *Server) window(query url.Values) window {
	w := window{page: max(number(query, "page", 1), 1), perPage: number(query, "per_page", defaultPerPage)}
	if w.perPage < 1 {
		w.perPage = defaultPerPage
	}
	w.perPage = min(w.perPage, s.maxPerPage)
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

// bounds returns the part of count rows that the page contains. The page number is compared before it is multiplied,
// because a huge one would overflow.
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

// object is one encoded object with its ID.
type object struct {
	id     int64
	fields map[string]any
}

// envelope wraps one page. count is the total of the query.
func (s *Server) envelope(key string, objects []object, w window, count int, loaded map[string]any) response {
	results := make([]any, len(objects))
	keyed := make(map[string]any, len(objects))
	for i, o := range objects {
		results[i] = map[string]any{"key": key, "id": s.id(o.id)}
		keyed[strconv.FormatInt(o.id, 10)] = o.fields
	}
	body := map[string]any{"count": count, "results": results, key: keyed, "meta": s.meta(w, count)}
	for name, objects := range loaded {
		body[name] = objects
	}
	return jsonResponse(http.StatusOK, body)
}

func (s *Server) meta(w window, count int) map[string]any {
	page := w.page
	if count == 0 {
		page = 0
	}
	meta := map[string]any{"count": count, "page_count": w.pages(count), "page_number": page, "page_size": w.perPage}
	switch s.dialect.PageCounts {
	case PageCountOne:
		meta["page_count"] = 1
	case PageCountTooHigh:
		meta["page_count"] = 2*w.pages(count) + 1
	case PageCountAbsent:
		delete(meta, "page_count")
	}
	return meta
}

func (s *Server) encodeMembership(m Membership) map[string]any {
	fields := map[string]any{
		"id":              s.id(m.ID),
		"access_group_id": s.id(m.AccessGroupID),
		"user_id":         s.id(m.UserID),
	}
	if s.dialect.IDs == IDMixed {
		fields["access_group_id"] = m.AccessGroupID
	}
	s.optional(fields, "access_group_name", orNull(m.AccessGroupName))
	s.optional(fields, "user_name", orNull(m.UserName))
	s.optional(fields, "creator_id", orNull(m.CreatorID))
	s.optional(fields, "created_at", s.date(m.CreatedAt))
	return fields
}

func (s *Server) encodeUser(u user) map[string]any {
	fields := map[string]any{"id": s.id(u.id), "email_address": orNull(u.emailAddress)}
	s.optional(fields, "full_name", u.fullName)
	s.optional(fields, "headline", "")
	return fields
}

func (s *Server) encodeAccessGroup(g accessGroup) map[string]any {
	return map[string]any{"id": s.id(g.id), "name": g.name}
}

// optional sets a field that the dialect may write differently or leave out.
func (s *Server) optional(fields map[string]any, name string, value any) {
	switch s.dialect.Optional {
	case OptionalPresent:
		fields[name] = value
	case OptionalNull:
		fields[name] = nil
	case OptionalZero:
		fields[name] = 0
	case OptionalBlank:
		fields[name] = ""
	case OptionalOtherType:
		fields[name] = 7
		if _, isNumber := value.(int64); isNumber {
			fields[name] = "seven"
		}
	}
}

// orNull returns null for a zero value.
func orNull[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

func (s *Server) id(id int64) any {
	if s.dialect.IDs == IDNumbers {
		return id
	}
	return strconv.FormatInt(id, 10)
}

func (s *Server) date(t time.Time) string {
	switch s.dialect.Dates {
	case DateOnly:
		return t.Format(time.DateOnly)
	case DateTimeUTC:
		return t.Format(time.RFC3339)
	default:
		return t.In(time.FixedZone("", -7*60*60)).Format(time.RFC3339)
	}
}
