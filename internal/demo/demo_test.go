package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// inEmptyTemp runs the test from the repository's root, with a folder for temporary files of its own.
func inEmptyTemp(t *testing.T) (temp string) {
	t.Helper()
	t.Chdir("../..")
	temp = t.TempDir()
	t.Setenv("TMPDIR", temp)
	return temp
}

func leftovers(t *testing.T, temp string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(temp, "kantata-demo*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestDemo(t *testing.T) {
	temp := inEmptyTemp(t)
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(temp, "missing"))
	t.Setenv("TF_CLI_ARGS", "-no-such-flag")
	var printed bytes.Buffer
	out := &screen{to: &printed}
	if err := play(t.Context(), out); err != nil {
		t.Fatalf("%v\n%s", err, printed.String())
	}
	for _, want := range []string{"3 added", "No changes.", "5. List who is in", "4 destroyed", "Emi Tanaka in Rate Card Editors"} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("it never says %q:\n%s", want, printed.String())
		}
	}
	if strings.Contains(printed.String(), "\x1b") {
		t.Error("colors without a terminal")
	}
	if left := leftovers(t, temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	picture := filepath.Join(temp, "demo.svg")
	if err := out.draw(picture); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(picture)
	if err != nil || !bytes.Contains(drawn, []byte("4 destroyed")) {
		t.Errorf("the picture lacks what was printed: %v", err)
	}
}

func TestDemoFailsWhereTerraformFails(t *testing.T) {
	temp := inEmptyTemp(t)
	broken := filepath.Join(temp, "terraform")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TF_ACC_TERRAFORM_PATH", broken)
	if err := play(t.Context(), &screen{to: &bytes.Buffer{}}); err == nil {
		t.Error("no error")
	}
	if left := leftovers(t, temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPlayground(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watched := &announcer{announced: cancel}
	if err := playground(ctx, &screen{to: watched}, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"export KANTATA_BASE_URL=http://127.0.0.1:", "export KANTATA_ACCESS_TOKEN=" + kantatatest.Token} {
		if !strings.Contains(watched.String(), want) {
			t.Errorf("it never says %q:\n%s", want, watched.String())
		}
	}
}

// announcer tells when the playground has said its last line.
type announcer struct {
	bytes.Buffer
	announced func()
}

func (a *announcer) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "Ctrl-C") {
		a.announced()
	}
	return a.Buffer.Write(p)
}
