package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/usage"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

const (
	pluginPackage = "/internal/bench/plugin"
	executable    = "terraform-provider-kantata"
)

// bench runs Terraform with the plugin of internal/bench/plugin on an embedded Kantata.
type bench struct {
	options
	dir string
	cli *terraformcli.CLI
	// cliBefore and commit are those of the other version of the provider, if one is measured.
	cliBefore *terraformcli.CLI
	commit    string
}

func newBench(ctx context.Context, dir string, o options) (*bench, error) {
	cli, err := terraformcli.New(ctx, dir, terraformcli.Provider+pluginPackage)
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir, cli: cli}
	if o.before == "" {
		return b, nil
	}
	bin := filepath.Join(dir, "before")
	//nolint:gosec // the user's checkout
	build := exec.CommandContext(ctx, "go", "build", "-C", o.before, "-o", filepath.Join(bin, executable), "."+pluginPackage)
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the plugin of %s: %w\n%s", o.before, err, output)
	}
	//nolint:gosec // the user's checkout
	commit, err := exec.CommandContext(ctx, "git", "-C", o.before, "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return nil, fmt.Errorf("the commit of %s: %w", o.before, err)
	}
	b.commit = strings.TrimSpace(string(commit))
	b.cliBefore, err = cli.WithProvider(bin)
	return b, err
}

// scenario is a command to measure.
type scenario struct {
	title string
	// command contains the arguments of Terraform. If it is empty, the plugin runs without Terraform. The command first runs before it, and
	// is not measured.
	first, command []string
	modes          []string
	config         string
	// rows is the number of memberships in the account, and managed the number in the configuration. They exist and are in the state,
	// unless the apply creates them.
	rows, managed int
	creates       bool
}

// savedPlan is the file of the plan that is measured and then applied.
const savedPlan = "saved.tfplan"

// accountRows is the number of memberships in the account of the plan and of the apply, unless the plan contains more.
const accountRows = 1_600

func (o options) scenarios() []scenario {
	compared := []string{usage.Product}
	if o.before != "" {
		compared = append(compared, before)
	}
	var all []scenario
	if n := o.plan; n > 0 {
		rows := max(n, accountRows)
		all = append(all, scenario{
			title:   fmt.Sprintf("A plan of %s memberships that exist, in an account of %s", thousands(n), thousands(rows)),
			command: []string{"plan", "-detailed-exitcode"}, modes: slices.Concat(compared, []string{usage.OneGetEach, usage.ReadNothing}),
			config: membershipsConfig, rows: rows, managed: n,
		})
	}
	if n := o.apply; n > 0 {
		saving := []string{"plan", "-out=" + savedPlan}
		all = append(all, scenario{
			title:   fmt.Sprintf("A plan that adds %s memberships, in an account of %s", thousands(n), thousands(accountRows)),
			command: saving, modes: compared, config: membershipsConfig, rows: accountRows, managed: n, creates: true,
		}, scenario{
			title: fmt.Sprintf("An apply of such a plan, which creates the %s memberships", thousands(n)),
			first: saving, command: []string{"apply", savedPlan}, modes: compared,
			config: membershipsConfig, rows: accountRows, managed: n, creates: true,
		})
	}
	if n := o.list; n > 0 {
		all = append(all, scenario{
			title:   fmt.Sprintf("A plan of the data source `kantata_access_group_memberships` that lists %s memberships", thousands(n)),
			command: []string{"plan"}, modes: compared,
			config: fmt.Sprintf(listConfig, n), rows: n,
		}, scenario{
			title: fmt.Sprintf("A list of %s memberships, read without Terraform", thousands(n)),
			modes: []string{usage.ReadList}, rows: n,
		})
	}
	return all
}

const membershipsConfig = `
terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
  }
}
locals {
  managed = jsondecode(file("managed.json"))
}
import {
  for_each = { for key, membership in local.managed : key => membership.id if membership.id != "" }
  to       = kantata_access_group_membership.this[each.key]
  id       = each.value
}
resource "kantata_access_group_membership" "this" {
  for_each        = local.managed
  access_group_id = each.value.access_group_id
  user_id         = each.value.user_id
}
`

