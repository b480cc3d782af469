package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var _ validator.String = emailAddressValidator{}

// emailAddress excludes what would change the meaning of a request: Kantata reads a blank filter as "all", and a comma separates
// addresses.
var emailAddress = regexp.MustCompile(`^[^\s,@]+@[^\s,@]+$`)

// emailAddressValidator rejects during validation what cannot be an e-mail address.
type emailAddressValidator struct {
	// padded accepts surrounding whitespace, as in a column of a spreadsheet.
	padded bool
	// instead says how to give several addresses.
	instead string
}

func (emailAddressValidator) Description(context.Context) string {
	return "value must be one e-mail address"
}

func (v emailAddressValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (v emailAddressValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value := req.ConfigValue.ValueString()
	trimmed := strings.TrimSpace(value)
	if emailAddress.MatchString(trimmed) && (v.padded || trimmed == value) {
		return
	}
	attribute, _, isElement := strings.Cut(req.Path.String(), "[")
	detail := fmt.Sprintf("The value of %s is %q. ", attribute, value)
	if isElement {
		detail = fmt.Sprintf("%s contains %q. ", attribute, value)
	}
	switch {
	case strings.Count(value, "@") > 1:
		detail += "It must be one e-mail address. " + v.instead
	case emailAddress.MatchString(trimmed):
		detail += "It must be an e-mail address without surrounding spaces. Remove them, for example with trimspace()."
	default:
		detail += "It must be an e-mail address without spaces and commas, for example \"jane@example.com\"."
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Invalid E-mail Address", detail)
}
