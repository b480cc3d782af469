package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
)

var (
	_ resource.Resource                = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithConfigure   = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithIdentity    = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithImportState = (*accessGroupMembershipResource)(nil)
)

func newAccessGroupMembershipResource() resource.Resource { return &accessGroupMembershipResource{} }

type accessGroupMembershipResource struct{ data *providerData }

func (r *accessGroupMembershipResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_access_group_membership"
}

func (r *accessGroupMembershipResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: description,
			Computed:            true,
			PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
		}
	}
	required := func(description string) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: description + " A change replaces the membership.",
			Required:            true,
			Validators:          []validator.String{idValidator{}},
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		}
	}
	resp.Schema = schema.Schema{
		Version: 0,
		MarkdownDescription: "Puts a person into an access group of Kantata OX, and takes them out again when the resource is destroyed. " +
			"The resource is additive: memberships that are not in the configuration are never touched. " +
			"An import id is " + importForms + ".",
		Attributes: map[string]schema.Attribute{
			"id":                computed(describeID),
			"access_group_id":   required("The id of the access group, digits only, for example `340002`."),
			"access_group_name": computed(describeAccessGroupName),
			"user_id":           required("The id of the person, digits only, for example `12000001`."),
			"user_name":         computed(describeUserName),
			"creator_id":        computed(describeCreatorID),
			"created_at":        computed(describeCreatedAt),
		},
	}
}

func (r *accessGroupMembershipResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = membershipIdentitySchema()
}

func (r *accessGroupMembershipResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.data = shared(req.ProviderData)
}

func (r *accessGroupMembershipResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan membershipModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	created, err := r.data.store.Create(ctx, plan.pair(), memberships.CreateOptions{})
	if err != nil {
		resp.Diagnostics.Append(createDiagnostic(plan.pair(), err))
		return
	}
	model := newMembershipModel(created.Membership)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
}

func (r *accessGroupMembershipResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior membershipModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	membership, err := r.read(ctx, prior)
	imported := prior.ID.IsNull() || prior.UserID.IsNull()
	switch {
	case errors.Is(err, memberships.ErrAbsent) && imported:
		resp.Diagnostics.Append(r.notFoundDiagnostic(ctx, prior))
		return
	case errors.Is(err, memberships.ErrAbsent):
		// Terraform before 1.12 sends no identity, and the framework refuses an answer without one even for what is gone.
		resp.Diagnostics.Append(resp.Identity.Set(ctx, prior.identity())...)
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		resp.Diagnostics.Append(readDiagnostic(prior, err))
		return
	}
	model := newMembershipModel(membership)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
}

// read looks up what the state knows: all of it, or after an import only the id or only the pair.
func (r *accessGroupMembershipResource) read(ctx context.Context, prior membershipModel) (kantata.Membership, error) {
	switch {
	case prior.ID.IsNull():
		return r.data.store.Find(ctx, prior.pair())
	case prior.UserID.IsNull():
		return r.data.store.GetByID(ctx, prior.id())
	default:
		return r.data.store.Get(ctx, prior.id(), prior.pair())
	}
}

func (r *accessGroupMembershipResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Unable to Update Access Group Membership",
		"Kantata has no update of a membership: a change of either id replaces it. Please report this as a defect of the provider.")
}

func (r *accessGroupMembershipResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var prior membershipModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.data.store.Delete(ctx, prior.id(), prior.pair()); err != nil {
		resp.Diagnostics.Append(deleteDiagnostic(prior, err))
	}
}

func (r *accessGroupMembershipResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if req.ID != "" {
		parsed, err := parseImportID(req.ID)
		if err != nil {
			resp.Diagnostics.AddError("Invalid Import ID", sentence(err.Error()))
			return
		}
		if parsed.id != "" {
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), parsed.id.String())...)
			return
		}
		resp.Diagnostics.Append(importPair(ctx, parsed.pair, resp)...)
		return
	}
	var identity membershipIdentity
	resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
	if resp.Diagnostics.HasError() {
		return
	}
	parsed, err := parseImportID(identity.AccessGroupID.ValueString() + "/" + identity.UserID.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("Invalid Import Identity",
			fmt.Sprintf("The identity has access_group_id %q and user_id %q. Both must be digits without leading zeros, for example \"340002\" and \"12000001\".", identity.AccessGroupID.ValueString(), identity.UserID.ValueString()))
		return
	}
	resp.Diagnostics.Append(importPair(ctx, parsed.pair, resp)...)
}

func importPair(ctx context.Context, pair kantata.Pair, resp *resource.ImportStateResponse) diag.Diagnostics {
	diags := resp.State.SetAttribute(ctx, path.Root("access_group_id"), pair.AccessGroupID.String())
	diags.Append(resp.State.SetAttribute(ctx, path.Root("user_id"), pair.UserID.String())...)
	return diags
}

// notFoundDiagnostic answers an import of what is not there. A swapped pair is the likeliest slip, so the reverse is looked up.
func (r *accessGroupMembershipResource) notFoundDiagnostic(ctx context.Context, prior membershipModel) diag.Diagnostic {
	const summary = "Unable to Import Access Group Membership"
	if prior.UserID.IsNull() {
		return diag.NewErrorDiagnostic(summary, fmt.Sprintf("Kantata has no access group membership with the id %s. If %s is the id of a user or of an access group, import by the pair instead. An import id is %s.", prior.id(), prior.id(), importForms))
	}
	pair := prior.pair()
	reverse := kantata.Pair{AccessGroupID: pair.UserID, UserID: pair.AccessGroupID}
	if found, err := r.data.store.Find(ctx, reverse); err == nil {
		return diag.NewErrorDiagnostic(summary, fmt.Sprintf("User %s is not in access group %s, but the reverse exists: %s. The two ids are swapped; import \"%s\".", pair.UserID, pair.AccessGroupID, describe(found), reverse))
	}
	return diag.NewErrorDiagnostic(summary, fmt.Sprintf("User %s is not in access group %s, so there is nothing to import. Check both ids, or leave the import out and let Terraform create the membership. An import id is %s.", pair.UserID, pair.AccessGroupID, importForms))
}
