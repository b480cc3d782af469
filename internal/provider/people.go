package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/people"
)

// planUser sets the user ID of a membership whose person is given by an e-mail address. An address is looked up when it is planned for
// the first time: when it is new, or when the group is. Later, the person is known by the ID in the state, so no plan fails because
// someone left or has another address. prior is the zero value if there is no state.
func (r *accessGroupMembershipResource) planUser(ctx context.Context, prior resourceModel, plan *resourceModel) diag.Diagnostics {
	address := plan.UserEmailAddress
	sameGroup := plan.AccessGroupID.IsUnknown() || plan.AccessGroupID.Equal(prior.AccessGroupID)
	switch {
	case address.IsNull():
		// The configuration gives user_id, but it is not known yet.
	case address.IsUnknown():
		plan.UserID = types.StringUnknown()
	case sameGroup && people.SameAddress(prior.UserEmailAddress.ValueString(), address.ValueString()):
		plan.UserID = prior.UserID
	default:
		id, failed := r.data.userByEmailAddress(ctx, path.Root("user_email_address"), address.ValueString())
		if failed != nil {
			return diag.Diagnostics{failed}
		}
		plan.UserID = types.StringValue(id.String())
	}
	return nil
}

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
		"No one on the Kantata account has the e-mail address %q. Check the spelling, and check in Kantata whether the person has "+
			"been invited to the account or has been deactivated. If the person has left, remove the address from the configuration.", address))
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
