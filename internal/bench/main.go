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
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

const (
	total        = 1_600
	listed       = 100_000
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
	sizes := flag.String("sizes", "20,200,500,1000", "the numbers of memberships, separated by commas")
	latency := flag.Duration("latency", 200*time.Millisecond, "how long Kantata takes for each answer")
	repeat := flag.Int("repeat", 3, "how often each plan is run; the fastest counts, since whatever else the machine does only slows")
	out := flag.String("out", "", "the folder to write README.md and plan.svg to; none by default")
	flag.Parse()

	if err := run(context.Background(), *sizes, *latency, max(*repeat, 1), *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, sizes string, latency time.Duration, repeat int, out string) error {
	dir, err := os.MkdirTemp("", "kantata-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder

	cli, err := terraformcli.New(ctx, dir, terraformcli.Provider+"/internal/bench/plugin")
	if err != nil {
		return err
	}
	b := &bench{dir: dir, latency: latency, repeat: repeat, cli: cli}
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
	listed, err := b.list(ctx)
	if err != nil {
		return err
	}
	fmt.Print(listTable(listed, latency))
	if out == "" {
		return nil
	}
	benchmarks, err := goBenchmarks(ctx)
	if err != nil {
		return err
	}
	return report(out, benchmarks, cli.Name+" "+cli.Version.String(), measured, listed, latency, sizes)
}

// goBenchmarks runs the Go benchmarks of the reader and of the decoding of a page.
func goBenchmarks(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", strings.Fields(benchmarkArgs)...).CombinedOutput() //nolint:gosec // a constant
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", benchmarkArgs, err, output)
	}
	var lines []string
	for line := range strings.Lines(string(output)) {
		if strings.HasPrefix(line, "Benchmark") {
			lines = append(lines, line)
		}
	}
	fmt.Print("\n", strings.Join(lines, ""))
	return strings.Join(lines, ""), nil
}

const benchmarkArgs = "test -run ^$ -bench . -benchmem ./internal/kantata ./internal/memberships"

type bench struct {
	dir     string
	latency time.Duration
	repeat  int
	cli     *terraformcli.CLI
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
		fastest := measurement{}
		for range b.repeat {
			m, err := b.terraform(ctx, fake, where, mode.name, "plan", "-detailed-exitcode")
			if err != nil {
				return nil, err
			}
			if fastest.Wall == 0 || m.Wall < fastest.Wall {
				fastest = m
			}
		}
		fastest.Memberships = n
		measured = append(measured, fastest)
	}
	return measured, nil
}

// list plans a configuration that reads all memberships of a large account through the list data source.
func (b *bench) list(ctx context.Context) (measurement, error) {
	fake := kantatatest.New()
	defer fake.Close()
	fake.SeedMemberships(groups, listed/groups, listed)
	work := filepath.Join(b.dir, "list")
	if err := write(work, listConfig, nil); err != nil {
		return measurement{}, err
	}
	fake.SetLatency(b.latency)
	m, err := b.terraform(ctx, fake, work, product, "plan")
	m.Memberships = listed
	return m, err
}

// listConfig fails unless each membership is listed once.
const listConfig = `
terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
  }
}
data "kantata_access_group_memberships" "all" {
  lifecycle {
    postcondition {
      condition     = length(toset(self.memberships[*].id)) == 100000
      error_message = "Not all memberships were listed once."
    }
  }
}
`

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
locals {
  managed = jsondecode(file("managed.json"))
}
resource "terraform_data" "this" {
  for_each = local.managed
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
	start := time.Now()
	output, code, err := b.cli.Run(ctx, dir, []string{
		"KANTATA_BASE_URL=" + fake.URL(), "KANTATA_ACCESS_TOKEN=" + kantatatest.Token,
		usage.ModeVariable + "=" + mode, usage.DirVariable + "=" + used,
	}, append(args, "-no-color", "-input=false")...)
	m := measurement{Mode: mode, Wall: time.Since(start), Requests: len(fake.Requests())}
	if err != nil {
		return m, err
	}
	if code != 0 {
		return m, fmt.Errorf("terraform %s in mode %s ended with %d\n%s", args[0], mode, code, output)
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
