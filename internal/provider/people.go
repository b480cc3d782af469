package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// emailAddress keeps out what would change the meaning of a request: Kantata takes a blank filter for "all", and a comma separates
// addresses.
var emailAddress = regexp.MustCompile(`^[^\s,@]+@[^\s,@]+$`)

// userByEmailAddress returns the ID of the one person who has the address, or an error at the path.
func (d *providerData) userByEmailAddress(ctx context.Context, at path.Path, address string) (kantata.ID, diag.Diagnostic) {
	users, err := d.people.ByEmailAddress(ctx, address)
	switch {
	case err != nil:
		return "", listDiagnostic(summaryLookUpUsers, err)
	case len(users) == 0:
		return "", userNotFoundDiagnostic(at, address)
	case len(users) > 1:
		return "", userNotUniqueDiagnostic(at, address, users)
	}
	return users[0].ID, nil
}

const summaryLookUpUsers = "Unable to Look Up Users"

func userNotFoundDiagnostic(at path.Path, address string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, "User Not Found", fmt.Sprintf(
		"No one on the Kantata account has the e-mail address %q. Check the spelling, and in Kantata, whether the person has been "+
			"invited to the account or has been deactivated. If the person has left, remove the address from the configuration.", address))
}

func userNotUniqueDiagnostic(at path.Path, address string, users []kantata.User) diag.Diagnostic {
	people := make([]string, len(users))
	for i, u := range users {
		people[i] = u.ID.String()
		if u.FullName != nil {
			people[i] += " (" + *u.FullName + ")"
		}
	}
	return diag.NewAttributeErrorDiagnostic(at, "User Not Unique", fmt.Sprintf(
		"%d people on the Kantata account have the e-mail address %q: %s. Use the user ID of the person whom you mean.",
		len(users), address, strings.Join(people, ", ")))
}
