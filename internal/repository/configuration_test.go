package repository

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// TestExamplesAreFormatted does what `terraform fmt -check` does, and includes .tfquery.hcl files, which older versions leave out.
func TestExamplesAreFormatted(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, 10, "examples/*/*.tf", "examples/*/*/*.tf", "examples/*/*/*.hcl") {
		checkConfiguration(t, file, read(t, file))
	}
}

// TestConfigurationOnPages covers every block of configuration that a reader can copy from a page. It must be the content of a file in
// examples/, because the tests of internal/endtoend run each of these files.
func TestConfigurationOnPages(t *testing.T) {
	t.Parallel()
	examples := map[string]bool{}
	for _, file := range files(t, 20, "examples/*/*.tf", "examples/*/*.hcl", "examples/*/*/*.tf", "examples/*/*/*.hcl") {
		examples[strings.TrimSpace(read(t, file))] = true
	}
	block := regexp.MustCompile("(?ms)^```(?:terraform|hcl)\n(.*?)^```$")
	blocks := 0
	for _, page := range files(t, 15, "README.md", "docs/*.md", "docs/*/*.md") {
		for _, match := range block.FindAllStringSubmatch(read(t, page), -1) {
			blocks++
			checkConfiguration(t, page, match[1])
			if !examples[strings.TrimSpace(match[1])] {
				t.Errorf("%s: got a block that is not the content of a file in examples/, want one that tests run:\n%s", page, match[1])
			}
		}
	}
	if blocks < 30 {
		t.Errorf("got %d blocks of configuration on all pages, want at least 30", blocks)
	}
}

// TestPagesStartWithTeams expects all teams in five lines as the first block that a reader of these pages sees.
func TestPagesStartWithTeams(t *testing.T) {
	t.Parallel()
	teams := read(t, "examples/resources/kantata_access_group_membership/resource-teams.tf")
	for _, page := range []string{"README.md", "docs/resources/access_group_membership.md"} {
		_, rest, _ := strings.Cut(read(t, page), "```terraform\n")
		if got, _, _ := strings.Cut(rest, "```\n"); got != teams {
			t.Errorf("%s: got the first block\n%s\nwant\n%s", page, got, teams)
		}
	}
}

func checkConfiguration(t *testing.T, name, content string) {
	t.Helper()
	if _, diagnostics := hclsyntax.ParseConfig([]byte(content), name, hcl.InitialPos); diagnostics.HasErrors() {
		t.Errorf("%s: got configuration that does not parse, want valid configuration: %v\n%s", name, diagnostics, content)
		return
	}
	if diff := cmp.Diff(string(hclwrite.Format([]byte(content))), content); diff != "" {
		t.Errorf("%s: got configuration that is not formatted (-want +got):\n%s", name, diff)
	}
}
