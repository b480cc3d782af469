// Package house tests the repository itself: that its picture, its published names and its links are what they say.
package house

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const (
	root   = "../.."
	module = "github.com/kantata-community/terraform-provider-kantata"
)

var update = flag.Bool("update", false, "write the published names anew, after a release")

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// goCommand runs the go command at the root.
func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return output
}

// TestPictureOfTheHouse holds the picture in CONTRIBUTING.md against the imports of the code, tests aside.
func TestPictureOfTheHouse(t *testing.T) {
	t.Parallel()
	drawn := map[string]string{}
	_, after, _ := strings.Cut(read(t, "CONTRIBUTING.md"), "## The house")
	_, after, _ = strings.Cut(after, "```\n")
	picture, _, _ := strings.Cut(after, "```")
	for _, line := range regexp.MustCompile(`(?m)^(\S+)(?: +-> (\S+(?:, \S+)*))? {2,}\S`).FindAllStringSubmatch(picture, -1) {
		rooms := strings.Split(line[2], ", ")
		slices.Sort(rooms)
		drawn[line[1]] = strings.Join(rooms, ", ")
	}

	short := func(path string) string {
		return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(path, module), "/internal/"), "main")
	}
	built := map[string]string{}
	decoder := json.NewDecoder(bytes.NewReader(goCommand(t, "list", "-json=ImportPath,Imports,GoFiles", "./...")))
	for decoder.More() {
		var p struct {
			ImportPath       string
			Imports, GoFiles []string
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) == 0 {
			continue
		}
		var rooms []string
		for _, path := range p.Imports {
			if strings.HasPrefix(path, module) {
				rooms = append(rooms, short(path))
			}
		}
		slices.Sort(rooms)
		built[short(p.ImportPath)] = strings.Join(rooms, ", ")
	}
	if !maps.Equal(drawn, built) {
		t.Errorf("CONTRIBUTING.md draws\n%s\nand the code is\n%s", list(drawn), list(built))
	}
}

func list(rooms map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(rooms)) {
		fmt.Fprintf(&b, "  %s -> %s\n", name, rooms[name])
	}
	return b.String()
}

const published = "testdata/published.txt"

