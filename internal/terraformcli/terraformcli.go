// Package terraformcli runs the real Terraform or OpenTofu with a provider of this checkout, for the demo, the benchmark and
// the tests. Nothing of the caller's CLI configuration or environment reaches it, and no registry is asked.
package terraformcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

const (
	// Provider is the package of the product.
	Provider = "github.com/kantata-community/terraform-provider-kantata"

	// OpenTofu is the name of what is not Terraform.
	OpenTofu = "OpenTofu"

	envPath = "TF_ACC_TERRAFORM_PATH"
)

// CLI is a Terraform or an OpenTofu with a provider built from this checkout.
type CLI struct {
	// Path is the executable.
	Path string
	// Name is "Terraform" or [OpenTofu].
	Name string
	// Version is its own, for example 1.11.4.
	Version *version.Version

	config string
}

// Find returns the Terraform at TF_ACC_TERRAFORM_PATH, or terraform or tofu of the path; when there is none, it installs the latest
// Terraform into dir. dir is the caller's to remove.
func Find(ctx context.Context, dir string) (*CLI, error) {
	cli := &CLI{config: filepath.Join(dir, "terraformrc")}
	if err := os.WriteFile(cli.config, nil, 0o600); err != nil {
		return nil, err
	}
	var err error
	if cli.Path, err = find(ctx, dir); err != nil {
		return nil, err
	}
	return cli, cli.learnVersion(ctx)
}

// New finds a Terraform, as [Find] does, and has it use the provider whose package is given, built into dir.
func New(ctx context.Context, dir, provider string) (*CLI, error) {
	cli, err := Find(ctx, dir)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(dir, "bin")
	executable := filepath.Join(bin, "terraform-provider-kantata")
	if runtime.GOOS == "windows" {
		executable += ".exe"
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", executable, provider) //nolint:gosec // a package of this module
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the provider: %w\n%s", err, output)
	}
	rc := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"kantata-community/kantata\" = %q\n  }\n  direct {}\n}\n", bin)
	return cli, os.WriteFile(cli.config, []byte(rc), 0o600)
}

// ConfigFile returns the CLI configuration that is used in place of the caller's.
func (c *CLI) ConfigFile() string { return c.config }

// WithConfig returns the CLI with another CLI configuration file in place of the development override.
func (c *CLI) WithConfig(file string) *CLI {
	other := *c
	other.config = file
	return &other
}

func find(ctx context.Context, dir string) (string, error) {
	if path := os.Getenv(envPath); path != "" {
		return path, nil
	}
	for _, name := range []string{"terraform", "tofu"} {
		path, err := exec.LookPath(name)
		if err == nil {
			return filepath.Abs(path)
		}
	}
	path, err := (&releases.LatestVersion{Product: product.Terraform, InstallDir: dir}).Install(ctx)
	if err != nil {
		return "", fmt.Errorf("neither terraform nor tofu is on the path, and Terraform could not be installed: %w", err)
	}
	return path, nil
}

func (c *CLI) learnVersion(ctx context.Context) error {
	output, err := c.Command(ctx, ".", nil, "version", "-json").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", c.Path, err)
	}
	var v struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(output, &v); err != nil {
		return fmt.Errorf("%s version: %w", c.Path, err)
	}
	if c.Version, err = version.NewVersion(v.Version); err != nil {
		return fmt.Errorf("%s version: %w", c.Path, err)
	}
	// Both print the same JSON; only the text names the product.
	output, err = c.Command(ctx, ".", nil, "version").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", c.Path, err)
	}
	c.Name, _, _ = strings.Cut(string(output), " ")
	return nil
}

// Supports reports whether the CLI has what came with these versions of Terraform and of OpenTofu; "" is none. Pre-releases count.
func (c *CLI) Supports(terraform, opentofu string) bool {
	lowest := terraform
	if c.Name == OpenTofu {
		lowest = opentofu
	}
	return lowest != "" && c.Version.Core().GreaterThanOrEqual(version.Must(version.NewVersion(lowest)))
}

// Command returns a command that runs in dir with the variables added to the environment. When its context ends it is
// interrupted, as by Ctrl-C, so that Terraform saves its state.
func (c *CLI) Command(ctx context.Context, dir string, variables []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, c.Path, args...) //nolint:gosec // Terraform, with arguments of this project
	command.Dir = dir
	command.Env = append(environment(), "TF_CLI_CONFIG_FILE="+c.config, "CHECKPOINT_DISABLE=1")
	command.Env = append(command.Env, variables...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	return command
}

// Run runs a command and returns what it printed, standard error after standard output, and its exit code; the error is set only
// when it could not be run.
func (c *CLI) Run(ctx context.Context, dir string, variables []string, args ...string) (output string, exitCode int, err error) {
	var stdout, stderr strings.Builder
	command := c.Command(ctx, dir, variables, args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	return stdout.String() + stderr.String(), command.ProcessState.ExitCode(), err
}

// RegistryHost returns the host of the registry that the CLI asks when a source names none. Terraform and OpenTofu differ in it.
func (c *CLI) RegistryHost(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(c.config), "host")
	if err != nil {
		return "", err
	}
	const config = "terraform {\n  required_providers {\n    kantata = { source = \"kantata-community/kantata\" }\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		return "", err
	}
	output, _, err := c.Run(ctx, dir, nil, "providers")
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(output, "provider[")
	host, _, found := strings.Cut(after, "/kantata-community/kantata]")
	if !found {
		return "", fmt.Errorf("%s providers does not name the registry's host:\n%s", c.Path, output)
	}
	return host, nil
}

// environment is the caller's without what would change what Terraform or the provider does.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "KANTATA_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
