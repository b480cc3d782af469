package provider

import (
	"cmp"
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var (
	_ datasource.DataSource              = (*accessGroupMembershipsDataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*accessGroupMembershipsDataSource)(nil)
)

func newAccessGroupMembershipsDataSource() datasource.DataSource {
	return &accessGroupMembershipsDataSource{}
}

type accessGroupMembershipsDataSource struct{ data *providerData }

type filterModel struct {
	AccessGroupID types.String `tfsdk:"access_group_id"`
	UserID        types.String `tfsdk:"user_id"`
}

func (m filterModel) filter() kantata.MembershipFilter {
	return kantata.MembershipFilter{AccessGroupID: kantata.ID(m.AccessGroupID.ValueString()), UserID: kantata.ID(m.UserID.ValueString())}
}

type membershipsModel struct {
	filterModel
	IncludeEmailAddresses types.Bool     `tfsdk:"include_email_addresses"`
	Memberships           membershipList `tfsdk:"memberships"`
}

func (d *accessGroupMembershipsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_access_group_memberships"
}

func (d *accessGroupMembershipsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := membershipAttributes()
	attributes["user_email_address"] = schema.StringAttribute{
		MarkdownDescription: "The e-mail address of the person, for example `jane@example.com`. Null if the person is deactivated, or if " +
			"`include_email_addresses` is not `true`.",
		Computed: true,
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists access group memberships: all memberships of the account, those of one group, those of one person, or the " +
			"membership of one person in one group. The list is empty if no membership matches.",
		Attributes: map[string]schema.Attribute{
			"access_group_id": schema.StringAttribute{
				MarkdownDescription: "Lists only the memberships of the access group with this ID, for example `340002`.",
				Optional:            true,
				Validators:          []validator.String{idValidator{}},
			},
			"user_id": schema.StringAttribute{
				MarkdownDescription: "Lists only the memberships of the person with this ID, for example `12000001`.",
				Optional:            true,
				Validators:          []validator.String{idValidator{}},
			},
			"include_email_addresses": schema.BoolAttribute{
				MarkdownDescription: "Whether to include the e-mail address of each person, for example `true`. This costs one more request " +
					"for every 200 people in the list. Defaults to `false`.",
				Optional: true,
			},
			"memberships": schema.ListNestedAttribute{
				MarkdownDescription: "The memberships without duplicates, sorted by access group ID and user ID as numbers.",
				Computed:            true,
				CustomType:          newMembershipListType(),
				NestedObject:        schema.NestedAttributeObject{Attributes: attributes},
			},
		},
	}
}

func (d *accessGroupMembershipsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data = shared(req.ProviderData)
}

func (d *accessGroupMembershipsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model membershipsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	rows, err := d.data.store.List(ctx, model.filter(), 0)
	if err != nil {
		resp.Diagnostics.Append(listDiagnostic(summaryList, err))
		return
	}
	slices.SortFunc(rows, func(a, b kantata.Membership) int {
		return cmp.Or(a.AccessGroupID.Compare(b.AccessGroupID), a.UserID.Compare(b.UserID), a.ID.Compare(b.ID))
	})
	var addresses map[kantata.ID]*string
	if model.IncludeEmailAddresses.ValueBool() {
		ids := make([]kantata.ID, len(rows))
		for i, m := range rows {
			ids[i] = m.UserID
		}
		if addresses, err = d.data.people.EmailAddresses(ctx, ids); err != nil {
			resp.Diagnostics.Append(listDiagnostic(summaryLookUpUsers, err))
			return
		}
	}
	allowRows(len(rows))
	model.Memberships = newMembershipList(ctx, rows, addresses)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}
