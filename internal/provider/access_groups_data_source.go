package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
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
	Names         []string           `tfsdk:"names"`
	IgnoreMissing types.Bool         `tfsdk:"ignore_missing"`
	AccessGroups  []accessGroupModel `tfsdk:"access_groups"`
	IDsByName     map[string]string  `tfsdk:"ids_by_name"`
	MissingNames  []string           `tfsdk:"missing_names"`
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
		MarkdownDescription: "Lists the access groups that have members. Kantata publishes no operation for access groups, so they are " +
			"derived from the memberships: " +
			"**a group without members is not listed**. Names are not unique in Kantata: a name that several groups share is omitted from " +
			"`ids_by_name`, and causes an error in `names`.",
		Attributes: map[string]schema.Attribute{
			"names": schema.SetAttribute{
				MarkdownDescription: "The names of the groups to look up, for example `[\"Resource Managers\"]`, in the same case as in Kantata. " +
					"Each name must match exactly one group. Omit `names` to list all groups.",
				ElementType: types.StringType,
				Optional:    true,
				Validators:  []validator.Set{noNullElements{}},
			},
			"ignore_missing": schema.BoolAttribute{
				MarkdownDescription: "Whether to list names that match no group with members in `missing_names` instead of returning an error, for " +
					"example `true`. Defaults to `false`.",
				Optional: true,
			},
			"access_groups": schema.ListNestedAttribute{
				MarkdownDescription: "The access groups, sorted by ID as numbers.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":           schema.StringAttribute{MarkdownDescription: "The ID of the access group, for example `340002`.", Computed: true},
					"name":         schema.StringAttribute{MarkdownDescription: describeAccessGroupName, Computed: true},
					"member_count": schema.Int64Attribute{MarkdownDescription: "The number of people in the group, for example `12`.", Computed: true},
				}},
			},
			"ids_by_name": schema.MapAttribute{
				MarkdownDescription: "A map of group names to group IDs, for example `{ \"Resource Managers\" = \"340002\" }`. Names that several " +
					"groups share are omitted.",
				ElementType: types.StringType,
				Computed:    true,
			},
			"missing_names": schema.ListAttribute{
				MarkdownDescription: "The names that match no group with members, sorted, for example `[\"Rate Card Editors\"]`. Empty unless " +
					"`ignore_missing` is `true`.",
				ElementType: types.StringType,
				Computed:    true,
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
	rows, err := d.data.store.List(ctx, kantata.MembershipFilter{}, 0)
	if err != nil {
		resp.Diagnostics.Append(listDiagnostic("Unable to List Access Groups", err))
		return
	}
	groups, counted := map[kantata.ID]accessGroupModel{}, map[kantata.Pair]bool{}
	for _, m := range rows {
		g := groups[m.AccessGroupID]
		g.ID = types.StringValue(m.AccessGroupID.String())
		if m.AccessGroupName != nil { // any row may lack the name
			g.Name = types.StringValue(*m.AccessGroupName)
		}
		if !counted[m.Pair()] { // an account may contain a pair twice
			counted[m.Pair()] = true
			g.MemberCount = types.Int64Value(g.MemberCount.ValueInt64() + 1)
		}
		groups[m.AccessGroupID] = g
	}
	byName := map[string][]kantata.ID{}
	for _, id := range slices.SortedFunc(maps.Keys(groups), kantata.ID.Compare) {
		if name := groups[id].Name; !name.IsNull() {
			byName[name.ValueString()] = append(byName[name.ValueString()], id)
		}
	}
	model.MissingNames = []string{}
	slices.Sort(model.Names)
	for _, name := range model.Names {
		switch ids := byName[name]; {
		case len(ids) == 0 && model.IgnoreMissing.ValueBool():
			model.MissingNames = append(model.MissingNames, name)
		case len(ids) == 0:
			resp.Diagnostics.Append(accessGroupNotFoundDiagnostic(name, byName))
		case len(ids) > 1:
			resp.Diagnostics.AddAttributeError(path.Root("names"), "Access Group Name Not Unique", fmt.Sprintf(
				"%d access groups have the name %q: %s. Use the ID of the one that you mean.", len(ids), name, joinIDs(ids)))
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	model.AccessGroups, model.IDsByName = []accessGroupModel{}, map[string]string{}
	for _, id := range slices.SortedFunc(maps.Keys(groups), kantata.ID.Compare) {
		name := groups[id].Name.ValueString()
		if model.Names != nil && !slices.Contains(model.Names, name) {
			continue
		}
		model.AccessGroups = append(model.AccessGroups, groups[id])
		if len(byName[name]) == 1 {
			model.IDsByName[name] = id.String()
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}

// accessGroupNotFoundDiagnostic suggests the names that differ only in upper and lower case or in whitespace.
func accessGroupNotFoundDiagnostic(name string, byName map[string][]kantata.ID) diag.Diagnostic {
	detail := fmt.Sprintf("No access group with members has the name %q. ", name)
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	var similar []string
	for _, other := range slices.Sorted(maps.Keys(byName)) {
		if fold(other) == fold(name) {
			similar = append(similar, fmt.Sprintf("%q (%s)", other, joinIDs(byName[other])))
		}
	}
	if len(similar) > 0 {
		detail += "Did you mean " + strings.Join(similar, " or ") + "?"
	} else {
		detail += "The API does not show groups without members. Use the ID of such a group instead, which Kantata shows under " +
			"Settings > Access Groups."
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("names"), "Access Group Not Found", detail)
}

func joinIDs(ids []kantata.ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ", ")
}
