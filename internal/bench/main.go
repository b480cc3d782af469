// Command bench measures what a plan costs, with real Terraform on the embedded Kantata: our plan, the same plan with one
// GET for each resource, and two floors, the same number of terraform_data and of a plugin resource that reads nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/usage"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const (
	total        = 1_600
	groups       = 16
	product      = "product"
	terraformOwn = "terraform_data"
)

// modes are what is measured, in the order of the table.
var modes = []struct{ name, label string }{
	{product, "this provider"},
	{usage.OneGetEach, "one GET for each resource"},
	{usage.ReadNothing, "floor: a plugin that reads nothing"},
	{terraformOwn, "floor: terraform_data"},
}

// measurement is one plan.
type measurement struct {
	Mode        string
	Memberships int
	Requests    int
	Wall, CPU   time.Duration
	PeakBytes   int64
}

func main() {
	sizes := flag.String("sizes", "50,200,500,1000", "the numbers of memberships, separated by commas")
	latency := flag.Duration("latency", 200*time.Millisecond, "how long Kantata takes for each answer")
	out := flag.String("out", "", "the folder to write results.md and plan.svg to; none by default")
	flag.Parse()

	if err := run(context.Background(), *sizes, *latency, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, sizes string, latency time.Duration, out string) error {
	dir, err := os.MkdirTemp("", "kantata-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder

	b := &bench{dir: dir, latency: latency}
	if err := b.build(ctx); err != nil {
		return err
	}
	var measured []measurement
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > total {
			return fmt.Errorf("-sizes: %q is not a number from 1 to %d", text, total)
		}
		rows, err := b.measure(ctx, n)
		if err != nil {
			return err
		}
		measured = append(measured, rows...)
		fmt.Print(table(rows, latency))
	}
	if out == "" {
		return nil
	}
	return report(ctx, out, measured, latency, sizes)
}

type bench struct {
	dir     string
	latency time.Duration
}

func (b *bench) build(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(b.dir, "bin", "terraform-provider-kantata"), "./internal/bench/plugin") //nolint:gosec // a temporary folder of our own
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the plugin: %w", err)
	}
	rc := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"kantata-community/kantata\" = %q\n  }\n  direct {}\n}\n", filepath.Join(b.dir, "bin"))
	return os.WriteFile(filepath.Join(b.dir, "terraformrc"), []byte(rc), 0o600)
}

// measure plans n memberships of all in each mode. The state is made once, by an apply without latency.
func (b *bench) measure(ctx context.Context, n int) ([]measurement, error) {
	fake := kantatatest.New()
	defer fake.Close()
	rows := fake.SeedMemberships(groups, total/groups, total)

	work := filepath.Join(b.dir, strconv.Itoa(n))
	managed := map[string]map[string]string{}
	for i := range n {
		m := rows[i*total/n]
		managed[strconv.FormatInt(m.ID, 10)] = map[string]string{"access_group_id": strconv.FormatInt(m.AccessGroupID, 10), "user_id": strconv.FormatInt(m.UserID, 10)}
	}
	if err := write(filepath.Join(work, "memberships"), membershipsConfig, managed); err != nil {
		return nil, err
	}
	if err := write(filepath.Join(work, terraformOwn), terraformDataConfig, managed); err != nil {
		return nil, err
	}
	if _, err := b.terraform(ctx, fake, filepath.Join(work, "memberships"), product, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	if _, err := b.terraform(ctx, fake, filepath.Join(work, terraformOwn), product, "init"); err != nil {
		return nil, err
	}
	if _, err := b.terraform(ctx, fake, filepath.Join(work, terraformOwn), product, "apply", "-auto-approve"); err != nil {
		return nil, err
	}

	fake.SetLatency(b.latency)
	var measured []measurement
	for _, mode := range modes {
		where := filepath.Join(work, "memberships")
		if mode.name == terraformOwn {
			where = filepath.Join(work, terraformOwn)
		}
		m, err := b.terraform(ctx, fake, where, mode.name, "plan", "-detailed-exitcode")
		if err != nil {
			return nil, err
		}
		m.Memberships = n
		measured = append(measured, m)
	}
	return measured, nil
}

// membershipsConfig imports what exists, so that the state is made without creating anything.
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
  for_each = local.managed
  to       = kantata_access_group_membership.this[each.key]
  id       = each.key
}
resource "kantata_access_group_membership" "this" {
  for_each        = local.managed
  access_group_id = each.value.access_group_id
  user_id         = each.value.user_id
}
`

const terraformDataConfig = `
resource "terraform_data" "this" {
  for_each = jsondecode(file("managed.json"))
  input    = each.value
}
`

func write(dir, config string, managed any) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	content, err := json.Marshal(managed)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "managed.json"), content, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600)
}

// terraform runs one command and measures it.
func (b *bench) terraform(ctx context.Context, fake *kantatatest.Server, dir, mode string, args ...string) (measurement, error) {
	used, err := os.MkdirTemp(b.dir, "usage")
	if err != nil {
		return measurement{}, err
	}
	fake.ResetRequests()
	command := exec.CommandContext(ctx, "terraform", append(args, "-no-color", "-input=false")...) //nolint:gosec // the arguments are those of this file
	command.Dir = dir
	command.Env = append(environment(),
		"TF_CLI_CONFIG_FILE="+filepath.Join(b.dir, "terraformrc"), "CHECKPOINT_DISABLE=1",
		"KANTATA_BASE_URL="+fake.URL(), "KANTATA_ACCESS_TOKEN="+kantatatest.Token,
		usage.ModeVariable+"="+mode, usage.DirVariable+"="+used)
	start := time.Now()
	output, err := command.CombinedOutput()
	m := measurement{Mode: mode, Wall: time.Since(start), Requests: len(fake.Requests())}
	if err != nil {
		return m, fmt.Errorf("terraform %s in mode %s: %w\n%s", args[0], mode, err, output)
	}
	files, err := filepath.Glob(filepath.Join(used, "*.json"))
	if err != nil {
		return m, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // a file of our own plugin's
		if err != nil {
			return m, err
		}
		var u usage.Usage
		if err := json.Unmarshal(content, &u); err != nil {
			return m, err
		}
		m.CPU += u.CPU
		m.PeakBytes = max(m.PeakBytes, u.PeakBytes)
	}
	return m, nil
}

// environment is the caller's without what would change Terraform's behavior.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "KANTATA_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
