// Package terraformcli runs the real Terraform or OpenTofu with a provider of this checkout, for the demo, the benchmark and the tests.
// The caller's CLI configuration and its TF_ and KANTATA_ variables have no effect, and no registry receives a request.
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

	// OpenTofu is the Name of a [CLI] that is not Terraform.
	OpenTofu = "OpenTofu"

	envPath = "TF_ACC_TERRAFORM_PATH"
)

// CLI is a Terraform or an OpenTofu with a provider built from this checkout.
type CLI struct {
	// Path is the executable.
	Path string
	// Name is "Terraform" or [OpenTofu].
	Name string
	// Version is the version of the executable, for example 1.11.4.
	Version *version.Version

	config string
}

// Find returns the CLI at TF_ACC_TERRAFORM_PATH, or the terraform or tofu on the path. If none exists, it installs the newest Terraform
// into dir. The caller removes dir.
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

// New finds a CLI as [Find] does, builds the package of a provider into dir, and makes the CLI use that build.
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
	return cli.WithProvider(bin)
}

// WithProvider returns the CLI with the provider whose executable is in the folder.
func (c *CLI) WithProvider(folder string) (*CLI, error) {
	const overrides = "provider_installation {\n  dev_overrides {\n    \"kantata-community/kantata\" = %q\n  }\n  direct {}\n}\n"
	file := filepath.Join(folder, "terraformrc")
	return c.WithConfig(file), os.WriteFile(file, fmt.Appendf(nil, overrides, folder), 0o600)
}

// ConfigFile returns the path of the CLI configuration that replaces the caller's.
func (c *CLI) ConfigFile() string { return c.config }

// WithConfig returns the CLI with another CLI configuration file.
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
		return "", fmt.Errorf("neither terraform nor tofu is on the path, and installing Terraform failed: %w", err)
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
	// Both print the same JSON. Only the text contains the product's name.
	output, err = c.Command(ctx, ".", nil, "version").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", c.Path, err)
	}
	c.Name, _, _ = strings.Cut(string(output), " ")
	return nil
}

// Supports reports whether the CLI has a feature that these versions of Terraform and OpenTofu introduced, pre-releases included. "" means
// that no version has it.
func (c *CLI) Supports(terraform, opentofu string) bool {
	lowest := terraform
	if c.Name == OpenTofu {
		lowest = opentofu
	}
	return lowest != "" && c.Version.Core().GreaterThanOrEqual(version.Must(version.NewVersion(lowest)))
}

// Command returns a command that runs in dir with the variables added to its environment. If ctx ends, the command is interrupted as by
// Ctrl-C, so that Terraform saves its state, and killed after 30 seconds.
func (c *CLI) Command(ctx context.Context, dir string, variables []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, c.Path, args...) //nolint:gosec // Terraform, with arguments of this project
	command.Dir = dir
	command.Env = append(environment(), "TF_CLI_CONFIG_FILE="+c.config, "CHECKPOINT_DISABLE=1")
	command.Env = append(command.Env, variables...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	return command
}

// Run runs a command and returns its standard output followed by its standard error, and its exit code. The error is not nil only if the
// command could not run or ctx ended.
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

// RegistryHost returns the registry host of a provider source that names no host. Terraform and OpenTofu have different ones.
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
		return "", fmt.Errorf("%s providers: got output without the host of kantata-community/kantata, want it\n%s", c.Path, output)
	}
	return host, nil
}

// environment returns the caller's environment without the variables that change what Terraform or the provider does.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "KANTATA_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
