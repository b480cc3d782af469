package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// existsDiagnostic carries a block to paste. The address is a placeholder: a provider never learns its own.
func existsDiagnostic(m kantata.Membership) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Access Group Membership Already Exists",
		fmt.Sprintf(`%s exists already, and was not made by this configuration. Nothing was changed.

To take it over, add this block with the address of your resource in place of NAME, and apply again:

import {
  to = kantata_access_group_membership.NAME
  id = "%s"
}

If the membership is in this state under another address, add a moved block instead.`, describe(m), m.Pair()))
}
