package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestIDValidatorSaysWhatToDo(t *testing.T) {
	t.Parallel()

	for _, c := range []struct {
		attribute, value string
		says, saysNot    string
	}{
		{"user_id", "12000001", "", ""},
		{"user_id", "9223372036854775807", "", ""},
		{"user_id", "9223372036854775808", "too large", "digits only"},
		{"user_id", "12345678901234567890", "too large", "digits only"},
		{"user_id", "00000000000000000000", "leading zeros", "too large"},
		{"user_id", "012", "leading zeros", "kantata_users"},
		{"user_id", "", "digits only", "kantata_users"},
		{"user_id", "-1", "digits only", "kantata_users"},
		{"user_id", "jane@example.com", "set user_email_address instead", ""},
		{"user_id", "Jane", "kantata_users", "kantata_access_groups"},
		{"user_id", "Zoë", "kantata_users", ""},
		{"access_group_id", "Resource Managers", "kantata_access_groups", "user_email_address"},
		{"id", "abc", "digits only", "data source"},
		{"user_id", "abc", `for example "12000001"`, ""},
		{"access_group_id", "abc", `for example "340002"`, "12000001"},
		{"id", "abc", `for example "56000101"`, "12000001"},
	} {
		resp := &validator.StringResponse{}
		req := validator.StringRequest{Path: path.Root(c.attribute), ConfigValue: types.StringValue(c.value)}
		idValidator{instead: "user_email_address"}.ValidateString(t.Context(), req, resp)
		var said strings.Builder
		for _, d := range resp.Diagnostics {
			said.WriteString(d.Detail())
		}
		got := said.String()
		if (got == "") != (c.says == "") || !strings.Contains(got, c.says) || c.saysNot != "" && strings.Contains(got, c.saysNot) {
			t.Errorf("%s = %q: got %q, want it to contain %q and not %q", c.attribute, c.value, got, c.says, c.saysNot)
		}
	}
	resp := &validator.StringResponse{}
	req := validator.StringRequest{Path: path.Root("user_id"), ConfigValue: types.StringValue("jane@example.com")}
	idValidator{}.ValidateString(t.Context(), req, resp)
	if got := resp.Diagnostics[0].Detail(); strings.Contains(got, "user_email_address") || !strings.Contains(got, "kantata_users") {
		t.Errorf("without an attribute for addresses: got %q, want the data source only", got)
	}
}
