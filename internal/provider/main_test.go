package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

// TestMain gives the test framework a Terraform or an OpenTofu, with an empty CLI configuration and without the caller's settings.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "kantata-provider-test")
	if err == nil {
		err = prepare(context.Background(), dir)
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

func prepare(ctx context.Context, dir string) error {
	cli, err := terraformcli.Find(ctx, dir)
	if err != nil {
		return err
	}
	live := os.Getenv("TF_ACC") != "" // TestAccLive reads its account from the environment
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "TF_") && name != "TF_ACC" || strings.HasPrefix(name, "KANTATA_") && !live {
			err = errors.Join(err, os.Unsetenv(name))
		}
	}
	err = errors.Join(err, os.Setenv("TF_CLI_CONFIG_FILE", cli.ConfigFile()), os.Setenv("TF_ACC_TERRAFORM_PATH", cli.Path))
	if cli.Name == terraformcli.OpenTofu {
		// The test framework offers the provider under Terraform's default host and a namespace that OpenTofu refuses.
		host, hostErr := cli.RegistryHost(ctx)
		err = errors.Join(err, hostErr, os.Setenv("TF_ACC_PROVIDER_HOST", host), os.Setenv("TF_ACC_PROVIDER_NAMESPACE", "hashicorp"))
	}
	return err
}
