package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
)

var (
	_ datasource.DataSource                   = (*accessGroupMembershipDataSource)(nil)
	_ datasource.DataSourceWithConfigure      = (*accessGroupMembershipDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*accessGroupMembershipDataSource)(nil)
)

func newAccessGroupMembershipDataSource() datasource.DataSource {
	return &accessGroupMembershipDataSource{}
}

type accessGroupMembershipDataSource struct{ data *providerData }

func (d *accessGroupMembershipDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_access_group_membership"
}

func (d *accessGroupMembershipDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	key := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Computed: true,
			Validators: []validator.String{idValidator{}}}
	}
	attributes := membershipAttributes()
	attributes["id"] = key(describeID + " Set either `id`, or both `access_group_id` and `user_id`.")
	attributes["access_group_id"] = key("The ID of the access group, for example `340002`.")
	attributes["user_id"] = key("The ID of the person, for example `12000001`.")
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads one access group membership, by its ID or by its access group and user. Returns an error if the membership " +
			"does not exist.",
		Attributes: attributes,
	}
}

// membershipAttributes are a membership's attributes as a data source computes them.
func membershipAttributes() map[string]schema.Attribute {
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	return map[string]schema.Attribute{
		"id":                computed(describeID),
		"access_group_id":   computed("The ID of the access group, for example `340002`."),
		"access_group_name": computed(describeAccessGroupName),
		"user_id":           computed("The ID of the person, for example `12000001`."),
		"user_name":         computed(describeUserName),
		"creator_id":        computed(describeCreatorID),
		"created_at":        computed(describeCreatedAt),
	}
}

// ValidateConfig accepts the ID or the pair. A value that is not known yet may turn out to be null, so only known values are judged.
func (d *accessGroupMembershipDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest,
	resp *datasource.ValidateConfigResponse) {
	var config membershipModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || config.ID.IsUnknown() || config.AccessGroupID.IsUnknown() || config.UserID.IsUnknown() {
		return
	}
	byID, group, user := !config.ID.IsNull(), !config.AccessGroupID.IsNull(), !config.UserID.IsNull()
	if group != user || byID == group {
		resp.Diagnostics.AddError("Invalid Access Group Membership Lookup", "Set id, or both access_group_id and user_id.")
	}
}

func (d *accessGroupMembershipDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data = shared(req.ProviderData)
}

func (d *accessGroupMembershipDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config membershipModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var membership kantata.Membership
	var err error
	if config.ID.IsNull() {
		membership, err = d.data.store.Find(ctx, config.pair())
	} else {
		membership, err = d.data.store.Get(ctx, config.id(), kantata.Pair{})
	}
	switch {
	case errors.Is(err, memberships.ErrAbsent) && config.ID.IsNull():
		resp.Diagnostics.AddError("Access Group Membership Not Found",
			fmt.Sprintf("User %s is not in access group %s. Check both IDs, or use the data source kantata_access_group_memberships, which "+
				"returns an empty list if no membership matches.", config.UserID.ValueString(), config.AccessGroupID.ValueString()))
	case errors.Is(err, memberships.ErrAbsent):
		resp.Diagnostics.AddAttributeError(path.Root("id"), "Access Group Membership Not Found",
			fmt.Sprintf("Kantata has no access group membership with the ID %s. The ID changes if a person is removed from the group and added "+
				"again. To find the membership in that case as well, set access_group_id and user_id instead.", config.ID.ValueString()))
	case err != nil:
		resp.Diagnostics.Append(listDiagnostic(summaryRead, err))
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, newMembershipModel(membership))...)
	}
}
