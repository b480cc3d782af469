// Package endtoend tests the built provider as users run it: in a process that the real CLI starts.
package endtoend

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	// The tests build the provider. Because of this import, Go repeats them if it changes, instead of using cached results.
	_ "github.com/kantata-community/terraform-provider-kantata/internal/provider"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

var cli *terraformcli.CLI

const requirement = `terraform {
  required_providers {
    kantata = { source = "kantata-community/kantata" }
  }
}
`

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "kantata-endtoend")
	if err == nil {
		cli, err = terraformcli.New(context.Background(), dir, terraformcli.Provider)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// workspace is a folder with a configuration, and the Kantata that it is applied to.
type workspace struct {
	t       *testing.T
	kantata *kantatatest.Server
	cli     *terraformcli.CLI
	dir     string
	env     []string
}

func newWorkspace(t *testing.T, kantata *kantatatest.Server) *workspace {
	t.Helper()
	t.Cleanup(kantata.Close)
	return &workspace{t: t, kantata: kantata, cli: cli, dir: t.TempDir(), env: []string{
		"KANTATA_BASE_URL=" + kantata.URL(), "KANTATA_ACCESS_TOKEN=" + kantatatest.Token,
	}}
}

func company() *kantatatest.Server {
	kantata := kantatatest.New()
	kantata.SeedCompany()
	return kantata
}

func (w *workspace) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// copy copies files from the folder of examples to the workspace.
func (w *workspace) copy(files ...string) {
	w.t.Helper()
	for _, file := range files {
		w.write(filepath.Base(file), example(w.t, file))
	}
}

func example(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "examples", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// run runs a command that must end with the exit code. It returns the output as one line, without the frames of diagnostics.
func (w *workspace) run(code int, args ...string) string {
	w.t.Helper()
	args = append([]string{args[0], "-no-color"}, args[1:]...)
	output, got, err := w.cli.Run(w.t.Context(), w.dir, w.env, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	if got != code {
		w.t.Fatalf("%s: got exit code %d, want %d\n%s", strings.Join(args, " "), got, code, output)
	}
	return regexp.MustCompile(`[\s│╷╵]+`).ReplaceAllString(output, " ")
}

// output returns an output's value, as `terraform output -raw` prints it.
func (w *workspace) output(name string) string {
	w.t.Helper()
	output, got, err := w.cli.Run(w.t.Context(), w.dir, w.env, "output", "-raw", name)
	if err != nil || got != 0 {
		w.t.Fatalf("output %s: got exit code %d and error %v, want 0 and none\n%s", name, got, err, output)
	}
	return output
}

// says fails unless the output contains each of the texts.
func (w *workspace) says(output string, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			w.t.Errorf("got the output below, want %q in it:\n%s", text, output)
		}
	}
}

// requests returns the number of requests with the method, or of those below the path, such as "/users".
func (w *workspace) requests(of string) int {
	n := 0
	for _, r := range w.kantata.Requests() {
		if r.Method == of || strings.HasPrefix(r.Path, of) {
			n++
		}
	}
	return n
}

// needs skips the test if the CLI lacks a feature, which these versions of Terraform and OpenTofu introduced. "" means that no version has
// it.
func needs(t *testing.T, feature, terraform, opentofu string) {
	t.Helper()
	if !cli.Supports(terraform, opentofu) {
		t.Skipf("%s: needs Terraform %s or OpenTofu %s; this is %s %s", feature, terraform, cmp.Or(opentofu, "(none)"), cli.Name, cli.Version)
	}
}
