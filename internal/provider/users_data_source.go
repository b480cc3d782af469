package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var (
	_ datasource.DataSource              = (*usersDataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*usersDataSource)(nil)
)

func newUsersDataSource() datasource.DataSource { return &usersDataSource{} }

type usersDataSource struct{ data *providerData }

type usersModel struct {
	EmailAddresses        []string          `tfsdk:"email_addresses"`
	IgnoreMissing         types.Bool        `tfsdk:"ignore_missing"`
	Users                 []userModel       `tfsdk:"users"`
	IDsByEmailAddress     map[string]string `tfsdk:"ids_by_email_address"`
	MissingEmailAddresses []string          `tfsdk:"missing_email_addresses"`
}

type userModel struct {
	ID           types.String `tfsdk:"id"`
	FullName     types.String `tfsdk:"full_name"`
	EmailAddress types.String `tfsdk:"email_address"`
}

func (d *usersDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_users"
}

func (d *usersDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Looks up people by their e-mail addresses. An address that several people share causes an error. An address that " +
			"no one has causes an error unless `ignore_missing` is `true`.",
		Attributes: map[string]schema.Attribute{
			"email_addresses": schema.SetAttribute{
				MarkdownDescription: "The e-mail addresses to look up, for example `[\"jane@example.com\"]`. Case is ignored.",
				CustomType:          newEmailAddressSetType(),
				Required:            true,
				Validators: []validator.Set{noNullElements{}, setvalidator.ValueStringsAre(emailAddressValidator{
					instead: "Write each address as an element of its own.",
				})},
			},
			"ignore_missing": schema.BoolAttribute{
				MarkdownDescription: "Whether to list addresses that no one has in `missing_email_addresses` instead of returning an error, for " +
					"example `true`. Defaults to `false`.",
				Optional: true,
			},
			"users": schema.ListNestedAttribute{
				MarkdownDescription: "The people who were found, in the alphabetical order of the addresses.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":            computed("The ID of the person, for example `12000001`."),
					"full_name":     computed("The full name of the person, for example `Jane Doe`."),
					"email_address": computed("The e-mail address as stored in Kantata, for example `jane@example.com`."),
				}},
			},
			"ids_by_email_address": schema.MapAttribute{
				MarkdownDescription: "A map of e-mail addresses, as written in the configuration, to user IDs, for example " +
					"`{ \"jane@example.com\" = \"12000001\" }`.",
				ElementType: types.StringType,
				Computed:    true,
			},
			"missing_email_addresses": schema.ListAttribute{
				MarkdownDescription: "The addresses that no one has, sorted, for example `[\"former@example.com\"]`. Empty unless " +
					"`ignore_missing` is `true`.",
				ElementType: types.StringType,
				Computed:    true,
			},
		},
	}
}

func (d *usersDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data = shared(req.ProviderData)
}

func (d *usersDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model usersModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.data.people.ByEmailAddresses(ctx, model.EmailAddresses)
	if err != nil {
		resp.Diagnostics.Append(listDiagnostic(summaryLookUpUsers, err))
		return
	}
	model.Users, model.IDsByEmailAddress, model.MissingEmailAddresses = []userModel{}, map[string]string{}, []string{}
	slices.Sort(model.EmailAddresses)
	listed := map[kantata.ID]bool{}
	for _, address := range model.EmailAddresses {
		switch matches := found(address); {
		case len(matches) == 0 && model.IgnoreMissing.ValueBool():
			model.MissingEmailAddresses = append(model.MissingEmailAddresses, address)
		case len(matches) == 0:
			resp.Diagnostics.Append(userNotFoundDiagnostic(path.Root("email_addresses"), address))
		case len(matches) > 1:
			resp.Diagnostics.Append(userNotUniqueDiagnostic(path.Root("email_addresses"), address, matches))
		default:
			u := matches[0]
			model.IDsByEmailAddress[address] = u.ID.String()
			if !listed[u.ID] {
				listed[u.ID] = true
				model.Users = append(model.Users, userModel{
					ID:           types.StringValue(u.ID.String()),
					FullName:     types.StringPointerValue(u.FullName),
					EmailAddress: types.StringPointerValue(u.EmailAddress),
				})
			}
		}
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	}
}
