package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
)

// plannedMark is the private data of every plan call that has a prior state. Terraform passes it to the second call of a replacement,
// which has no prior state, and to no other call without one. The second call judges nothing, because the first has reported everything
// and Terraform drops the warnings of the second.
const plannedMark = "planned"

// ModifyPlan decides whether a change replaces the membership, and reports what an apply would find out too late.
func (r *accessGroupMembershipResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.data == nil {
		return
	}
	defer r.data.plans.begin()()
	var prior, plan resourceModel
	isNew, isRemoved := req.State.Raw.IsNull(), req.Plan.Raw.IsNull()
	if !isNew {
		resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	}
	if !isRemoved {
		resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if isRemoved {
		resp.Diagnostics.Append(diagnostics(r.data.plans.hold(prior.membershipModel, removes))...)
		return
	}

	var configured types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("user_id"), &configured)...)
	if configured.IsNull() || configured.IsUnknown() {
		resp.Diagnostics.Append(r.planUser(ctx, prior, &plan)...)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("user_id"), plan.UserID)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}

	mark, diags := req.Private.GetKey(ctx, plannedMark)
	resp.Diagnostics.Append(diags...)
	if !isNew {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, plannedMark, []byte("true"))...)
		resp.RequiresReplace = replacedBy(prior, plan)
	}
	switch {
	case resp.Diagnostics.HasError():
	case isNew && mark == nil:
		resp.Diagnostics.Append(diagnostics(r.data.plans.create())...)
		resp.Diagnostics.Append(r.planWant(ctx, plan, false)...)
	case isNew:
	case len(resp.RequiresReplace) > 0:
		resp.Diagnostics.Append(diagnostics(r.data.plans.hold(prior.membershipModel, givesUp))...)
		resp.Diagnostics.Append(r.planWant(ctx, plan, true)...)
	case plan.AccessGroupID.IsUnknown() || plan.UserID.IsUnknown():
		resp.Diagnostics.Append(diagnostics(r.data.plans.hold(prior.membershipModel, undecides))...)
	default:
		resp.Diagnostics.Append(diagnostics(r.data.plans.hold(prior.membershipModel, keeps))...)
	}
}

// replacedBy returns the attributes whose change replaces the membership. An unknown value does not replace it. If the value differs in
// the apply, Terraform refuses the plan.
func replacedBy(prior, plan resourceModel) path.Paths {
	var paths path.Paths
	if !plan.AccessGroupID.IsUnknown() && !plan.AccessGroupID.Equal(prior.AccessGroupID) {
		paths.Append(path.Root("access_group_id"))
	}
	if !plan.UserID.IsUnknown() && !plan.UserID.Equal(prior.UserID) {
		paths.Append(path.Root("user_id"))
	}
	return paths
}

// planWant judges an address that plans to have a pair that it does not have yet. Only a lookup tells whether the pair exists. The
// process that applies sends no lookup here, because the create does.
func (r *accessGroupMembershipResource) planWant(ctx context.Context, plan resourceModel, replaces bool) (diags diag.Diagnostics) {
	if plan.AccessGroupID.IsUnknown() || plan.UserID.IsUnknown() || r.data.plans.isWriting() {
		return nil
	}
	pair := plan.pair()
	w := r.data.plans.want(pair, replaces, plan.AdoptExisting.IsUnknown() || plan.AdoptExisting.ValueBool())
	var found *membershipModel
	m, err := r.data.store.Find(ctx, pair)
	if err == nil {
		model := newMembershipModel(m)
		found = &model
	}
	var findings []finding
	if err == nil || errors.Is(err, memberships.ErrAbsent) {
		findings, err = r.data.plans.judge(ctx, w, found)
	}
	if err != nil {
		return diag.Diagnostics{planDiagnostic(pair, err)}
	}
	diags = diagnostics(findings)
	if diags.HasError() {
		r.data.store.RefuseCreate(pair)
	}
	return diags
}

func diagnostics(findings []finding) (diags diag.Diagnostics) {
	for _, f := range findings {
		diags.Append(f.diagnostic())
	}
	return diags
}

func planDiagnostic(pair kantata.Pair, err error) diag.Diagnostic {
	subject := fmt.Sprintf("It is not known whether user %s is already in access group %s.", pair.UserID, pair.AccessGroupID)
	return failure("Unable to Plan Access Group Membership", subject, err, "")
}
