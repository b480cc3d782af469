package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
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
	_ resource.Resource                     = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithConfigure        = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithConfigValidators = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithIdentity         = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithImportState      = (*accessGroupMembershipResource)(nil)
	_ resource.ResourceWithModifyPlan       = (*accessGroupMembershipResource)(nil)
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
	resp.Schema = schema.Schema{
		Version: 0,
		MarkdownDescription: "Adds a person to an access group in Kantata OX, and removes the person when the resource is destroyed. " +
			"The resource is additive: it never changes a membership that the configuration does not manage.",
		Attributes: map[string]schema.Attribute{
			"id": computed(describeID),
			"access_group_id": schema.StringAttribute{
				MarkdownDescription: "The ID of the access group, digits only, for example `340002`. Changing this replaces the membership.",
				Required:            true,
				Validators:          []validator.String{idValidator{}},
			},
			"access_group_name": computed(describeAccessGroupName),
			"user_id": schema.StringAttribute{
				MarkdownDescription: "The ID of the person, digits only, for example `12000001`. Set exactly one of `user_id` and " +
					"`user_email_address`. Changing the person replaces the membership.",
				Optional:   true,
				Computed:   true,
				Validators: []validator.String{idValidator{instead: "user_email_address"}},
			},
			"user_email_address": schema.StringAttribute{
				MarkdownDescription: "The e-mail address of the person, for example `jane@example.com`. Set exactly one of `user_id` and " +
					"`user_email_address`. Case is ignored. The address is looked up when the membership is planned for the first time or " +
					"replaced, and when the address changes in the configuration. After that, only the user ID counts. Changing it to another " +
					"address of the same person changes nothing in Kantata. Changing the person replaces the membership.",
				Optional: true,
				Validators: []validator.String{emailAddressValidator{
					padded: true, instead: "Use one resource, or one key of for_each, for each person.",
				}},
			},
			"user_name":  computed(describeUserName),
			"creator_id": computed(describeCreatorID),
			"created_at": computed(describeCreatedAt),
			"adopt_existing": schema.BoolAttribute{
				MarkdownDescription: "Whether to adopt a membership that already exists into the state instead of returning an error, for " +
					"example `true`. Plan and apply then show a warning. Changing this sends no request. Defaults to `false`.",
				Optional: true,
			},
		},
	}
}

func (r *accessGroupMembershipResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest,
	resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = membershipIdentitySchema()
}

func (r *accessGroupMembershipResource) ConfigValidators(context.Context) []resource.ConfigValidator {
	return []resource.ConfigValidator{resourcevalidator.ExactlyOneOf(path.MatchRoot("user_id"), path.MatchRoot("user_email_address"))}
}

func (r *accessGroupMembershipResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.data = shared(req.ProviderData)
}

func (r *accessGroupMembershipResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer r.data.plans.beginWrite()()
	var plan resourceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan.UserID.IsUnknown() {
		resp.Diagnostics.Append(r.planUser(ctx, resourceModel{}, &plan)...)
		if resp.Diagnostics.HasError() {
			return
		}
	}
	created, err := r.data.store.Create(ctx, plan.pair(), plan.AdoptExisting.ValueBool())
	if err != nil {
		resp.Diagnostics.Append(r.createDiagnostics(ctx, plan.pair(), err)...)
		return
	}
	model := plan.with(created.Membership)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
	if created.Adopted {
		resp.Diagnostics.Append(diagnostics(r.data.plans.report(findingAdopted, model.membershipModel))...)
	}
}

