package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var (
	_ datasource.DataSource              = (*accessGroupsDataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*accessGroupsDataSource)(nil)
)

func newAccessGroupsDataSource() datasource.DataSource { return &accessGroupsDataSource{} }

// accessGroupsDataSource derives the groups from the memberships: Kantata publishes no operation for the groups themselves.
type accessGroupsDataSource struct{ data *providerData }

type accessGroupsModel struct {
	Names        []string           `tfsdk:"names"`
	AccessGroups []accessGroupModel `tfsdk:"access_groups"`
	IDsByName    map[string]string  `tfsdk:"ids_by_name"`
}

type accessGroupModel struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	MemberCount types.Int64  `tfsdk:"member_count"`
}

func (d *accessGroupsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_access_groups"
}

func (d *accessGroupsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the access groups that have members. Kantata publishes no operation for access groups, so they are derived from the memberships: " +
			"**a group without members cannot be seen**. Names are not unique in Kantata: a name that stands for two groups is left out of `ids_by_name`, and is an error when it is asked for in `names`.",
		Attributes: map[string]schema.Attribute{
			"names": schema.SetAttribute{
				MarkdownDescription: "The names of the groups to look up, for example `[\"Resource Managers\"]`. Each must stand for exactly one group. Leave it out to list all groups.",
				ElementType:         types.StringType,
				Optional:            true,
			},
			"access_groups": schema.ListNestedAttribute{
				MarkdownDescription: "The access groups, by ascending id.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":           schema.StringAttribute{MarkdownDescription: "The id of the access group, for example `340002`.", Computed: true},
					"name":         schema.StringAttribute{MarkdownDescription: describeAccessGroupName, Computed: true},
					"member_count": schema.Int64Attribute{MarkdownDescription: "The number of people in the group, for example `12`.", Computed: true},
				}},
			},
			"ids_by_name": schema.MapAttribute{
				MarkdownDescription: "The id of each group by its name, for example `{ \"Resource Managers\" = \"340002\" }`, without the names that stand for more than one group.",
				ElementType:         types.StringType,
				Computed:            true,
			},
		},
	}
}

func (d *accessGroupsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data = shared(req.ProviderData)
}

func (d *accessGroupsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model accessGroupsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	groups := map[kantata.ID]accessGroupModel{}
	for m, err := range d.data.reader.List(ctx, kantata.MembershipFilter{}) {
		if err != nil {
			resp.Diagnostics.Append(listDiagnostic("Unable to List Access Groups", err))
			return
		}
		g := groups[m.AccessGroupID]
		groups[m.AccessGroupID] = accessGroupModel{
			ID: types.StringValue(m.AccessGroupID.String()), Name: types.StringPointerValue(m.AccessGroupName),
			MemberCount: types.Int64Value(g.MemberCount.ValueInt64() + 1),
		}
	}
	byName := map[string][]string{}
	for id, g := range groups {
		if !g.Name.IsNull() {
			byName[g.Name.ValueString()] = append(byName[g.Name.ValueString()], id.String())
		}
	}
	for _, name := range model.Names {
		switch ids := byName[name]; {
		case len(ids) == 0:
			resp.Diagnostics.AddAttributeError(path.Root("names"), "Access Group Not Found",
				fmt.Sprintf("No access group with members has the name %q. A group without members cannot be seen by the API: take its id from Settings > Access Groups in Kantata.", name))
		case len(ids) > 1:
			slices.Sort(ids)
			resp.Diagnostics.AddAttributeError(path.Root("names"), "Access Group Name Not Unique",
				fmt.Sprintf("The name %q stands for %d access groups, with the ids %v. Use the id of the one you mean.", name, len(ids), ids))
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	model.AccessGroups, model.IDsByName = []accessGroupModel{}, map[string]string{}
	for _, g := range groups {
		if model.Names != nil && !slices.Contains(model.Names, g.Name.ValueString()) {
			continue
		}
		model.AccessGroups = append(model.AccessGroups, g)
		if ids := byName[g.Name.ValueString()]; len(ids) == 1 {
			model.IDsByName[g.Name.ValueString()] = g.ID.ValueString()
		}
	}
	slices.SortFunc(model.AccessGroups, func(a, b accessGroupModel) int {
		x, y := kantata.ID(a.ID.ValueString()).Int64(), kantata.ID(b.ID.ValueString()).Int64()
		return int(min(max(x-y, -1), 1))
	})
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}
