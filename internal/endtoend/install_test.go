package endtoend

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

// envArchives names a folder of archives that `make snapshot` built; without it, the test builds an archive.
const envArchives = "KANTATA_TEST_ARCHIVES"

// TestInstallFromAMirror installs the archive as a user does: init finds it in a mirror, writes the lock file, and apply runs it. There
// is no development override.
func TestInstallFromAMirror(t *testing.T) {
	t.Parallel()
	archive, version := releaseArchive(t)
	host, err := cli.RegistryHost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkspace(t, company())
	mirror := filepath.Join(t.TempDir(), "mirror")
	if err := os.MkdirAll(filepath.Join(mirror, host, "kantata-community", "kantata"), 0o700); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mirror, host, "kantata-community", "kantata", filepath.Base(archive)), content, 0o600); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(t.TempDir(), "terraformrc")
	installation := fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(rc, installation, 0o600); err != nil {
		t.Fatal(err)
	}
	w.cli = cli.WithConfig(rc)

	// A snapshot is a prerelease. Terraform installs it only if the configuration names its exact version.
	w.write("main.tf", strings.Replace(example(t, "quickstart/main.tf"), `"~> 0.1"`, `"`+version+`"`, 1))
	w.says(w.run(0, "init"), "Installed kantata-community/kantata v"+version)
	lock := strings.Join(strings.Fields(w.read(".terraform.lock.hcl")), " ")
	if !strings.Contains(lock, `version = "`+version+`"`) || !strings.Contains(lock, `"h1:`) {
		t.Errorf("got the lock file below, want version %s and an h1 checksum\n%s", version, lock)
	}
	w.says(w.run(0, "apply", "-auto-approve"), "3 added")
	w.says(w.run(0, "plan", "-detailed-exitcode"), "No changes.")
	for _, request := range w.kantata.Requests() {
		if agent := request.Header.Get("User-Agent"); !strings.HasPrefix(agent, "terraform-provider-kantata/"+version+" Terraform/") {
			t.Errorf("got the user agent %q, want version %s", agent, version)
		}
	}
}

// releaseArchive returns an archive for this platform, and its version.
func releaseArchive(t *testing.T) (path, version string) {
	t.Helper()
	if dir := os.Getenv(envArchives); dir != "" {
		found, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("terraform-provider-kantata_*_%s_%s.zip", runtime.GOOS, runtime.GOARCH)))
		if err != nil || len(found) != 1 {
			t.Fatalf("got the archives %v and the error %v, want one for this platform in %s", found, err, dir)
		}
		name := regexp.MustCompile(`_(.+)_` + runtime.GOOS + `_`).FindStringSubmatch(filepath.Base(found[0]))
		version = name[1]
		binary := extract(t, found[0])
		checkVersion(t, binary, version)
		return found[0], version
	}
	version = "0.0.1-snapshot"
	dir := t.TempDir()
	binary := filepath.Join(dir, "terraform-provider-kantata_v"+version)
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version,
		"-o", binary, terraformcli.Provider)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: got the error %v, want none\n%s", err, output)
	}
	checkVersion(t, binary, version)
	path = filepath.Join(dir, fmt.Sprintf("terraform-provider-kantata_%s_%s_%s.zip", version, runtime.GOOS, runtime.GOARCH))
	pack(t, path, binary)
	return path, version
}

func checkVersion(t *testing.T, binary, version string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), binary, "-version").Output()
	if err != nil || strings.TrimSpace(string(output)) != version {
		t.Errorf("-version: got %q and the error %v, want %s", output, err, version)
	}
}

func pack(t *testing.T, path, binary string) {
	t.Helper()
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	header := &zip.FileHeader{Name: filepath.Base(binary), Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// extract unpacks the provider's executable from an archive and returns its path. The archive must contain only it and the license.
func extract(t *testing.T, path string) string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close() //nolint:errcheck // only read
	var binary string
	for _, file := range archive.File {
		if file.Name == "LICENSE" {
			continue
		}
		if binary != "" || !strings.HasPrefix(file.Name, "terraform-provider-kantata_v") {
			t.Errorf("got the file %s in %s, want the provider and the license only", file.Name, path)
			continue
		}
		opened, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		binary = filepath.Join(t.TempDir(), file.Name)
		if err := os.WriteFile(binary, content, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return binary
}
