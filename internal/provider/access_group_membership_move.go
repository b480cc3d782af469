package provider

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var _ resource.ResourceWithMoveState = (*accessGroupMembershipResource)(nil)

// MoveState accepts what the generic REST providers store for a membership: Mastercard/restapi keeps JSON in strings, and
// magodo/restful keeps values of any type. Their configurations differ, so the membership is searched for in the whole state. The
// state has no names yet: Terraform reads the resource right after the move.
func (r *accessGroupMembershipResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{{
		SourceSchema: &schema.Schema{Attributes: map[string]schema.Attribute{"id": schema.StringAttribute{Computed: true}}},
		StateMover:   moveMembership,
	}}
}

func moveMembership(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
	if req.SourceTypeName != "restapi_object" && req.SourceTypeName != "restful_resource" {
		return
	}
	var sourceID types.String
	if req.SourceState != nil {
		resp.Diagnostics.Append(req.SourceState.GetAttribute(ctx, path.Root("id"), &sourceID)...)
	}
	membership, ok := movedMembership(sourceID.ValueString(), kantata.FindMemberships(req.SourceRawState.JSON))
	if !ok {
		resp.Diagnostics.Append(unreadableMoveDiagnostic(req.SourceTypeName))
		return
	}
	if membership.ID != "" {
		resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("id"), membership.ID.String())...)
	}
	resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("access_group_id"), membership.AccessGroupID.String())...)
	resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("user_id"), membership.UserID.String())...)
	resp.Diagnostics.Append(resp.TargetIdentity.Set(ctx, newMembershipModel(membership).identity())...)
}

// membershipIDInSource matches the id of a restapi_object and that of a restful_resource, which is a path.
var membershipIDInSource = regexp.MustCompile(`^(?:.*/access_group_memberships/)?([0-9]+)(?:\.json)?$`)

// movedMembership chooses the membership that the source resource manages. What Kantata returned for the source's ID counts more
// than the configuration, which may name another pair since the last apply. Without that, all rows must agree.
func movedMembership(sourceID string, rows []kantata.Membership) (kantata.Membership, bool) {
	var chosen kantata.Membership
	if match := membershipIDInSource.FindStringSubmatch(sourceID); match != nil {
		if id, err := kantata.ParseID(match[1]); err == nil {
			chosen.ID = id
		}
	}
	for _, row := range rows {
		if row.ID != "" && row.ID == chosen.ID {
			return row, true
		}
	}
	for i, row := range rows {
		if i > 0 && row.Pair() != rows[0].Pair() {
			return chosen, false
		}
		// A source whose configuration chooses the ID still stores what Kantata returned.
		if row.ID != "" {
			chosen.ID = row.ID
		}
		chosen.AccessGroupID, chosen.UserID = row.AccessGroupID, row.UserID
	}
	return chosen, len(rows) > 0
}

func unreadableMoveDiagnostic(sourceType string) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Unable to Move Resource State", fmt.Sprintf(
		`The state of this %[1]s does not contain exactly one pair of
access_group_id and user_id, so it is not known which membership it manages.
Nothing was changed.

Replace the moved block with these two blocks, with the addresses and IDs of
your own resource, and apply again:

removed {
  from = %[1]s.NAME
  lifecycle {
    destroy = false
  }
}

import {
  to = kantata_access_group_membership.NAME
  id = "ACCESS_GROUP_ID/USER_ID"
}`, sourceType))
}
