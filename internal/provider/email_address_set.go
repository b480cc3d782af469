package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var (
	_ basetypes.SetTypable                    = emailAddressSetType{}
	_ basetypes.SetValuableWithSemanticEquals = emailAddressSet{}
)

// emailAddressSetType is a set of strings that the framework compares as a whole. It compares a plain set element by element, and writes
// each element, which is a person's address, to the DEBUG log.
type emailAddressSetType struct{ basetypes.SetType }

func newEmailAddressSetType() emailAddressSetType {
	return emailAddressSetType{basetypes.SetType{ElemType: basetypes.StringType{}}}
}

func (t emailAddressSetType) Equal(other attr.Type) bool {
	o, ok := other.(emailAddressSetType)
	return ok && t.SetType.Equal(o.SetType)
}

func (t emailAddressSetType) ValueFromSet(_ context.Context, value basetypes.SetValue) (basetypes.SetValuable, diag.Diagnostics) {
	return emailAddressSet{value}, nil
}

func (t emailAddressSetType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.SetType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	set, _ := value.(basetypes.SetValue)
	return emailAddressSet{set}, nil
}

func (t emailAddressSetType) ValueType(context.Context) attr.Value { return emailAddressSet{} }

type emailAddressSet struct{ basetypes.SetValue }

func (v emailAddressSet) Type(context.Context) attr.Type { return newEmailAddressSetType() }

func (v emailAddressSet) Equal(other attr.Value) bool {
	o, ok := other.(emailAddressSet)
	return ok && v.SetValue.Equal(o.SetValue)
}

func (v emailAddressSet) SetSemanticEquals(_ context.Context, other basetypes.SetValuable) (bool, diag.Diagnostics) {
	return v.Equal(other), nil
}