// listConfig makes the command fail unless each membership is listed once.
const listConfig = `
terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
  }
}
data "kantata_access_group_memberships" "all" {
  lifecycle {
    postcondition {
      condition     = length(toset(self.memberships[*].id)) == %d
      error_message = "Some memberships were listed twice or not at all."
    }
  }
}
`

// measurement is what a run of the command cost.
type measurement struct {
	requests  int
	wall, cpu time.Duration
	peakBytes int64
}

// measure returns the fastest run of each mode. The modes take turns, so that other load on the machine affects all of them.
func (b *bench) measure(ctx context.Context, s scenario) (fastest []measurement, err error) {
	fastest = make([]measurement, len(s.modes))
	for run := range max(b.repeat, 1) {
		var a *account
		for i, mode := range s.modes {
			if a == nil || s.creates {
				if a, err = b.prepare(ctx, s); err != nil {
					return nil, err
				}
				defer a.fake.Close()
			}
			if len(s.first) > 0 {
				if _, err := b.run(ctx, a, mode, s.first...); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", s.title, mode, err)
				}
			}
			a.fake.SetLatency(b.latency)
			m, err := b.run(ctx, a, mode, s.command...)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", s.title, mode, err)
			}
			if run == 0 || m.wall < fastest[i].wall {
				fastest[i] = m
			}
		}
	}
	return fastest, nil
}

// account is an embedded Kantata and a folder with the configuration and the state.
type account struct {
	fake *kantatatest.Server
	dir  string
}

func (b *bench) prepare(ctx context.Context, s scenario) (*account, error) {
	dir, err := os.MkdirTemp(b.dir, "account")
	if err != nil {
		return nil, err
	}
	a := &account{kantatatest.New(), dir}
	rows := a.fake.SeedMemberships(groups, (s.rows+s.managed)/groups+1, s.rows)

	type membership struct {
		ID            string `json:"id"`
		AccessGroupID string `json:"access_group_id"`
		UserID        string `json:"user_id"`
	}
	managed := map[string]membership{}
	for i := range s.managed {
		key := strconv.Itoa(i)
		if s.creates {
			pair := s.rows + i // SeedMemberships used all pairs before this one
			managed[key] = membership{"", id(kantatatest.FinanceApprovers + pair%groups), id(kantatatest.FirstUser + pair/groups)}
			continue
		}
		m := rows[i*s.rows/s.managed]
		managed[key] = membership{id(m.ID), id(m.AccessGroupID), id(m.UserID)}
	}
	content, err := json.Marshal(managed)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "managed.json"), content, 0o600),
		os.WriteFile(filepath.Join(dir, "main.tf"), []byte(s.config), 0o600),
	); err != nil {
		return nil, err
	}
	if s.managed > 0 && !s.creates {
		_, err = b.run(ctx, a, usage.Product, "apply", "-auto-approve")
	}
	return a, err
}

// groups is the number of access groups in the account.
const groups = 16

func id[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// run runs a command and measures it. CPU and memory are those of the plugin.
func (b *bench) run(ctx context.Context, a *account, mode string, args ...string) (measurement, error) {
	used, err := os.MkdirTemp(b.dir, "usage")
	if err != nil {
		return measurement{}, err
	}
	cli := b.cli
	if mode == before {
		cli, mode = b.cliBefore, usage.Product
	}
	variables := []string{
		"KANTATA_BASE_URL=" + a.fake.URL(), "KANTATA_ACCESS_TOKEN=" + kantatatest.Token,
		usage.ModeVariable + "=" + mode, usage.DirVariable + "=" + used,
	}
	command := exec.CommandContext(ctx, filepath.Join(b.dir, "bin", executable)) //nolint:gosec // terraformcli built it
	command.Env = append(os.Environ(), variables...)
	if len(args) > 0 {
		command = cli.Command(ctx, a.dir, variables, slices.Insert(slices.Clone(args), 1, "-no-color", "-input=false")...)
	}
	a.fake.ResetRequests()
	start := time.Now()
	output, err := command.CombinedOutput()
	m := measurement{wall: time.Since(start), requests: len(a.fake.Requests())}
	if err != nil {
		return m, fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	processes, err := usage.Read(used)
	for _, u := range processes {
		m.cpu += u.CPU
		m.peakBytes = max(m.peakBytes, u.PeakBytes)
	}
	return m, err
}
