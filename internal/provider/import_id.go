package provider

import (
	"fmt"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// importForms are the valid forms of an import ID, for errors and their tests.
const importForms = "the membership ID, for example \"56000101\"; access_group_id/user_id, for example \"340002/12000001\"; " +
	"or access_group_id/user_email_address, for example \"340002/jane@example.com\""

// importID is a parsed import ID: either id is set, or pair, or the access group ID of pair and emailAddress.
type importID struct {
	id           kantata.ID
	pair         kantata.Pair
	emailAddress string
}

// parseImportID reads any of the forms. Whitespace around the parts is removed.
func parseImportID(text string) (importID, error) {
	first, second, isPair := strings.Cut(text, "/")
	first, second = strings.TrimSpace(first), strings.TrimSpace(second)
	id, err := kantata.ParseID(first)
	if err != nil {
		return importID{}, importIDError(text)
	}
	if !isPair {
		return importID{id: id}, nil
	}
	if emailAddress.MatchString(second) {
		return importID{pair: kantata.Pair{AccessGroupID: id}, emailAddress: second}, nil
	}
	user, err := kantata.ParseID(second)
	if err != nil {
		return importID{}, importIDError(text)
	}
	return importID{pair: kantata.Pair{AccessGroupID: id, UserID: user}}, nil
}

func importIDError(text string) error {
	return fmt.Errorf("the import ID %q has none of the valid forms: use %s", text, importForms)
}
