package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var _ validator.String = idValidator{}

// idValidator rejects during validation what cannot be an ID in Kantata. A leading zero or a space would not come back from Kantata
// unchanged.
type idValidator struct {
	// instead names the attribute that accepts an e-mail address, if the schema has one.
	instead string
}

func (idValidator) Description(context.Context) string {
	return "value must be an ID: digits without leading zeros or spaces"
}

func (v idValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v idValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value := req.ConfigValue.ValueString()
	if _, err := kantata.ParseID(value); err == nil {
		return
	}
	detail := fmt.Sprintf("The value of %s is %q. ", req.Path, value)
	if isNumber(value) && value[0] != '0' {
		detail += "The number is too large for an ID, which has at most 19 digits."
	} else {
		detail += fmt.Sprintf("It must be an ID: digits only, without leading zeros, spaces or other characters, for example %q.",
			exampleID(req.Path.String())) + v.lookupAdvice(req.Path.String(), value)
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Invalid Kantata ID", detail)
}

// exampleID returns an ID of the kind of the attribute. A user ID as an example of an access group ID would suggest the wrong number.
func exampleID(attribute string) string {
	switch {
	case strings.HasSuffix(attribute, "access_group_id"):
		return "340002"
	case strings.HasSuffix(attribute, "user_id"):
		return "12000001"
	}
	return "56000101"
}

// lookupAdvice says how to find the ID if the value looks like an e-mail address or a name.
func (v idValidator) lookupAdvice(attribute, value string) string {
	if !strings.ContainsFunc(value, func(r rune) bool { return r == '@' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r > 127 }) {
		return ""
	}
	switch {
	case strings.HasSuffix(attribute, "access_group_id"):
		return " The data source kantata_access_groups finds the IDs of access groups by their names."
	case strings.HasSuffix(attribute, "user_id") && v.instead != "":
		return fmt.Sprintf(" To give an e-mail address, set %s instead. The data source kantata_users also finds the IDs of people by their "+
			"addresses.", v.instead)
	case strings.HasSuffix(attribute, "user_id"):
		return " The data source kantata_users finds the IDs of people by their e-mail addresses."
	}
	return ""
}

func isNumber(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
