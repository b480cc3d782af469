package repository

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const troubleshooting = "templates/guides/troubleshooting.md.tmpl"

var (
	goldenTitle = regexp.MustCompile(`(?m)^(?:ERROR|WARNING): (.+)$`)

	// sourceTitle matches a string of the source that is a title: three words or more, all of them capitalized except for small ones. The
	// golden files do not contain every title.
	sourceTitle = regexp.MustCompile(`"([A-Z][A-Za-z-]*(?: (?:a|and|by|for|from|in|of|or|the|to|with|[A-Z][A-Za-z-]*)){2,})"`)
)

// TestTroubleshootingHasEveryDiagnostic compares the guide's headings of the third level with the titles of all errors and warnings.
func TestTroubleshootingHasEveryDiagnostic(t *testing.T) {
	t.Parallel()
	explained := matches(read(t, troubleshooting), regexp.MustCompile(`(?m)^### (.+)$`))
	raised := map[string]bool{}
	for _, file := range files(t, 1, "internal/provider/testdata/*.golden.txt") {
		maps.Copy(raised, matches(read(t, file), goldenTitle))
	}
	for _, file := range files(t, 10, "internal/provider/*.go") {
		if !strings.HasSuffix(file, "_test.go") {
			maps.Copy(raised, matches(read(t, file), sourceTitle))
		}
	}
	for _, title := range slices.Sorted(maps.Keys(raised)) {
		if !explained[title] {
			t.Errorf("%s: got no heading for the diagnostic %q, want one", troubleshooting, title)
		}
	}
	for _, title := range slices.Sorted(maps.Keys(explained)) {
		if !raised[title] {
			t.Errorf("%s: got the heading %q, want a diagnostic of internal/provider with this title", troubleshooting, title)
		}
	}
}

// matches returns the first group of each match.
func matches(text string, expression *regexp.Regexp) map[string]bool {
	found := map[string]bool{}
	for _, match := range expression.FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

// TestQuotedErrorsExist compares what pages quote from errors with the source: titles in code font, and texts in bold in a paragraph
// about what an error says.
func TestQuotedErrorsExist(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, file := range files(t, 20, "internal/provider/*.go", "internal/memberships/*.go", "internal/paging/*.go", "internal/kantata/*.go") {
		if !strings.HasSuffix(file, "_test.go") {
			source.WriteString(regexp.MustCompile(`"\s*\+\s*"`).ReplaceAllString(read(t, file), ""))
		}
	}
	title, bold := regexp.MustCompile("`([A-Z][a-z]+(?: [A-Z][a-z]+){2,})`"), regexp.MustCompile(`\*\*([^*]+)\*\*`)
	titles, texts := map[string]bool{}, map[string]bool{}
	for _, page := range files(t, 15, "README.md", "templates/*.tmpl", "templates/*/*.tmpl") {
		for paragraph := range strings.SplitSeq(read(t, page), "\n\n") {
			paragraph = strings.ReplaceAll(paragraph, "\n", " ")
			maps.Copy(titles, matches(paragraph, title))
			if strings.Contains(paragraph, "error says that") {
				maps.Copy(texts, matches(paragraph, bold))
			}
		}
	}
	if len(titles) < 3 || len(texts) < 6 {
		t.Fatalf("got the titles %v and the texts %v, want at least 3 and 6", titles, texts)
	}
	maps.Copy(texts, titles)
	for text := range texts {
		if !strings.Contains(source.String(), text) {
			t.Errorf("a page quotes %q from an error, want an error that contains it", text)
		}
	}
}
