package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// membershipIdentity is the pair and not the membership id, which changes when a person is removed and added again by hand.
type membershipIdentity struct {
	AccessGroupID types.String `tfsdk:"access_group_id"`
	UserID        types.String `tfsdk:"user_id"`
}

func membershipIdentitySchema() identityschema.Schema {
	return identityschema.Schema{
		Version: 0,
		Attributes: map[string]identityschema.Attribute{
			"access_group_id": identityschema.StringAttribute{
				Description:       "The id of the access group, for example 340002.",
				RequiredForImport: true,
			},
			"user_id": identityschema.StringAttribute{
				Description:       "The id of the user, for example 12000001.",
				RequiredForImport: true,
			},
		},
	}
}
