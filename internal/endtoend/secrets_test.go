package endtoend

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const people = requirement + `data "kantata_users" "team" {
  email_addresses = ["jane@example.com", "amir@example.com"]
}
data "kantata_access_groups" "all" {}
data "kantata_access_group_memberships" "all" {}
resource "kantata_access_group_membership" "first" {
  access_group_id = "340001"
  user_id         = data.kantata_users.team.ids_by_email_address["jane@example.com"]
}
`

const refused = `
resource "kantata_access_group_membership" "refused" {
  access_group_id = "340002"
  user_id         = "12000003"
}
`

// TestTokenIsNowhere looks for the token in everything that a run prints and writes (rule 8), with Terraform's most detailed log, while
// Kantata repeats the token in its errors.
func TestTokenIsNowhere(t *testing.T) {
	t.Parallel()
	const withAttribute = `
variable "token" {
  type      = string
  sensitive = true
}
provider "kantata" {
  access_token = var.token
}
`
	for name, provider := range map[string]string{"from the environment": "provider \"kantata\" {}\n", "from an attribute": withAttribute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kantata := company()
			kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
			kantata.Inject(kantatatest.Fault{
				Method: http.MethodPost, Status: http.StatusUnprocessableEntity,
				Body: strings.ReplaceAll(
					`{"errors":[{"type":"validation","message":"Authorization: Bearer TOKEN may not","field":"TOKEN"}]}`, "TOKEN", kantatatest.Token),
				Header: http.Header{"X-Debug": {kantatatest.Token}},
				Match:  func(r kantatatest.Request) bool { return strings.Contains(r.Body, "12000003") },
			})
			w := newWorkspace(t, kantata)
			w.write("main.tf", provider+people)
			if provider == withAttribute {
				w.env = []string{"KANTATA_BASE_URL=" + kantata.URL(), "TF_VAR_token=" + kantatatest.Token}
			}
			w.env = append(w.env, "TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(w.dir, "trace.log"))
			printed := w.run(0, "plan", "-out=saved.tfplan")
			printed += w.run(0, "apply", "saved.tfplan")
			w.write("refused.tf", refused)
			failed := w.run(1, "apply", "-auto-approve")
			w.says(failed, "422 Unprocessable Entity", "[redacted]")
			if strings.Contains(printed+failed, kantatatest.Token) {
				t.Error("got output with the token, want output without it")
			}
			if provider == withAttribute {
				// Terraform writes the values of all variables into a saved plan. A provider cannot change that.
				if err := os.Remove(filepath.Join(w.dir, "saved.tfplan")); err != nil {
					t.Fatal(err)
				}
			}
			log := w.read("trace.log")
			w.says(log, "[TRACE]", "sdk.framework", "Kantata API request", "POST", "request_id=")
			w.lacks(kantatatest.Token)
		})
	}
}

// TestPeopleAreNotLogged checks that logs below TRACE contain no names or e-mail addresses.
func TestPeopleAreNotLogged(t *testing.T) {
	t.Parallel()
	kantata := company()
	kantata.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
	w := newWorkspace(t, kantata)
	w.write("main.tf", people)
	w.env = append(w.env, "TF_LOG=DEBUG", "TF_LOG_PATH="+filepath.Join(w.dir, "debug.log"))
	w.run(0, "apply", "-auto-approve")
	w.run(0, "plan", "-detailed-exitcode")
	log := w.read("debug.log")
	w.says(log, "[DEBUG]", "Kantata API request")
	for _, person := range []string{"jane", "amir", "Jane", "Amir", "example.com"} {
		for line := range strings.SplitSeq(log, "\n") {
			if strings.Contains(line, person) && strings.Contains(line, "provider.terraform-provider-kantata") {
				t.Errorf("got a line of the log that contains %q, want none: %s", person, line)
			}
		}
	}
}

func (w *workspace) read(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

// lacks fails if a file of the workspace contains the secret. It also searches the files in a saved plan, which is an archive.
func (w *workspace) lacks(secret string) {
	w.t.Helper()
	files := 0
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if bytes.Contains(content, []byte(secret)) {
			w.t.Errorf("got the secret in %s, want it nowhere", entry.Name())
		}
		if filepath.Ext(path) != ".tfplan" {
			return nil
		}
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return err
		}
		for _, file := range archive.File {
			opened, err := file.Open()
			if err != nil {
				return err
			}
			content, err := io.ReadAll(opened)
			if err != nil {
				return err
			}
			if bytes.Contains(content, []byte(secret)) {
				w.t.Errorf("got the secret in %s in %s, want it nowhere", file.Name, entry.Name())
			}
		}
		return nil
	})
	if err != nil || files < 3 {
		w.t.Errorf("got %d files that were searched and error %v, want at least 3 and no error", files, err)
	}
}
