package provider

import (
	"fmt"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// importForms are the right forms of an import id, for documentation, errors and tests alike.
const importForms = "the membership id, for example \"56000101\", or access_group_id/user_id, for example \"340002/12000001\""

// importID is a parsed import id: either id or pair is set.
type importID struct {
	id   kantata.ID
	pair kantata.Pair
}

// parseImportID reads either form. White space around the ids is trimmed.
func parseImportID(text string) (importID, error) {
	parts := strings.Split(text, "/")
	ids := make([]kantata.ID, len(parts))
	for i, part := range parts {
		id, err := kantata.ParseID(strings.TrimSpace(part))
		if err != nil || len(parts) > 2 {
			return importID{}, fmt.Errorf("the import id %q is of neither form: use %s", text, importForms)
		}
		ids[i] = id
	}
	if len(ids) == 1 {
		return importID{id: ids[0]}, nil
	}
	return importID{pair: kantata.Pair{AccessGroupID: ids[0], UserID: ids[1]}}, nil
}
