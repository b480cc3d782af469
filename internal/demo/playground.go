package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// cliConfig is the CLI configuration that make build writes: with it, Terraform uses the build of this checkout.
const cliConfig = "bin/dev.tfrc"

// playground runs a Kantata for the reader's own Terraform until ctx ends.
func playground(ctx context.Context, out *screen, address string) error {
	config, err := filepath.Abs(cliConfig)
	if err != nil {
		return err
	}
	if _, err := os.Stat(config); err != nil {
		return fmt.Errorf("%w: run make playground at the root of the repository, which builds the provider first", err)
	}
	kantata := company(kantatatest.WithAddress(address))
	defer kantata.Close()

	out.say(heading, "An embedded Kantata is running. In another terminal, run:")
	out.say(command, "  export KANTATA_BASE_URL=%s", kantata.URL())
	out.say(command, "  export KANTATA_ACCESS_TOKEN=%s", kantatatest.Token)
	out.say(command, "  export TF_CLI_CONFIG_FILE='%s'", config)
	out.say(plain, "Terraform then uses this build and this Kantata in any directory. Skip terraform init. For example:")
	out.say(command, "  terraform -chdir='%s' plan", filepath.Join(filepath.Dir(filepath.Dir(config)), "examples", "quickstart"))

	out.say(plain, "")
	out.say(heading, "Access groups")
	for _, g := range accessGroups {
		out.say(plain, "  %d  %s", g.id, g.name)
	}
	out.say(plain, "")
	out.say(heading, "People")
	for _, p := range people {
		out.say(plain, "  %d  %-14s%s", p.id, p.name, p.emailAddress)
	}
	out.say(plain, "")
	out.say(heading, "Memberships")
	var last kantatatest.Membership
	for _, m := range kantata.Memberships() {
		out.say(plain, "  %d  %s is in %s", m.ID, m.UserName, m.AccessGroupName)
		last = m
	}

	const curl = `  curl -H "Authorization: Bearer $KANTATA_ACCESS_TOKEN" `
	out.say(plain, "")
	out.say(heading, "To add someone outside Terraform (%s to %s):", femi.name, financeApprovers.name)
	out.say(command, curl+`-H "Content-Type: application/json" \`)
	out.say(command, `    -d '{"access_group_membership":{"access_group_id":%d,"user_id":%d}}' \`, financeApprovers.id, femi.id)
	out.say(command, `    "$KANTATA_BASE_URL/access_group_memberships.json"`)
	out.say(heading, "To remove someone outside Terraform (%s from %s):", last.UserName, last.AccessGroupName)
	out.say(command, curl+`-X DELETE \`)
	out.say(command, `    "$KANTATA_BASE_URL/access_group_memberships/%d.json"`, last.ID)

	out.say(plain, "")
	out.say(quiet, "Ctrl-C stops this Kantata and deletes its data.")
	<-ctx.Done()
	return nil
}
