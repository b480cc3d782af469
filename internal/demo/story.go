package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

// quickstart is the configuration that the demo applies, relative to the root of the repository.
const quickstart = "examples/quickstart/main.tf"

// latency makes the embedded Kantata as slow as a remote one, so that requests are batched as they would be there.
const latency = 50 * time.Millisecond

const importConfig = `
import {
  to = kantata_access_group_membership.diego
  id = "340003/diego@example.com"
}
`

const diegoConfig = `
resource "kantata_access_group_membership" "diego" {
  access_group_id    = "340003"
  user_email_address = "diego@example.com"
}
`

const listConfig = `
data "kantata_access_group_memberships" "all" {}

output "members" {
  value = {
    for name, people in {
      for m in data.kantata_access_group_memberships.all.memberships : m.access_group_name => m.user_name...
    } : name => join(", ", sort(people))
  }
}
`

// story is one run of the demo.
type story struct {
	ctx     context.Context
	out     *screen
	cli     *terraformcli.CLI
	kantata *kantatatest.Server
	dir     string
	chapter int
}

func play(ctx context.Context, out *screen) (err error) {
	start := time.Now()
	dir, err := os.MkdirTemp("", "kantata-demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	out.say(heading, "Manage access groups of Kantata OX with Terraform: a demo on an embedded Kantata")
	built := out.progress("building the provider")
	cli, err := terraformcli.New(ctx, dir, terraformcli.Provider)
	built()
	if err != nil {
		return err
	}
	s := &story{ctx: ctx, out: out, cli: cli, kantata: company(), dir: filepath.Join(dir, "infrastructure")}
	defer s.kantata.Close()
	s.kantata.SetLatency(latency)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	out.say(quiet, "%s %s, and the provider of this checkout. Kantata has %d people, %d access groups and %d memberships.",
		cli.Name, cli.Version, len(people), len(accessGroups), len(s.kantata.Memberships()))

	for _, chapter := range []func() error{s.apply, s.planAgain, s.removeJane, s.importMembership, s.list, s.destroy} {
		if err := chapter(); err != nil {
			return err
		}
	}
	out.say(plain, "")
	out.say(heading, "The demo took %.0f seconds.", time.Since(start).Seconds())
	out.say(plain, "To try it yourself, run make playground. To use it with your account, read README.md.")
	return nil
}

func (s *story) apply() error {
	s.title("Add three people to two access groups: " + quickstart)
	config, err := os.ReadFile(quickstart)
	if err != nil {
		return fmt.Errorf("run the demo from the root of the repository: %w", err)
	}
	if err := s.write("main.tf", string(config)); err != nil {
		return err
	}
	s.kantata.ResetRequests()
	if err := s.terraform(0, "apply", "-auto-approve"); err != nil {
		return err
	}
	if posts := s.posts(); posts != 3 {
		return fmt.Errorf("got %d POST requests for 3 memberships, want 3", posts)
	}
	return s.expect(5)
}

func (s *story) planAgain() error {
	s.title("Plan again: nothing to change")
	s.kantata.ResetRequests()
	if err := s.terraform(0, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	requests := len(s.kantata.Requests())
	if requests < 1 || requests > 3 { // usually one; a read that arrives late on a busy computer needs a request of its own
		return fmt.Errorf("got %d requests for a plan of 3 memberships, want 1 to 3", requests)
	}
	s.out.say(quiet, "  Requests for 3 memberships: %d", requests)
	return nil
}

func (s *story) removeJane() error {
	s.title("Someone removes " + jane.name + " outside Terraform: the plan adds her again")
	for _, m := range s.kantata.Memberships() {
		if m.UserID == jane.id {
			s.kantata.RemoveMembership(m.ID)
		}
	}
	if err := s.terraform(2, "plan", "-detailed-exitcode", "-out=reviewed.tfplan"); err != nil {
		return err
	}
	if err := s.terraform(0, "apply", "reviewed.tfplan"); err != nil {
		return err
	}
	return s.expect(5)
}

func (s *story) importMembership() error {
	s.title("Import a membership that exists: " + diego.name + " in " + rateCardEditors.name)
	if !s.cli.Supports("1.5.0", "1.6.0") { // import blocks
		if err := s.show("diego.tf", diegoConfig); err != nil {
			return err
		}
		if err := s.terraform(0, "import", "kantata_access_group_membership.diego", "340003/diego@example.com"); err != nil {
			return err
		}
		return s.expect(5)
	}
	if err := s.show("diego.tf", importConfig+diegoConfig); err != nil {
		return err
	}
	if err := s.terraform(0, "apply", "-auto-approve"); err != nil {
		return err
	}
	return s.expect(5)
}

func (s *story) list() error {
	s.title("List the members of all access groups, whether or not Terraform manages them")
	if err := s.show("members.tf", listConfig); err != nil {
		return err
	}
	if err := s.terraform(0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.out.say(command, "  $ %s output members", s.executable())
	output, code, err := s.cli.Run(s.ctx, s.dir, s.variables(), "output", "-no-color", "members")
	if err != nil {
		return err
	}
	if code != 0 || !strings.Contains(output, emi.name) {
		return fmt.Errorf("output members: got exit code %d, want 0 and %s in the output\n%s", code, emi.name, output)
	}
	for text := range strings.SplitSeq(strings.TrimSpace(output), "\n") {
		s.out.say(plain, "  %s", text)
	}
	return nil
}

func (s *story) destroy() error {
	s.title("Destroy: remove the people whom the configuration names, and no one else")
	before := s.kantata.Memberships()
	slices.SortFunc(before, func(a, b kantatatest.Membership) int {
		return cmp.Or(cmp.Compare(a.AccessGroupID, b.AccessGroupID), cmp.Compare(a.UserID, b.UserID))
	})
	if err := s.terraform(0, "destroy", "-auto-approve"); err != nil {
		return err
	}
	left := s.kantata.Memberships()
	for _, m := range before {
		if !slices.Contains(left, m) {
			s.out.say(removes, "  Removed: %s from %s", m.UserName, m.AccessGroupName)
		}
	}
	for _, m := range left {
		s.out.say(adds, "  Kept:    %s in %s, because no configuration ever named this membership", m.UserName, m.AccessGroupName)
	}
	return s.expect(1)
}

func (s *story) title(text string) {
	s.chapter++
	s.out.say(plain, "")
	s.out.say(heading, "%d. %s", s.chapter, text)
}

// show prints configuration and writes it to a file.
func (s *story) show(name, config string) error {
	s.out.say(quiet, "  # %s", name)
	for text := range strings.SplitSeq(strings.TrimSpace(config), "\n") {
		if text != "" {
			text = "  " + text
		}
		s.out.say(code, "%s", text)
	}
	return s.write(name, config)
}

func (s *story) write(name, content string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600) //nolint:gosec // a temporary folder of our own
}

// terraform runs a command, prints the lines of its output that matter to a reviewer, and checks its exit code.
func (s *story) terraform(want int, args ...string) error {
	s.out.say(command, "  $ %s %s", s.executable(), args[0])
	done := s.out.progress("working")
	output, code, err := s.cli.Run(s.ctx, s.dir, s.variables(), append([]string{args[0], "-no-color", "-input=false"}, args[1:]...)...)
	done()
	if err != nil {
		return err
	}
	if code != want {
		return fmt.Errorf("%s %s: got exit code %d, want %d\n%s", s.executable(), strings.Join(args, " "), code, want, output)
	}
	for text := range strings.SplitSeq(output, "\n") {
		if as, matters := styleOf(text); matters {
			s.out.say(as, "  %s", strings.TrimSpace(text))
		}
	}
	return nil
}

// styleOf returns the style of a line of Terraform's output, and false if the line says nothing about changes.
func styleOf(text string) (style, bool) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "# ") {
		switch {
		case strings.Contains(text, "will be created"), strings.Contains(text, "will be imported"):
			return adds, true
		case strings.Contains(text, "destroyed"), strings.Contains(text, "has been deleted"):
			return removes, true
		}
	}
	for _, summary := range []string{"Plan:", "No changes.", "Apply complete!", "Destroy complete!", "Import successful!"} {
		if strings.HasPrefix(text, summary) {
			return plain, true
		}
	}
	return style{}, false
}

func (s *story) variables() []string {
	return []string{"KANTATA_BASE_URL=" + s.kantata.URL(), "KANTATA_ACCESS_TOKEN=" + kantatatest.Token}
}

func (s *story) executable() string {
	if s.cli.Name == terraformcli.OpenTofu {
		return "tofu"
	}
	return "terraform"
}

func (s *story) posts() int {
	n := 0
	for _, r := range s.kantata.Requests() {
		if r.Method == http.MethodPost {
			n++
		}
	}
	return n
}

// expect checks how many memberships Kantata has.
func (s *story) expect(want int) error {
	if got := len(s.kantata.Memberships()); got != want {
		return fmt.Errorf("got %d memberships in Kantata, want %d", got, want)
	}
	return nil
}
