package provider

import (
	"cmp"
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
		SourceSchema: &schema.Schema{Attributes: map[string]schema.Attribute{
			"id":          schema.StringAttribute{Computed: true},
			"path":        schema.StringAttribute{Required: true},
			"create_path": schema.StringAttribute{Optional: true},
		}},
		StateMover: moveMembership,
	}}
}

func moveMembership(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
	if req.SourceTypeName != "restapi_object" && req.SourceTypeName != "restful_resource" {
		return
	}
	var source moveSource
	if req.SourceState != nil {
		resp.Diagnostics.Append(req.SourceState.Get(ctx, &source)...)
	}
	source.typeName = req.SourceTypeName
	if endpoint := source.endpoint(); endpoint != "" && !membershipsEndpoint.MatchString(endpoint) {
		resp.Diagnostics.Append(source.otherEndpointDiagnostic(endpoint))
		return
	}
	membership, ok := movedMembership(source, kantata.FindMemberships(req.SourceRawState.JSON))
	if !ok {
		resp.Diagnostics.Append(source.noPairDiagnostic())
		return
	}
	if membership.ID != "" {
		resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("id"), membership.ID.String())...)
	}
	resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("access_group_id"), membership.AccessGroupID.String())...)
	resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("user_id"), membership.UserID.String())...)
	resp.Diagnostics.Append(resp.TargetIdentity.Set(ctx, newMembershipModel(membership).identity())...)
}

// moveSource is a part of the state. Both providers have these attributes, except for create_path, which only a restapi_object has.
type moveSource struct {
	ID         types.String `tfsdk:"id"`
	Path       types.String `tfsdk:"path"`
	CreatePath types.String `tfsdk:"create_path"`
	typeName   string
}

var (
	membershipsEndpoint = regexp.MustCompile(`(?:^|/)access_group_memberships(?:\.json)?(?:[/?]|$)`)

	// membershipIDInSource matches the ID of a restapi_object and that of a restful_resource, which is a path.
	membershipIDInSource = regexp.MustCompile(`^(.*/access_group_memberships/)?([0-9]+)(?:\.json)?(?:\?.*)?$`)
)

// endpoint returns the path of the POST. A resource of another endpoint is no membership, even if its state contains one, as that of a
// user may.
func (s moveSource) endpoint() string {
	return cmp.Or(s.CreatePath.ValueString(), s.Path.ValueString())
}

// membershipID returns the ID of the membership, or "". It is certain if it is part of a path. Otherwise, the configuration of the source
// may have chosen it.
func (s moveSource) membershipID() (id kantata.ID, certain bool) {
	match := membershipIDInSource.FindStringSubmatch(s.ID.ValueString())
	if match == nil {
		return "", false
	}
	id, err := kantata.ParseID(match[2])
	return id, err == nil && match[1] != ""
}

// movedMembership chooses the membership that the source resource manages. What Kantata returned for the source's ID counts more
// than the configuration, which may name another pair since the last apply. Without that, all rows must agree.
func movedMembership(source moveSource, rows []kantata.Membership) (kantata.Membership, bool) {
	id, certain := source.membershipID()
	for _, row := range rows {
		if row.ID != "" && row.ID == id {
			return row, true
		}
	}
	var chosen kantata.Membership
	if certain {
		chosen.ID = id
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

const moveSummary = "Unable to Move Resource State"

// otherEndpointDiagnostic names the ID of the source, because Terraform does not name the source's address.
func (s moveSource) otherEndpointDiagnostic(endpoint string) diag.Diagnostic {
	return diag.NewErrorDiagnostic(moveSummary, fmt.Sprintf(`The state of the %s with the ID %q
names the path %q instead of
"/access_group_memberships", so the resource may not be a membership.
Nothing was changed.

Correct the resource addresses in the moved block.`, s.typeName, s.ID.ValueString(), endpoint))
}

// noPairDiagnostic shows the import that needs no state of the source.
func (s moveSource) noPairDiagnostic() diag.Diagnostic {
	importID := "ACCESS_GROUP_ID/USER_ID"
	if id, certain := s.membershipID(); certain {
		importID = id.String()
	}
	return diag.NewErrorDiagnostic(moveSummary, fmt.Sprintf(`The state of the %[1]s with the ID %[2]q
does not contain exactly one pair of access_group_id and user_id, so it is
not known which membership it manages.
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
  id = %[3]q
}`, s.typeName, s.ID.ValueString(), importID))
}
