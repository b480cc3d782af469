package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

func TestDemo(t *testing.T) {
	temp := atRoot(t)
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(temp, "missing"))
	t.Setenv("TF_CLI_ARGS", "-no-such-flag")
	var printed bytes.Buffer
	out := &screen{to: &printed}
	if err := play(t.Context(), out); err != nil {
		t.Fatalf("%v\n%s", err, printed.String())
	}
	for _, want := range []string{"3 added", "No changes.", "5. List the members", "4 destroyed", "Removed: Jane Doe", "Kept:    Emi Tanaka"} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("got output without %q, want it:\n%s", want, printed.String())
		}
	}
	if strings.Contains(printed.String(), "\x1b") {
		t.Error("got colors, want none without a terminal")
	}
	checkNoLeftovers(t, temp)
	checkBlocks(t, out)

	cli, err := terraformcli.Find(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if cli.Name == terraformcli.OpenTofu || !cli.Supports("1.5.0", "") {
		return // it prints other commands than those in the picture
	}
	committed, err := os.ReadFile("internal/demo/demo.svg")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(comparable(out.picture()), comparable(string(committed))); diff != "" {
		t.Errorf("internal/demo/demo.svg is not what the demo prints: run make picture (-want +got):\n%s", diff)
	}
}

// comparable replaces what differs from one run to the next.
func comparable(picture string) string {
	for pattern, replacement := range map[string]string{
		`Terraform \d\S*,`: "Terraform VERSION,",
		`memberships: \d+`: "memberships: N", // depends on timing; the demo checks the bounds
		`\d+ seconds`:      "N seconds",
	} {
		picture = regexp.MustCompile(pattern).ReplaceAllString(picture, replacement)
	}
	return picture
}

// checkBlocks checks that a reader can copy each block of configuration that was printed.
func checkBlocks(t *testing.T, out *screen) {
	t.Helper()
	blocks := []string{""}
	for _, l := range out.lines {
		last := len(blocks) - 1
		switch {
		case l.style == code:
			blocks[last] += l.text + "\n"
		case blocks[last] != "":
			blocks = append(blocks, "")
		}
	}
	if blocks = blocks[:len(blocks)-1]; len(blocks) < 2 {
		t.Fatalf("got %d printed blocks, want at least 2", len(blocks))
	}
	for _, block := range blocks {
		if _, diagnostics := hclsyntax.ParseConfig([]byte(block), "", hcl.InitialPos); diagnostics.HasErrors() {
			t.Errorf("got a printed block that does not parse, want valid configuration: %v\n%s", diagnostics, block)
		}
	}
}

func TestDemoFailsIfTerraformFails(t *testing.T) {
	temp := atRoot(t)
	broken := filepath.Join(temp, "terraform")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TF_ACC_TERRAFORM_PATH", broken)
	if err := play(t.Context(), &screen{to: &bytes.Buffer{}}); err == nil {
		t.Error("got no error, want one")
	}
	checkNoLeftovers(t, temp)
}

// TestPlayground runs what the playground prints for its users: the exports, and the commands that change memberships.
func TestPlayground(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("bin", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cliConfig, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watched := &announcer{announced: func(printed string) {
		defer cancel()
		runCommands(ctx, t, printed)
	}}
	if err := playground(ctx, &screen{to: watched}, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	want := []string{"  export TF_CLI_CONFIG_FILE='", "  export KANTATA_ACCESS_TOKEN=" + kantatatest.Token}
	for _, g := range accessGroups {
		want = append(want, g.name)
	}
	for _, p := range people {
		want = append(want, p.name, p.emailAddress)
	}
	for _, text := range want {
		if !strings.Contains(watched.String(), text) {
			t.Errorf("got output without %q, want it:\n%s", text, watched.String())
		}
	}
}

func runCommands(ctx context.Context, t *testing.T, printed string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("curl is not on the path: the printed commands are not run")
		return
	}
	exports := strings.Join(regexp.MustCompile(`(?m)^  export .*$`).FindAllString(printed, -1), "\n")
	commands := regexp.MustCompile(`(?m)^  curl (?:.*\\\n)*.*$`).FindAllString(printed, -1)
	if len(commands) != 2 {
		t.Errorf("got %d curl commands, want 2:\n%s", len(commands), printed)
	}
	for _, command := range commands {
		// The caller's .curlrc and proxy have no effect.
		script := exports + "\n" + strings.Replace(command, "curl ", "curl --disable --noproxy '*' --silent --show-error --fail ", 1)
		if output, err := exec.CommandContext(ctx, "sh", "-c", script).CombinedOutput(); err != nil {
			t.Errorf("got %v and %q, want success, for\n%s", err, output, script)
		}
	}
}

func TestPlaygroundNeedsABuild(t *testing.T) {
	t.Chdir(t.TempDir())
	err := playground(t.Context(), &screen{to: &bytes.Buffer{}}, "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "make playground") {
		t.Errorf("got error %v, want one that names make playground", err)
	}
}
