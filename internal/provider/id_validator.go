package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var _ validator.String = idValidator{}

// idValidator refuses at plan time what Kantata could not take for an id. A leading zero or a space would not come back from
// Kantata to the letter.
type idValidator struct{}

func (idValidator) Description(context.Context) string {
	return "value must be an id: digits without leading zeros or spaces"
}

func (v idValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (idValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := kantata.ParseID(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Kantata ID",
			fmt.Sprintf("The value of %s is %q. It must be an id as Kantata shows it in the address of a page: digits only, without leading zeros, spaces or other characters, for example \"12000001\".", req.Path, req.ConfigValue.ValueString()))
	}
}
