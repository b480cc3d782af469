package main

import (
	"context"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// playground keeps a Kantata running until it is interrupted.
func playground(ctx context.Context, out *screen, address string) error {
	kantata := company(kantatatest.WithAddress(address))
	defer kantata.Close()

	out.say(heading, "An embedded Kantata is running. Point your own Terraform at it:")
	out.say(plain, "")
	out.say(command, "export KANTATA_BASE_URL=%s", kantata.URL())
	out.say(command, "export KANTATA_ACCESS_TOKEN=%s", kantatatest.Token)
	out.say(plain, "")
	out.say(plain, "Access groups: 340001 Finance Approvers, 340002 Resource Managers, 340003 Rate Card Editors.")
	out.say(plain, "People: 12000001 Jane, 12000002 Amir, 12000003 Chloe, 12000004 Diego, 12000005 Emi, 12000006 Femi, 12000007 Grace, 12000008 Henrik.")
	out.say(plain, "Two memberships exist: Diego and Emi are in Rate Card Editors.")
	out.say(plain, "")
	out.say(quiet, "make build says how your Terraform finds the provider of this checkout. Ctrl-C ends the playground and forgets everything.")
	<-ctx.Done()
	return nil
}
