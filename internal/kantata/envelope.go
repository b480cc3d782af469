package kantata

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Page is one page of a list.
type Page[T any] struct {
	// Items are the page's results in the API's order.
	Items []T
	// Count is the total of the whole query, not of this page. It may be too high, but never hides rows: if Kantata counts fewer rows than
	// the full pages up to this one have, it is one more than these.
	Count int
	// PageCount is the number of pages that the API claims at the page size in force. It may be wrong.
	PageCount int
	// PageSize is the page size in force, which may differ from the one that was requested.
	PageSize int
}

// maxPageCount is more pages than anyone reads: 200 million rows at 200 a page.
const maxPageCount = 1_000_000

// decodePage reads the envelope. `results` names the rows in their order, and each row is an object of the collection. A result without an
// object, or of another collection, makes the whole page unreadable, so that it is not mistaken for a shorter page.
func decodePage[T interface{ itself() ID }](body []byte, collection string) (Page[T], error) {
	var page Page[T]
	var envelope map[string]json.RawMessage
	if err := decodeObject(body, &envelope); err != nil {
		return page, err
	}
	var results []struct {
		Key string `json:"key"`
		ID  ID     `json:"id"`
	}
	if raw, ok := envelope["results"]; !ok || bytes.Equal(raw, []byte("null")) {
		return page, fmt.Errorf("%w: it has no results", ErrUnreadable)
	} else if err := json.Unmarshal(raw, &results); err != nil {
		return page, fmt.Errorf("%w: results: %w", ErrUnreadable, err)
	}
	_, hasCount := envelope["count"]
	_, hasMeta := envelope["meta"]
	if _, hasObjects := envelope[collection]; !hasObjects && !hasCount && !hasMeta {
		return page, fmt.Errorf("%w: it has results but no other part of a list", ErrUnreadable)
	}

	objects := map[string]json.RawMessage{}
	if raw, ok := envelope[collection]; ok {
		if err := json.Unmarshal(raw, &objects); err != nil {
			return page, fmt.Errorf("%w: %s: %w", ErrUnreadable, collection, err)
		}
	}
	page.Items = make([]T, 0, len(results))
	for _, result := range results {
		if result.Key != collection {
			return page, fmt.Errorf("%w: a result belongs to %q", ErrUnreadable, result.Key)
		}
		raw, ok := objects[result.ID.String()]
		if !ok {
			return page, fmt.Errorf("%w: %s %s is a result without an object", ErrUnreadable, collection, result.ID)
		}
		var item T
		if err := json.Unmarshal(raw, &item); err != nil {
			return page, fmt.Errorf("%w: %s %s: %w", ErrUnreadable, collection, result.ID, err)
		}
		if item.itself() != result.ID {
			return page, fmt.Errorf("%w: the object of %s %s has the ID %q", ErrUnreadable, collection, result.ID, item.itself())
		}
		page.Items = append(page.Items, item)
	}

	var meta struct {
		Count     int `json:"count"`
		PageCount int `json:"page_count"`
		PageSize  int `json:"page_size"`
	}
	if raw, ok := envelope["meta"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return page, fmt.Errorf("%w: meta: %w", ErrUnreadable, err)
		}
	}
	page.Count = meta.Count
	if raw, ok := envelope["count"]; ok {
		if err := json.Unmarshal(raw, &page.Count); err != nil {
			return page, fmt.Errorf("%w: count: %w", ErrUnreadable, err)
		}
	}
	if page.Count < 0 || meta.PageSize < 0 || meta.PageCount < 0 || meta.PageCount > maxPageCount {
		return page, fmt.Errorf("%w: it counts %d rows on %d pages of %d", ErrUnreadable, page.Count, meta.PageCount, meta.PageSize)
	}
	page.PageCount, page.PageSize = meta.PageCount, meta.PageSize
	return page, nil
}

// raiseCount corrects a count that is lower than the number of rows up to this page, if the page is full: more rows may follow. A list that
// ends too soon would not be noticed, but an empty page ends a list that is counted too high.
func (p *Page[T]) raiseCount(number int) {
	size := max(p.PageSize, len(p.Items))
	if seen := number * size; len(p.Items) >= size && p.Count < seen {
		p.Count = seen + 1
	}
}

// decodeObject decodes a body that must be a JSON object, and says plainly if it is something else, such as HTML.
func decodeObject(body []byte, target any) error {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return fmt.Errorf("%w: it is not a JSON object", ErrUnreadable)
	}
	if err := json.Unmarshal(body, target); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return nil
}

// optionalText reads a JSON string that is not empty. Anything else is null: a field that cannot be read makes no page unreadable.
type optionalText struct{ value *string }

// UnmarshalJSON never returns an error.
func (t *optionalText) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil && text != "" {
		t.value = &text
	}
	return nil
}

// optionalID reads an ID. Anything else, such as 0, is null.
type optionalID struct{ value *ID }

// UnmarshalJSON never returns an error.
func (o *optionalID) UnmarshalJSON(data []byte) error {
	var id ID
	if json.Unmarshal(data, &id) == nil && id != "" {
		o.value = &id
	}
	return nil
}
