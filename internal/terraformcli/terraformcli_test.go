package terraformcli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-version"
)

func TestSupports(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cli, version, terraform, opentofu string
		want                              bool
	}{
		"older":                  {"Terraform", "1.11.4", "1.12.0", "1.6.0", false},
		"equal":                  {"Terraform", "1.12.0", "1.12.0", "", true},
		"newer":                  {"Terraform", "1.15.0", "1.12.0", "", true},
		"a pre-release":          {"Terraform", "1.12.0-beta1", "1.12.0", "", true},
		"OpenTofu":               {OpenTofu, "1.8.0", "1.12.0", "1.7.0", true},
		"older OpenTofu":         {OpenTofu, "1.6.0", "1.5.0", "1.7.0", false},
		"a feature of Terraform": {OpenTofu, "1.12.0", "1.12.0", "", false},
		"a feature of OpenTofu":  {"Terraform", "1.12.0", "", "1.7.0", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli := &CLI{Name: test.cli, Version: version.Must(version.NewVersion(test.version))}
			if got := cli.Supports(test.terraform, test.opentofu); got != test.want {
				t.Errorf("%s %s supports Terraform %q, OpenTofu %q: got %t, want %t",
					test.cli, test.version, test.terraform, test.opentofu, got, test.want)
			}
		})
	}
}

// TestCallersConfigurationHasNoEffect protects tests and demo from what a developer has configured.
func TestCallersConfigurationHasNoEffect(t *testing.T) {
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("TF_CLI_ARGS", "-no-such-flag")
	t.Setenv("KANTATA_ACCESS_TOKEN", "a token")
	cli, err := Find(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	command := cli.Command(t.Context(), t.TempDir(), []string{"KANTATA_MAX_RETRIES=1"}, "version")
	var got []string
	for _, variable := range command.Env {
		if strings.HasPrefix(variable, "TF_") || strings.HasPrefix(variable, "KANTATA_") {
			got = append(got, variable)
		}
	}
	if want := []string{"TF_CLI_CONFIG_FILE=" + cli.ConfigFile(), "KANTATA_MAX_RETRIES=1"}; !slices.Equal(got, want) {
		t.Errorf("variables for Terraform: got %q, want %q", got, want)
	}
	output, code, err := cli.Run(t.Context(), t.TempDir(), nil, "no-such-command")
	if err != nil || code == 0 || output == "" {
		t.Errorf("a command that fails: got output %q, exit code %d and error %v, want output, another code and no error", output, code, err)
	}
}

func TestFindPrefersTheConfiguredPath(t *testing.T) {
	const configured = "no-such-terraform"
	t.Setenv(envPath, configured)
	if _, err := Find(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), configured) {
		t.Errorf("got error %v, want one that names %s", err, configured)
	}
}

func TestNewFailsIfTheProviderDoesNotCompile(t *testing.T) {
	t.Chdir("../..")
	dir := t.TempDir()
	if _, err := New(t.Context(), dir, "./internal/no-such-package"); err == nil || !strings.Contains(err.Error(), "building the provider") {
		t.Errorf("got error %v, want one about building the provider", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "bin")); err == nil {
		t.Error("got a build, want none")
	}
}