// TestPublishedNames holds the names and types that users rely on: a change fails until an unreleased entry of the changelog names
// what it changes.
func TestPublishedNames(t *testing.T) {
	t.Parallel()
	schemas := goCommand(t, "run", "./internal/schemajson")
	if string(schemas) != read(t, "internal/schemajson/schema.json") {
		t.Error("internal/schemajson/schema.json is not what the schemas are: run make generate")
	}
	now := names(t, schemas)
	if *update {
		if err := os.WriteFile(published, []byte(strings.Join(now, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Split(strings.TrimSpace(string(content)), "\n")
	entries := unreleased(t)
	for _, change := range changes(before, now) {
		if subject, _, _ := strings.Cut(change[2:], ":"); !strings.Contains(entries, subject) {
			t.Errorf("published names changed:\n%s\nIf users shall have this, add an entry to .changes/unreleased that names %s.", change, subject)
		}
	}
}

// names returns a line for everything that a configuration or a state can refer to.
func names(t *testing.T, schemas []byte) []string {
	t.Helper()
	type attribute struct {
		Type       json.RawMessage `json:"type"`
		Required   bool            `json:"required"`
		Optional   bool            `json:"optional"`
		Computed   bool            `json:"computed"`
		Sensitive  bool            `json:"sensitive"`
		ForImport  bool            `json:"required_for_import"`
		NestedType *struct {
			Attributes  map[string]attribute `json:"attributes"`
			NestingMode string               `json:"nesting_mode"`
		} `json:"nested_type"`
	}
	type schema struct {
		Version    int                  `json:"version"`
		Attributes map[string]attribute `json:"attributes"` // of an identity
		Block      struct {
			Attributes map[string]attribute `json:"attributes"`
		} `json:"block"`
	}
	var all struct {
		Schemas map[string]struct {
			Provider   schema            `json:"provider"`
			Resources  map[string]schema `json:"resource_schemas"`
			Data       map[string]schema `json:"data_source_schemas"`
			Lists      map[string]schema `json:"list_resource_schemas"`
			Identities map[string]schema `json:"resource_identity_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(schemas, &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	var attributes func(subject string, of map[string]attribute)
	attributes = func(subject string, of map[string]attribute) {
		for name, a := range of {
			var kind bytes.Buffer
			if len(a.Type) > 0 {
				if err := json.Compact(&kind, a.Type); err != nil {
					t.Fatal(err)
				}
			}
			words := []string{kind.String()}
			if a.NestedType != nil {
				words[0] = a.NestedType.NestingMode
				attributes(subject+"."+name, a.NestedType.Attributes)
			}
			for word, set := range map[string]bool{"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive, "required for import": a.ForImport} {
				if set {
					words = append(words, word)
				}
			}
			slices.Sort(words[1:])
			lines = append(lines, fmt.Sprintf("%s.%s: %s", subject, name, strings.Join(words, " ")))
		}
	}
	provider := all.Schemas["kantata"]
	attributes("provider", provider.Provider.Block.Attributes)
	for kind, of := range map[string]map[string]schema{"resource": provider.Resources, "data source": provider.Data, "list resource": provider.Lists, "identity": provider.Identities} {
		for name, s := range of {
			subject := kind + " " + name
			lines = append(lines, fmt.Sprintf("%s: version %d", subject, s.Version))
			attributes(subject, s.Block.Attributes)
			attributes(subject, s.Attributes)
		}
	}
	slices.Sort(lines)
	return lines
}

// changes returns the lines that differ, as "- line" and "+ line".
func changes(before, now []string) []string {
	var differ []string
	for _, line := range before {
		if !slices.Contains(now, line) {
			differ = append(differ, "- "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			differ = append(differ, "+ "+line)
		}
	}
	return differ
}

func unreleased(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".changes", "unreleased", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(content)
	}
	return b.String()
}

// TestChangelogHoldsTheUnreleased fails until the entries of the next release are in CHANGELOG.md, where readers look.
func TestChangelogHoldsTheUnreleased(t *testing.T) {
	t.Parallel()
	oneLine := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	changelog := oneLine(read(t, "CHANGELOG.md"))
	for _, match := range regexp.MustCompile(`(?s)body: (?:>-)?(.*?)\ntime:`).FindAllStringSubmatch(unreleased(t), -1) {
		if entry := oneLine(match[1]); !strings.Contains(changelog, entry) {
			t.Errorf("CHANGELOG.md lacks this entry; run make changelog:\n%s", entry)
		}
	}
}

func TestChangesAreSeen(t *testing.T) {
	t.Parallel()
	before := []string{"resource x.a: string required", "resource x.b: string computed"}
	now := []string{"resource x.a: string optional", "resource x.b: string computed", "resource x.c: bool"}
	want := []string{"- resource x.a: string required", "+ resource x.a: string optional", "+ resource x.c: bool"}
	if got := changes(before, now); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLinks holds that every relative link of the pages leads to a file, and to a heading of it where it names one.
func TestLinks(t *testing.T) {
	t.Parallel()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "internal/*/*.md", ".github/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 15 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(content), -1) {
			target, err := url.Parse(match[1])
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if target.IsAbs() {
				continue
			}
			file := page
			if target.Path != "" {
				file = filepath.Join(filepath.Dir(page), filepath.FromSlash(target.Path))
			}
			text, err := os.ReadFile(file)
			if os.IsNotExist(err) {
				// The Registry's links have no ending.
				text, err = os.ReadFile(file + ".md")
			}
			if err != nil {
				t.Errorf("%s links to %s, which is not there", page, match[1])
				continue
			}
			if target.Fragment != "" && !slices.Contains(anchors(string(text)), target.Fragment) {
				t.Errorf("%s links to %s, which has no such heading", page, match[1])
			}
		}
	}
}

// TestNoDiagnosticsAreDropped fails where a call's diagnostics are neither appended nor assigned.
func TestNoDiagnosticsAreDropped(t *testing.T) {
	t.Parallel()
	loaded, err := packages.Load(&packages.Config{Context: t.Context(), Dir: root, Mode: packages.LoadSyntax}, "./internal/provider")
	if err != nil || len(loaded) != 1 || len(loaded[0].Errors) > 0 {
		t.Fatalf("%v %v", err, loaded)
	}
	provider, calls := loaded[0], 0
	returnsDiagnostics := func(e ast.Expr) bool {
		call, ok := e.(*ast.CallExpr)
		return ok && strings.Contains(provider.TypesInfo.TypeOf(call).String(), "diag.Diagnostic")
	}
	for _, file := range provider.Syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case ast.Expr:
				if returnsDiagnostics(n) {
					calls++
				}
			case *ast.ExprStmt:
				if returnsDiagnostics(n.X) {
					t.Errorf("%s drops diagnostics", provider.Fset.Position(n.Pos()))
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if name, ok := left.(*ast.Ident); ok && name.Name == "_" && len(n.Rhs) == len(n.Lhs) && returnsDiagnostics(n.Rhs[i]) {
						t.Errorf("%s drops diagnostics", provider.Fset.Position(n.Pos()))
					}
				}
			}
			return true
		})
	}
	if calls < 20 {
		t.Errorf("only %d calls that return diagnostics were found", calls)
	}
}

// anchors returns the names that GitHub and the Registry give to the headings of a page.
func anchors(page string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		name := strings.ToLower(match[1])
		name = regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(name, "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	for _, match := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(page, -1) {
		names = append(names, match[1])
	}
	return names
}
