package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var (
	_ basetypes.ListTypable  = membershipListType{}
	_ basetypes.ListValuable = membershipList{}
)

// membershipListType is a list of memberships that stays in the form in which it is sent to Terraform. The framework's own list also keeps
// an object with a map for each row, and copies them to compare lists: 100,000 memberships took 700 MB and most of the CPU time.
type membershipListType struct{ basetypes.ListType }

func newMembershipListType() membershipListType {
	text := basetypes.StringType{}
	return membershipListType{basetypes.ListType{ElemType: basetypes.ObjectType{AttrTypes: map[string]attr.Type{
		"id": text, "access_group_id": text, "access_group_name": text, "user_id": text, "user_name": text, "creator_id": text,
		"created_at": text, "user_email_address": text,
	}}}}
}

func (t membershipListType) Equal(other attr.Type) bool {
	o, ok := other.(membershipListType)
	return ok && t.ListType.Equal(o.ListType)
}

func (t membershipListType) ValueFromList(ctx context.Context, list basetypes.ListValue) (basetypes.ListValuable, diag.Diagnostics) {
	raw, err := list.ToTerraformValue(ctx)
	if err != nil {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Unable to Convert the List of Memberships", err.Error())}
	}
	return membershipList{&raw}, nil
}

func (t membershipListType) ValueFromTerraform(_ context.Context, raw tftypes.Value) (attr.Value, error) {
	return membershipList{&raw}, nil
}

func (t membershipListType) ValueType(context.Context) attr.Value { return membershipList{} }

// membershipList is a value of membershipListType. The zero value is null.
type membershipList struct{ raw *tftypes.Value }

// newMembershipList returns the memberships in the given order, with the e-mail addresses of their people by user ID. Equal strings, of
// which an account has many, share one value.
func newMembershipList(ctx context.Context, memberships []kantata.Membership, addresses map[kantata.ID]*string) membershipList {
	list, _ := newMembershipListType().TerraformType(ctx).(tftypes.List)
	shared := map[string]tftypes.Value{}
	null := tftypes.NewValue(tftypes.String, nil)
	text := func(s string) tftypes.Value {
		value, ok := shared[s]
		if !ok {
			value = tftypes.NewValue(tftypes.String, s)
			shared[s] = value
		}
		return value
	}
	optional := func(s *string) tftypes.Value {
		if s == nil {
			return null
		}
		return text(*s)
	}
	rows := make([]tftypes.Value, 0, len(memberships))
	for _, m := range memberships {
		rows = append(rows, tftypes.NewValue(list.ElementType, map[string]tftypes.Value{
			"id":                 tftypes.NewValue(tftypes.String, m.ID.String()),
			"access_group_id":    text(m.AccessGroupID.String()),
			"access_group_name":  optional(m.AccessGroupName),
			"user_id":            text(m.UserID.String()),
			"user_name":          optional(m.UserName),
			"creator_id":         optional((*string)(m.CreatorID)),
			"created_at":         optional(m.CreatedAt),
			"user_email_address": optional(addresses[m.UserID]),
		}))
	}
	raw := tftypes.NewValue(list, rows)
	return membershipList{&raw}
}

func (v membershipList) Type(context.Context) attr.Type { return newMembershipListType() }

func (v membershipList) ToTerraformValue(ctx context.Context) (tftypes.Value, error) {
	if v.raw == nil {
		return tftypes.NewValue(newMembershipListType().TerraformType(ctx), nil), nil
	}
	return *v.raw, nil
}

func (v membershipList) ToListValue(ctx context.Context) (basetypes.ListValue, diag.Diagnostics) {
	t := newMembershipListType()
	if v.raw == nil {
		return basetypes.NewListNull(t.ElemType), nil
	}
	value, err := t.ListType.ValueFromTerraform(ctx, *v.raw)
	list, ok := value.(basetypes.ListValue)
	if err != nil || !ok {
		return basetypes.NewListUnknown(t.ElemType), diag.Diagnostics{
			diag.NewErrorDiagnostic("Unable to Convert the List of Memberships", fmt.Sprint(err)),
		}
	}
	return list, nil
}

func (v membershipList) Equal(other attr.Value) bool {
	o, ok := other.(membershipList)
	switch {
	case !ok:
		return false
	case v.raw == o.raw:
		return true
	case v.raw == nil || o.raw == nil:
		return v.IsNull() && o.IsNull()
	}
	return v.raw.Equal(*o.raw)
}

func (v membershipList) IsNull() bool { return v.raw == nil || v.raw.IsNull() }

func (v membershipList) IsUnknown() bool { return v.raw != nil && !v.raw.IsKnown() }

func (v membershipList) String() string {
	switch {
	case v.IsNull():
		return attr.NullValueString
	case v.IsUnknown():
		return attr.UnknownValueString
	}
	return "<memberships>"
}
