package kantata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Page is one page of a list.
type Page[T any] struct {
	// Items are the page's results in the API's order.
	Items []T
	// Count is the total of the whole query, not of this page.
	Count int
	// PageCount is the number of pages at the page size in force.
	PageCount int
	// PageSize is the page size in force, which may differ from the one asked for.
	PageSize int
}

// maxPageCount is more pages than anybody walks: 200 million items at 200 a page.
const maxPageCount = 1_000_000

// errUnreadable is wrapped by every error about a 2xx whose body is not the envelope.
var errUnreadable = errors.New("the answer is not what Kantata's API documents")

// decodePage reads the envelope: `results` is the answer and its order, the keyed objects are where each
// result is looked up. A result without its object, or of another collection, makes the whole page unreadable:
// a page that is only half understood must not pass for a short one.
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
		return page, fmt.Errorf("%w: it has no results", errUnreadable)
	} else if err := json.Unmarshal(raw, &results); err != nil {
		return page, fmt.Errorf("%w: results: %w", errUnreadable, err)
	}

	objects := map[string]json.RawMessage{}
	if raw, ok := envelope[collection]; ok {
		if err := json.Unmarshal(raw, &objects); err != nil {
			return page, fmt.Errorf("%w: %s: %w", errUnreadable, collection, err)
		}
	}
	page.Items = make([]T, 0, len(results))
	for _, result := range results {
		if result.Key != collection {
			return page, fmt.Errorf("%w: a result is of %s", errUnreadable, quote(result.Key))
		}
		raw, ok := objects[result.ID.String()]
		if !ok {
			return page, fmt.Errorf("%w: %s %s is a result without an object", errUnreadable, collection, result.ID)
		}
		var item T
		if err := json.Unmarshal(raw, &item); err != nil {
			return page, fmt.Errorf("%w: %s %s: %w", errUnreadable, collection, result.ID, err)
		}
		if item.itself() != result.ID {
			return page, fmt.Errorf("%w: under %s %s is the object %s", errUnreadable, collection, result.ID, quote(item.itself().String()))
		}
		page.Items = append(page.Items, item)
	}

	page.Count = len(page.Items)
	if raw, ok := envelope["count"]; ok {
		if err := json.Unmarshal(raw, &page.Count); err != nil {
			return page, fmt.Errorf("%w: count: %w", errUnreadable, err)
		}
	}
	var meta struct {
		PageCount int `json:"page_count"`
		PageSize  int `json:"page_size"`
	}
	if raw, ok := envelope["meta"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return page, fmt.Errorf("%w: meta: %w", errUnreadable, err)
		}
	}
	if page.Count < 0 || meta.PageSize < 0 || meta.PageCount < 0 || meta.PageCount > maxPageCount {
		return page, fmt.Errorf("%w: it counts %d items on %d pages of %d", errUnreadable, page.Count, meta.PageCount, meta.PageSize)
	}
	page.PageCount, page.PageSize = meta.PageCount, meta.PageSize
	return page, nil
}

// decodeObject decodes a body that must be a JSON object, and says so plainly where it is HTML.
func decodeObject(body []byte, target any) error {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return fmt.Errorf("%w: it is not a JSON object", errUnreadable)
	}
	if err := json.Unmarshal(body, target); err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return nil
}
