package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var (
	_ list.ListResource              = (*accessGroupMembershipListResource)(nil)
	_ list.ListResourceWithConfigure = (*accessGroupMembershipListResource)(nil)
)

func newAccessGroupMembershipListResource() list.ListResource {
	return &accessGroupMembershipListResource{}
}

// accessGroupMembershipListResource is the list resource that `terraform query` reads.
type accessGroupMembershipListResource struct{ data *providerData }

func (l *accessGroupMembershipListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_access_group_membership"
}

func (l *accessGroupMembershipListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest,
	resp *list.ListResourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Finds access group memberships for `terraform query` (Terraform 1.14 or newer), so that you can import them " +
			"in bulk.",
		Attributes: map[string]schema.Attribute{
			"access_group_id": schema.StringAttribute{
				MarkdownDescription: "Finds only the memberships of the access group with this ID, for example `340002`.",
				Optional:            true,
				Validators:          []validator.String{idValidator{}},
			},
			"user_id": schema.StringAttribute{
				MarkdownDescription: "Finds only the memberships of the person with this ID, for example `12000001`.",
				Optional:            true,
				Validators:          []validator.String{idValidator{}},
			},
		},
	}
}

func (l *accessGroupMembershipListResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	l.data = shared(req.ProviderData)
}

func (l *accessGroupMembershipListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var config filterModel
	if diags := req.Config.Get(ctx, &config); diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		rows, err := l.data.store.List(ctx, config.filter(), int(req.Limit))
		if err != nil {
			push(list.ListResult{Diagnostics: diag.Diagnostics{listDiagnostic(summaryList, err)}})
			return
		}
		for _, m := range rows {
			if !push(newListResult(ctx, req, m)) {
				return
			}
		}
	}
}

func newListResult(ctx context.Context, req list.ListRequest, m kantata.Membership) list.ListResult {
	model := resourceModel{membershipModel: newMembershipModel(m)}
	result := req.NewListResult(ctx)
	result.DisplayName = displayName(m)
	result.Diagnostics.Append(result.Identity.Set(ctx, model.identity())...)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, model)...)
	}
	return result
}

func displayName(m kantata.Membership) string {
	or := func(name *string, fallback string) string {
		if name == nil || *name == "" {
			return fallback
		}
		return *name
	}
	return fmt.Sprintf("%s in %s", or(m.UserName, "user "+m.UserID.String()), or(m.AccessGroupName, "access group "+m.AccessGroupID.String()))
}
