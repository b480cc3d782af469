package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// resourceModel is a membership with the attributes that only the configuration of the resource sets.
type resourceModel struct {
	membershipModel

	UserEmailAddress types.String `tfsdk:"user_email_address"`
	AdoptExisting    types.Bool   `tfsdk:"adopt_existing"`
}

// with returns the configured values together with the membership that Kantata returned (rule 4).
func (m resourceModel) with(membership kantata.Membership) resourceModel {
	m.membershipModel = newMembershipModel(membership)
	return m
}

// membershipModel is a membership as the resource and both data sources show it.
type membershipModel struct {
	ID              types.String `tfsdk:"id"`
	AccessGroupID   types.String `tfsdk:"access_group_id"`
	AccessGroupName types.String `tfsdk:"access_group_name"`
	UserID          types.String `tfsdk:"user_id"`
	UserName        types.String `tfsdk:"user_name"`
	CreatorID       types.String `tfsdk:"creator_id"`
	CreatedAt       types.String `tfsdk:"created_at"`
}

func newMembershipModel(m kantata.Membership) membershipModel {
	model := membershipModel{
		ID:              types.StringValue(m.ID.String()),
		AccessGroupID:   types.StringValue(m.AccessGroupID.String()),
		AccessGroupName: types.StringPointerValue(m.AccessGroupName),
		UserID:          types.StringValue(m.UserID.String()),
		UserName:        types.StringPointerValue(m.UserName),
		CreatorID:       types.StringNull(),
		CreatedAt:       types.StringPointerValue(m.CreatedAt),
	}
	if m.CreatorID != nil && *m.CreatorID != "" {
		model.CreatorID = types.StringValue(m.CreatorID.String())
	}
	return model
}

func (m membershipModel) id() kantata.ID { return kantata.ID(m.ID.ValueString()) }

func (m membershipModel) pair() kantata.Pair {
	return kantata.Pair{AccessGroupID: kantata.ID(m.AccessGroupID.ValueString()), UserID: kantata.ID(m.UserID.ValueString())}
}

func (m membershipModel) identity() membershipIdentity {
	return membershipIdentity{AccessGroupID: m.AccessGroupID, UserID: m.UserID}
}

// Descriptions of the attributes, the same in the resource and the data sources.
const (
	describeID = "The ID of the membership, for example `56000101`. It changes if the person is removed from the group and " +
		"added again outside Terraform."
	describeAccessGroupName = "The name of the access group, for example `Resource Managers`."
	describeUserName        = "The full name of the person, for example `Jane Doe`."
	describeCreatorID       = "The ID of the user who created the membership, for example `12000009`. Null if Kantata does not return it."
	describeCreatedAt       = "The date or time when the membership was created, as Kantata returns it, for example " +
		"`2026-11-22T08:30:00-07:00`."
)
