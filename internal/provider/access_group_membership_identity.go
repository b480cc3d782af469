package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// membershipIdentity is the pair and not the membership ID, which changes if a person is removed and added again outside Terraform.
type membershipIdentity struct {
	AccessGroupID types.String `tfsdk:"access_group_id"`
	UserID        types.String `tfsdk:"user_id"`
}

func membershipIdentitySchema() identityschema.Schema {
	return identityschema.Schema{
		Version: 0,
		Attributes: map[string]identityschema.Attribute{
			"access_group_id": identityschema.StringAttribute{
				Description:       "The ID of the access group, for example 340002.",
				RequiredForImport: true,
			},
			"user_id": identityschema.StringAttribute{
				Description:       "The ID of the user, for example 12000001.",
				RequiredForImport: true,
			},
		},
	}
}
