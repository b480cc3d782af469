package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

// quickstart is the configuration that the story applies, seen from the root of the repository.
const quickstart = "examples/quickstart/main.tf"

// latency makes the embedded Kantata answer as a remote one would, so that requests gather as they do there.
const latency = 50 * time.Millisecond

const diegoConfig = `
# Diego has been a rate card editor since before Terraform came.
resource "kantata_access_group_membership" "diego" {
  access_group_id = "340003"
  user_id         = "12000004"
}
`

const importConfig = `
import {
  to = kantata_access_group_membership.diego
  id = "340003/12000004" # access_group_id/user_id
}
`

const listConfig = `
data "kantata_access_group_memberships" "all" {}

output "who_is_in" {
  value = {
    for name, people in {
      for m in data.kantata_access_group_memberships.all.memberships : m.access_group_name => m.user_name...
    } : name => join(", ", people)
  }
}
`

// company is a Kantata with people, access groups and two memberships that somebody made by hand.
func company(options ...kantatatest.Option) *kantatatest.Server {
	server := kantatatest.New(options...)
	server.SeedCompany()
	server.AddMembership(kantatatest.RateCardEditors, kantatatest.FirstUser+3)
	server.AddMembership(kantatatest.RateCardEditors, kantatatest.FirstUser+4)
	return server
}

// story is one play of the demo.
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

	out.say(heading, "Access groups of Kantata OX as code, on an embedded Kantata")
	built := out.progress("building the provider")
	cli, err := terraformcli.New(ctx, dir, terraformcli.Provider)
	built()
	if err != nil {
		return err
	}
	s := &story{ctx: ctx, out: out, cli: cli, kantata: company(), dir: filepath.Join(dir, "infrastructure")}
	defer s.kantata.Close()
	s.kantata.SetLatency(latency)
	out.say(quiet, "%s %s and the provider of this folder; 8 people, 3 access groups, 2 memberships made by hand", cli.Name, cli.Version)

	for _, chapter := range []func() error{s.apply, s.planAgain, s.removeByHand, s.takeOver, s.list, s.destroy} {
		if err := chapter(); err != nil {
			return err
		}
	}
	out.say(plain, "")
	out.say(heading, "That was the whole life of a membership, in %.0f seconds.", time.Since(start).Seconds())
	out.say(plain, "Try it yourself: make playground. On your account: README.md.")
	return nil
}

func (s *story) apply() error {
	s.title("Put three people into two access groups")
	config, err := os.ReadFile(quickstart)
	if err != nil {
		return fmt.Errorf("run the demo from the root of the repository: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := s.write("main.tf", string(config)); err != nil {
		return err
	}
	s.kantata.ResetRequests()
	if err := s.terraform(0, "apply", "-auto-approve"); err != nil {
		return err
	}
	if posts := s.posts(); posts != 3 {
		return fmt.Errorf("%d creations were sent for 3 memberships", posts)
	}
	return s.holds(5)
}

func (s *story) planAgain() error {
	s.title("Plan again: nothing to do")
	s.kantata.ResetRequests()
	if err := s.terraform(0, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	s.out.say(quiet, "  3 memberships were checked with %d requests", len(s.kantata.Requests()))
	return nil
}

func (s *story) removeByHand() error {
	s.title("Somebody takes Jane out by hand: the plan notices")
	for _, m := range s.kantata.Memberships() {
		if m.AccessGroupID == kantatatest.FinanceApprovers && m.UserID == kantatatest.FirstUser {
			s.kantata.RemoveMembership(m.ID)
		}
	}
	if err := s.terraform(2, "plan", "-detailed-exitcode", "-out=reviewed.tfplan"); err != nil {
		return err
	}
	if err := s.terraform(0, "apply", "reviewed.tfplan"); err != nil {
		return err
	}
	return s.holds(5)
}

func (s *story) takeOver() error {
	s.title("Take over a membership that exists")
	if err := s.write("diego.tf", diegoConfig); err != nil {
		return err
	}
	if !s.cli.Supports("1.5.0", "1.6.0") {
		if err := s.terraform(0, "import", "kantata_access_group_membership.diego", "340003/12000004"); err != nil {
			return err
		}
		return s.holds(5)
	}
	s.out.say(plain, "  import { to = kantata_access_group_membership.diego, id = \"340003/12000004\" }")
	if err := s.write("import.tf", importConfig); err != nil {
		return err
	}
	if err := s.terraform(0, "apply", "-auto-approve"); err != nil {
		return err
	}
	return s.holds(5)
}

func (s *story) list() error {
	s.title("List who is in which access group, in code or not")
	if err := s.write("list.tf", listConfig); err != nil {
		return err
	}
	if err := s.terraform(0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.out.say(command, "  $ %s output who_is_in", s.executable())
	output, code, err := s.cli.Run(s.ctx, s.dir, s.variables(), "output", "-no-color", "who_is_in")
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("output ended with %d\n%s", code, output)
	}
	for text := range strings.SplitSeq(strings.TrimSpace(output), "\n") {
		s.out.say(plain, "  %s", text)
	}
	if !strings.Contains(output, "Emi Tanaka") {
		return errors.New("the list lacks Emi Tanaka, who is in no code")
	}
	return nil
}

func (s *story) destroy() error {
	s.title("Destroy: takes out whom the code put in, and nobody else")
	if err := s.terraform(0, "destroy", "-auto-approve"); err != nil {
		return err
	}
	for _, m := range s.kantata.Memberships() {
		s.out.say(quiet, "  Kantata still holds %s in %s, whom no code ever named", m.UserName, m.AccessGroupName)
	}
	return s.holds(1)
}

func (s *story) title(text string) {
	s.chapter++
	s.out.say(plain, "")
	s.out.say(heading, "%d. %s", s.chapter, text)
}

func (s *story) write(name, content string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600) //nolint:gosec // a temporary folder of our own
}

// terraform runs a command, shows what it would tell a reviewer, and checks its exit code.
func (s *story) terraform(want int, args ...string) error {
	s.out.say(command, "  $ %s %s", s.executable(), args[0])
	done := s.out.progress("working")
	output, code, err := s.cli.Run(s.ctx, s.dir, s.variables(), append([]string{args[0], "-no-color", "-input=false"}, args[1:]...)...)
	done()
	if err != nil {
		return err
	}
	if code != want {
		return fmt.Errorf("%s %s ended with %d, want %d\n%s", s.executable(), strings.Join(args, " "), code, want, output)
	}
	for text := range strings.SplitSeq(output, "\n") {
		if look, tells := telling(text); tells {
			s.out.say(look, "  %s", strings.TrimSpace(text))
		}
	}
	return nil
}

// telling picks the lines of Terraform's output that say what changes.
func telling(text string) (style, bool) {
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "# ") && strings.Contains(text, "will be created"):
		return adds, true
	case strings.HasPrefix(text, "# ") && strings.Contains(text, "destroyed"), strings.HasPrefix(text, "# ") && strings.Contains(text, "has been deleted"):
		return removes, true
	case strings.HasPrefix(text, "# ") && strings.Contains(text, "will be imported"):
		return adds, true
	case strings.HasPrefix(text, "Apply complete!"), strings.HasPrefix(text, "Destroy complete!"), strings.HasPrefix(text, "Import successful!"), strings.HasPrefix(text, "No changes."), strings.HasPrefix(text, "Plan:"):
		return plain, true
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

func (s *story) holds(want int) error {
	if got := len(s.kantata.Memberships()); got != want {
		return fmt.Errorf("%d memberships are in Kantata, want %d", got, want)
	}
	return nil
}
