package provider

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// TestMembershipList holds that the framework can treat the list as any other: convert it both ways and compare it.
func TestMembershipList(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	name, address := "Jane Doe", "jane@example.com"
	m := kantata.Membership{ID: "1", AccessGroupID: "2", UserID: "3", UserName: &name}
	list := newMembershipList(ctx, []kantata.Membership{m}, map[kantata.ID]*string{"3": &address})

	plain, diags := list.ToListValue(ctx)
	if diags.HasError() || len(plain.Elements()) != 1 {
		t.Fatalf("%v %v", plain, diags)
	}
	row := plain.Elements()[0].(basetypes.ObjectValue).Attributes()
	if !row["user_name"].Equal(types.StringValue("Jane Doe")) || !row["creator_id"].IsNull() || !row["id"].Equal(types.StringValue("1")) ||
		!row["user_email_address"].Equal(types.StringValue(address)) {
		t.Errorf("row %v", row)
	}
	back, diags := newMembershipListType().ValueFromList(ctx, plain)
	if diags.HasError() || !back.Equal(list) || !list.Equal(back) {
		t.Errorf("%v is not %v: %v", back, list, diags)
	}

	other := newMembershipList(ctx, []kantata.Membership{m, {ID: "4", AccessGroupID: "2", UserID: "5"}}, nil)
	null, unknown := membershipList{}, fromTerraform(ctx, t, newMembershipListType(), tftypes.UnknownValue)
	explicitNull := fromTerraform(ctx, t, newMembershipListType(), nil)
	for _, differs := range []attr.Value{other, null, unknown, plain, types.StringValue("x")} {
		if list.Equal(differs) {
			t.Errorf("%v is said to be %v", list, differs)
		}
	}
	if !null.Equal(explicitNull) || !null.IsNull() || null.IsUnknown() || !unknown.IsUnknown() || unknown.IsNull() || list.IsNull() || list.IsUnknown() {
		t.Error("null and unknown are mixed up")
	}
	if value, err := null.ToTerraformValue(ctx); err != nil || !value.IsNull() {
		t.Errorf("%v, %v", value, err)
	}
	if nothing, diags := null.ToListValue(ctx); diags.HasError() || !nothing.IsNull() {
		t.Errorf("%v, %v", nothing, diags)
	}
	if list.String() == null.String() || null.String() == unknown.String() {
		t.Errorf("%s, %s, %s", list, null, unknown)
	}
	if !list.Type(ctx).Equal(newMembershipListType()) || newMembershipListType().Equal(plain.Type(ctx)) {
		t.Error("the type is mistaken for a plain list's")
	}
}

func fromTerraform(ctx context.Context, t *testing.T, of attr.Type, value any) attr.Value {
	t.Helper()
	converted, err := of.ValueFromTerraform(ctx, tftypes.NewValue(of.TerraformType(ctx), value))
	if err != nil {
		t.Fatal(err)
	}
	return converted
}

func TestEmailAddressSet(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	of := newEmailAddressSetType()
	one := fromTerraform(ctx, t, of, []tftypes.Value{text("jane@example.com")}).(emailAddressSet)
	same := fromTerraform(ctx, t, of, []tftypes.Value{text("jane@example.com")}).(emailAddressSet)
	two := fromTerraform(ctx, t, of, []tftypes.Value{text("jane@example.com"), text("amir@example.com")}).(emailAddressSet)
	for _, c := range []struct {
		a, b emailAddressSet
		want bool
	}{{one, same, true}, {one, two, false}} {
		if got, diags := c.a.SetSemanticEquals(ctx, c.b); got != c.want || diags.HasError() || c.a.Equal(c.b) != c.want {
			t.Errorf("%s and %s: %v, %v", c.a, c.b, got, diags)
		}
	}
	if one.Equal(one.SetValue) || !one.Type(ctx).Equal(of) || of.Equal(of.SetType) {
		t.Error("the type is mistaken for a plain set's")
	}
	if back, diags := of.ValueFromSet(ctx, one.SetValue); diags.HasError() || !back.Equal(one) {
		t.Errorf("%v, %v", back, diags)
	}
	if _, ok := of.ValueType(ctx).(emailAddressSet); !ok {
		t.Error("the value's type is another")
	}
	if _, err := of.ValueFromTerraform(ctx, tftypes.NewValue(tftypes.String, "x")); err == nil {
		t.Error("a string was taken for a set")
	}
}
