package repository

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/published.txt, after a release")

const published = "testdata/published.txt"

// TestPublishedNames protects the names and types that users rely on: it fails if one differs from the last release and no entry of the
// changelog says so.
func TestPublishedNames(t *testing.T) {
	t.Parallel()
	schemas := goCommand(t, "run", "./internal/schemajson")
	if string(schemas) != read(t, "internal/schemajson/schema.json") {
		t.Error("internal/schemajson/schema.json: got another schema than the provider's, want the same: run make generate")
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
	var entries []string
	for _, file := range files(t, 0, ".changes/unreleased/*.md") {
		entries = append(entries, read(t, file))
	}
	for _, change := range changes(strings.Split(strings.TrimSpace(string(content)), "\n"), now) {
		if wanted := mentions(change); !announced(entries, wanted) {
			t.Errorf("a published name changed:\n%s\nno entry in .changes/unreleased contains the words %q; "+
				"if the change is intended, want an entry with all of them", change, wanted)
		}
	}
}

// mentions returns what an entry must contain to announce a change: the data source, resource or function, and the attribute.
func mentions(change string) []string {
	subject, _, _ := strings.Cut(change[2:], ":")
	subject = subject[strings.LastIndex(subject, " ")+1:]
	parts := strings.Split(subject, ".")
	return slices.Compact([]string{parts[0], parts[len(parts)-1]})
}

func announced(entries, words []string) bool {
	return slices.ContainsFunc(entries, func(entry string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(entry, word) })
	})
}

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

type function struct {
	ReturnType json.RawMessage `json:"return_type"`
	Parameters []struct {
		Name string          `json:"name"`
		Type json.RawMessage `json:"type"`
	} `json:"parameters"`
}

// names returns a line for everything that a configuration or a state can refer to.
func names(t *testing.T, schemas []byte) []string {
	t.Helper()
	var all struct {
		Schemas map[string]struct {
			Provider   schema              `json:"provider"`
			Resources  map[string]schema   `json:"resource_schemas"`
			Data       map[string]schema   `json:"data_source_schemas"`
			Lists      map[string]schema   `json:"list_resource_schemas"`
			Identities map[string]schema   `json:"resource_identity_schemas"`
			Functions  map[string]function `json:"functions"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(schemas, &all); err != nil {
		t.Fatal(err)
	}
	provider := all.Schemas["kantata"]
	lines := attributeLines("provider", provider.Provider.Block.Attributes)
	for kind, schemas := range map[string]map[string]schema{
		"resource": provider.Resources, "data source": provider.Data, "list resource": provider.Lists, "identity": provider.Identities,
	} {
		for name, s := range schemas {
			subject := kind + " " + name
			lines = append(lines, fmt.Sprintf("%s: version %d", subject, s.Version))
			lines = append(lines, attributeLines(subject, s.Block.Attributes)...)
			lines = append(lines, attributeLines(subject, s.Attributes)...)
		}
	}
	for name, f := range provider.Functions {
		var parameters []string
		for _, p := range f.Parameters {
			parameters = append(parameters, p.Name+" "+compact(p.Type))
		}
		lines = append(lines, fmt.Sprintf("function %s: (%s) %s", name, strings.Join(parameters, ", "), compact(f.ReturnType)))
	}
	slices.Sort(lines)
	return lines
}

func attributeLines(subject string, attributes map[string]attribute) []string {
	var lines []string
	for name, a := range attributes {
		words := []string{compact(a.Type)}
		if a.NestedType != nil {
			words[0] = a.NestedType.NestingMode
			lines = append(lines, attributeLines(subject+"."+name, a.NestedType.Attributes)...)
		}
		for _, property := range []struct {
			name string
			set  bool
		}{
			{"computed", a.Computed}, {"optional", a.Optional}, {"required", a.Required}, {"required for import", a.ForImport},
			{"sensitive", a.Sensitive},
		} {
			if property.set {
				words = append(words, property.name)
			}
		}
		lines = append(lines, fmt.Sprintf("%s.%s: %s", subject, name, strings.Join(words, " ")))
	}
	return lines
}

func compact(source json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, source); err != nil {
		return string(source)
	}
	return b.String()
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

func TestChangesOfNamesAreFound(t *testing.T) {
	t.Parallel()
	before := []string{"resource x.a: string required", "resource x.b: string computed"}
	now := []string{"resource x.a: string optional", "resource x.b: string computed", "resource x.c.d: bool", "resource y: version 1"}
	got := changes(before, now)
	want := []string{
		"- resource x.a: string required", "+ resource x.a: string optional", "+ resource x.c.d: bool", "+ resource y: version 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes: got %q, want %q", got, want)
	}
	var words []string
	for _, change := range got {
		words = append(words, path.Join(mentions(change)...))
	}
	if want := []string{"x/a", "x/a", "x/d", "y"}; !slices.Equal(words, want) {
		t.Errorf("words that an entry must contain: got %q, want %q", words, want)
	}
	for entry, want := range map[string]bool{"`y` is new": true, "`x` has `c`": false} {
		if got := announced([]string{entry}, []string{"y"}); got != want {
			t.Errorf("entry %q announces y: got %t, want %t", entry, got, want)
		}
	}
}
