package repository

import (
	"regexp"
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

// TestConfigurationOnPages covers every block of configuration that a reader can copy from a page.
func TestConfigurationOnPages(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?ms)^```(?:terraform|hcl)\n(.*?)^```$")
	for _, page := range files(t, 15, "*.md", "docs/*.md", "docs/*/*.md") {
		for _, match := range block.FindAllStringSubmatch(read(t, page), -1) {
			checkConfiguration(t, page, match[1])
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