func (r *accessGroupMembershipResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	defer r.data.plans.begin()()
	var prior resourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	hasPair := !prior.UserID.IsNull()
	endRead := func(bool) {}
	if hasPair {
		endRead = r.data.plans.beginRead(prior.pair())
	}
	membership, err := r.read(ctx, prior.membershipModel)
	endRead(errors.Is(err, memberships.ErrAbsent))
	imported := prior.ID.IsNull() || !hasPair
	switch {
	case errors.Is(err, memberships.ErrAbsent) && imported:
		resp.Diagnostics.Append(r.notFoundDiagnostic(ctx, prior))
		return
	case errors.Is(err, memberships.ErrAbsent):
		// Terraform before 1.12 sends no identity, and the framework refuses a response without one even if the resource is gone (rule 10).
		resp.Diagnostics.Append(resp.Identity.Set(ctx, prior.identity())...)
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		resp.Diagnostics.Append(readDiagnostic(prior.membershipModel, err))
		return
	}
	model := prior.with(membership)
	if !hasPair {
		r.data.plans.beginRead(model.pair())(false)
	}
	if model != prior { // encoding a state takes a good part of the CPU time of a large plan
		resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
}

// read looks the membership up by what the state contains. After an import, that is only the ID or only the pair.
func (r *accessGroupMembershipResource) read(ctx context.Context, prior membershipModel) (kantata.Membership, error) {
	switch {
	case prior.ID.IsNull():
		return r.data.store.Find(ctx, prior.pair())
	case prior.UserID.IsNull():
		return r.data.store.Get(ctx, prior.id(), kantata.Pair{})
	default:
		return r.data.store.Get(ctx, prior.id(), prior.pair())
	}
}

// Update saves settings that do not change the membership. It sends no request.
func (r *accessGroupMembershipResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer r.data.plans.beginWrite()()
	var plan resourceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

func (r *accessGroupMembershipResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer r.data.plans.beginWrite()()
	var prior resourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := prior.id(), error(nil)
	if id == "" { // after a move with -refresh=false, the state may contain the pair only
		var m kantata.Membership
		m, err = r.data.store.Find(ctx, prior.pair())
		id = m.ID
	}
	if err == nil {
		err = r.data.store.Delete(ctx, id, prior.pair())
	}
	if err != nil && !errors.Is(err, memberships.ErrAbsent) {
		resp.Diagnostics.Append(deleteDiagnostic(prior.membershipModel, err))
	}
}

func (r *accessGroupMembershipResource) ImportState(ctx context.Context, req resource.ImportStateRequest,
	resp *resource.ImportStateResponse) {
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
		if parsed.emailAddress != "" {
			user, failed := r.data.userByEmailAddress(ctx, path.Empty(), parsed.emailAddress)
			if failed != nil {
				resp.Diagnostics.Append(failed)
				return
			}
			parsed.pair.UserID = user
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("user_email_address"), parsed.emailAddress)...)
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
	if err != nil || parsed.emailAddress != "" {
		resp.Diagnostics.AddError("Invalid Import Identity",
			fmt.Sprintf("The identity has access_group_id %q and user_id %q. Both must be digits without leading zeros, for example \"340002\" "+
				"and \"12000001\".", identity.AccessGroupID.ValueString(), identity.UserID.ValueString()))
		return
	}
	resp.Diagnostics.Append(importPair(ctx, parsed.pair, resp)...)
}

func importPair(ctx context.Context, pair kantata.Pair, resp *resource.ImportStateResponse) diag.Diagnostics {
	diags := resp.State.SetAttribute(ctx, path.Root("access_group_id"), pair.AccessGroupID.String())
	diags.Append(resp.State.SetAttribute(ctx, path.Root("user_id"), pair.UserID.String())...)
	return diags
}

// createDiagnostics reports a create that failed. If Kantata refused the pair, its IDs may be swapped, so that is checked.
func (r *accessGroupMembershipResource) createDiagnostics(ctx context.Context, pair kantata.Pair, err error) diag.Diagnostics {
	var exists *memberships.ExistsError
	if errors.As(err, &exists) {
		return diagnostics(r.data.plans.report(findingExists, newMembershipModel(exists.Membership)))
	}
	d := createDiagnostic(pair, err)
	switch status(err) {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
		if hint := r.swapHint(ctx, pair); hint != "" {
			d = diag.NewErrorDiagnostic(d.Summary(), d.Detail()+"\n\n"+hint)
		}
	}
	return diag.Diagnostics{d}
}

// maxSwapChecks is how many failed creates of a process check whether their IDs are swapped. A wrong group can make hundreds fail.
const maxSwapChecks = 3

// swapHint names an access group that has the ID of the user, or a user that has the ID of the access group. It is empty if a lookup
// fails.
func (r *accessGroupMembershipResource) swapHint(ctx context.Context, pair kantata.Pair) string {
	const hint = "Kantata has %s %s: access_group_id and user_id may be swapped."
	if r.data.swapChecks.Add(1) > maxSwapChecks {
		return ""
	}
	rows, err := r.data.store.List(ctx, kantata.MembershipFilter{AccessGroupID: pair.UserID}, 1)
	if err == nil && len(rows) > 0 && rows[0].AccessGroupID == pair.UserID {
		model := newMembershipModel(rows[0])
		return fmt.Sprintf(hint, "an access group with the ID", idAndName(model.AccessGroupID, model.AccessGroupName))
	}
	rows, err = r.data.store.List(ctx, kantata.MembershipFilter{UserID: pair.AccessGroupID}, 1)
	if err == nil && len(rows) > 0 && rows[0].UserID == pair.AccessGroupID {
		model := newMembershipModel(rows[0])
		return fmt.Sprintf(hint, "a user with the ID", idAndName(model.UserID, model.UserName))
	}
	return ""
}

// notFoundDiagnostic reports an import of a membership that does not exist. Swapped IDs are a likely mistake, so the reverse pair is
// looked up.
func (r *accessGroupMembershipResource) notFoundDiagnostic(ctx context.Context, prior resourceModel) diag.Diagnostic {
	const summary = "Unable to Import Access Group Membership"
	if prior.UserID.IsNull() {
		return diag.NewErrorDiagnostic(summary, fmt.Sprintf("Kantata has no access group membership with the ID %s. If %s is the ID of a user "+
			"or of an access group, import by both IDs instead. An import ID is %s.", prior.id(), prior.id(), importForms))
	}
	pair := prior.pair()
	reverse := kantata.Pair{AccessGroupID: pair.UserID, UserID: pair.AccessGroupID}
	if found, err := r.data.store.Find(ctx, reverse); err == nil {
		return diag.NewErrorDiagnostic(summary, fmt.Sprintf("User %s is not in access group %s, but the reverse pair exists: %s. The two IDs "+
			"are swapped: import \"%s\".", pair.UserID, pair.AccessGroupID, lowerFirst(describe(found)), reverse))
	}
	user, check := "User "+pair.UserID.String(), "Check both IDs"
	if address := prior.UserEmailAddress; !address.IsNull() {
		user, check = fmt.Sprintf("%s (%s)", user, address.ValueString()), "Check the access group ID and the e-mail address"
	}
	return diag.NewErrorDiagnostic(summary, fmt.Sprintf("%s is not in access group %s, so there is nothing to import. %s, "+
		"or remove the import and let Terraform create the membership. An import ID is %s.", user, pair.AccessGroupID, check, importForms))
}
