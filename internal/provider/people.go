package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func userNotFoundDiagnostic(at path.Path, address string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, "User Not Found", fmt.Sprintf(
		"No one on the Kantata account has the e-mail address %q. Check the spelling, and in Kantata, whether the person has been invited "+
			"to the account "+
			"or has been deactivated.", address))
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
