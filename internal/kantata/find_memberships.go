package kantata

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// FindMemberships returns the memberships in a JSON document that another tool wrote: every object that has both foreign IDs, at any depth,
// and also in strings that contain JSON. Only the IDs are read. ID is empty if the object has none, as in the body of a create.
func FindMemberships(document []byte) []Membership {
	document = bytes.TrimSpace(document)
	if len(document) == 0 {
		return nil
	}
	var parts []json.RawMessage
	var found []Membership
	switch document[0] {
	case '"':
		var text string
		if json.Unmarshal(document, &text) == nil {
			parts = append(parts, json.RawMessage(text))
		}
	case '[':
		// Invalid JSON contains nothing to search.
		_ = json.Unmarshal(document, &parts)
	case '{':
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(document, &fields)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			parts = append(parts, fields[name])
		}
		m := Membership{ID: lenientID(fields["id"]), AccessGroupID: lenientID(fields["access_group_id"]), UserID: lenientID(fields["user_id"])}
		if m.AccessGroupID != "" && m.UserID != "" {
			found = append(found, m)
		}
	}
	for _, part := range parts {
		found = append(found, FindMemberships(part)...)
	}
	return found
}

// lenientID returns the empty ID for everything that is not an ID.
func lenientID(data []byte) ID {
	var id ID
	if len(data) == 0 || id.UnmarshalJSON(data) != nil {
		return ""
	}
	return id
}
