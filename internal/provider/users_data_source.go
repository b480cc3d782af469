package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
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

// emailAddress keeps out what would change the question: a blank filter lists everyone, a comma separates addresses.
var emailAddress = regexp.MustCompile(`^[^\s,@]+@[^\s,@]+$`)

func newUsersDataSource() datasource.DataSource { return &usersDataSource{} }

type usersDataSource struct{ data *providerData }

type usersModel struct {
	EmailAddresses    []string          `tfsdk:"email_addresses"`
	Users             []userModel       `tfsdk:"users"`
	IDsByEmailAddress map[string]string `tfsdk:"ids_by_email_address"`
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
		MarkdownDescription: "Looks people up by their e-mail addresses. An address that matches nobody, or more than one person, is an error. 200 addresses cost one request.",
		Attributes: map[string]schema.Attribute{
			"email_addresses": schema.SetAttribute{
				MarkdownDescription: "The addresses, for example `[\"jane@example.com\"]`, compared without regard to case.",
				CustomType:          newEmailAddressSetType(),
				Required:            true,
				Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.RegexMatches(
					emailAddress, "must be one e-mail address without spaces or commas, for example \"jane@example.com\""))},
			},
			"users": schema.ListNestedAttribute{
				MarkdownDescription: "The people, in the order of their addresses.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":            computed("The id of the person, for example `12000001`."),
					"full_name":     computed("The full name, for example `Jane Doe`."),
					"email_address": computed("The e-mail address as Kantata has it, for example `jane@example.com`."),
				}},
			},
			"ids_by_email_address": schema.MapAttribute{
				MarkdownDescription: "The id of each person by address, keyed as the configuration wrote it, for example `{ \"jane@example.com\" = \"12000001\" }`.",
				ElementType:         types.StringType,
				Computed:            true,
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
	found := map[string]map[kantata.ID]kantata.User{}
	users, err := d.data.client.UsersByEmailAddress(ctx, foldedOnce(model.EmailAddresses))
	if err != nil {
		resp.Diagnostics.Append(listDiagnostic("Unable to Look Up Users", err))
		return
	}
	for _, u := range users {
		if u.EmailAddress == nil {
			continue
		}
		folded := strings.ToLower(*u.EmailAddress)
		if found[folded] == nil {
			found[folded] = map[kantata.ID]kantata.User{}
		}
		found[folded][u.ID] = u
	}

	model.Users, model.IDsByEmailAddress = []userModel{}, map[string]string{}
	slices.Sort(model.EmailAddresses)
	listed := map[kantata.ID]bool{}
	for _, address := range model.EmailAddresses {
		matches := found[strings.ToLower(address)]
		switch len(matches) {
		case 0:
			resp.Diagnostics.AddAttributeError(path.Root("email_addresses"), "User Not Found",
				fmt.Sprintf("Nobody on the Kantata account has the e-mail address %q. Check its spelling, and that the person has been invited to the account.", address))
		case 1:
			for id, u := range matches {
				model.IDsByEmailAddress[address] = id.String()
				if !listed[id] {
					listed[id] = true
					model.Users = append(model.Users, userModel{
						ID: types.StringValue(id.String()), FullName: types.StringPointerValue(u.FullName), EmailAddress: types.StringPointerValue(u.EmailAddress),
					})
				}
			}
		default:
			resp.Diagnostics.AddAttributeError(path.Root("email_addresses"), "User Not Unique",
				fmt.Sprintf("%d people on the Kantata account have the e-mail address %q. Use the id of the one you mean.", len(matches), address))
		}
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	}
}

// foldedOnce returns each address once, without regard to case.
func foldedOnce(addresses []string) []string {
	folded := make([]string, len(addresses))
	for i, address := range addresses {
		folded[i] = strings.ToLower(address)
	}
	slices.Sort(folded)
	return slices.Compact(folded)
}
