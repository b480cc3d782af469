package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var _ validator.Set = noNullElements{}

// noNullElements refuses a null in a set. The framework would report it as a defect of the provider.
type noNullElements struct{}

func (noNullElements) Description(context.Context) string { return "no element may be null" }

func (v noNullElements) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (noNullElements) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	for _, element := range req.ConfigValue.Elements() {
		if element.IsNull() {
			resp.Diagnostics.AddAttributeError(req.Path.AtSetValue(element), "Null Element",
				fmt.Sprintf("An element of %s is null. Remove it, for example with compact().", req.Path))
		}
	}
}
