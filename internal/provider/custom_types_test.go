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

// TestMembershipList checks that the framework can convert and compare the list as any other.
func TestMembershipList(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	name, address := "Jane Doe", "jane@example.com"
	m := kantata.Membership{ID: "1", AccessGroupID: "2", UserID: "3", UserName: &name}
	list := newMembershipList(ctx, []kantata.Membership{m}, map[kantata.ID]*string{"3": &address})

	plain, diags := list.ToListValue(ctx)
	if diags.HasError() || len(plain.Elements()) != 1 {
		t.Fatalf("got %v and the errors %v, want a list of one element", plain, diags)
	}
	row := plain.Elements()[0].(basetypes.ObjectValue).Attributes()
	if !row["user_name"].Equal(types.StringValue("Jane Doe")) || !row["creator_id"].IsNull() || !row["id"].Equal(types.StringValue("1")) ||
		!row["user_email_address"].Equal(types.StringValue(address)) {
		t.Errorf("got the row %v, want membership 1 of Jane Doe", row)
	}
	back, diags := newMembershipListType().ValueFromList(ctx, plain)
	if diags.HasError() || !back.Equal(list) || !list.Equal(back) {
		t.Errorf("got %v and the errors %v, want %v", back, diags, list)
	}

	other := newMembershipList(ctx, []kantata.Membership{m, {ID: "4", AccessGroupID: "2", UserID: "5"}}, nil)
	null, unknown := membershipList{}, fromTerraform(ctx, t, newMembershipListType(), tftypes.UnknownValue)
	explicitNull := fromTerraform(ctx, t, newMembershipListType(), nil)
	for _, differs := range []attr.Value{other, null, unknown, plain, types.StringValue("x")} {
		if list.Equal(differs) {
			t.Errorf("got %v equal to %v, want them different", list, differs)
		}
	}
	if !null.Equal(explicitNull) {
		t.Errorf("got %v different from %v, want them equal", null, explicitNull)
	}
	for _, c := range []struct {
		list              attr.Value
		isNull, isUnknown bool
	}{{null, true, false}, {unknown, false, true}, {list, false, false}} {
		if c.list.IsNull() != c.isNull || c.list.IsUnknown() != c.isUnknown {
			t.Errorf("%v: got null %t and unknown %t, want %t and %t", c.list, c.list.IsNull(), c.list.IsUnknown(), c.isNull, c.isUnknown)
		}
	}
	if value, err := null.ToTerraformValue(ctx); err != nil || !value.IsNull() {
		t.Errorf("got %v and the error %v, want null", value, err)
	}
	if nothing, diags := null.ToListValue(ctx); diags.HasError() || !nothing.IsNull() {
		t.Errorf("got %v and the errors %v, want null", nothing, diags)
	}
	if list.String() == null.String() || null.String() == unknown.String() {
		t.Errorf("got %s for a list, %s for null and %s for unknown, want three texts", list, null, unknown)
	}
	if !list.Type(ctx).Equal(newMembershipListType()) || newMembershipListType().Equal(plain.Type(ctx)) {
		t.Error("got the type equal to that of a plain list, want it different")
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
			t.Errorf("%s and %s: got equal %t and the errors %v, want %t", c.a, c.b, got, diags, c.want)
		}
	}
	if one.Equal(one.SetValue) || !one.Type(ctx).Equal(of) || of.Equal(of.SetType) {
		t.Error("got the type equal to that of a plain set, want it different")
	}
	if back, diags := of.ValueFromSet(ctx, one.SetValue); diags.HasError() || !back.Equal(one) {
		t.Errorf("got %v and the errors %v, want %v", back, diags, one)
	}
	if _, ok := of.ValueType(ctx).(emailAddressSet); !ok {
		t.Errorf("got a value of type %T, want emailAddressSet", of.ValueType(ctx))
	}
	if _, err := of.ValueFromTerraform(ctx, tftypes.NewValue(tftypes.String, "x")); err == nil {
		t.Error("got no error for a string, want one")
	}
}
