package repository

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// registryDocs is the address of docs/ in the Registry.
const registryDocs = "https://registry.terraform.io/providers/kantata-community/kantata/latest/docs"

// TestLinks resolves every link to a page of this repository, as GitHub does for all pages, and as the Registry does for those in docs/.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := files(t, 15, "*.md", "docs/*.md", "docs/*/*.md", "internal/*/*.md", ".github/*.md")
	link := regexp.MustCompile(`\]\(<?([^)\s>]+)>?[^)]*\)|(?m)^\[[^\]]+\]: +(\S+)|(?:href|src)="([^"]+)"`)
	for _, page := range pages {
		text := withoutCode(read(t, page))
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			address := match[1] + match[2] + match[3]
			if problem := broken(t, page, address); problem != "" {
				t.Errorf("%s: got a link to %s, which %s", page, address, problem)
			}
		}
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ page, address, want string }{
		"relative, to a file":          {"README.md", "docs/index.md", ""},
		"relative, to a folder":        {"README.md", "examples", ""},
		"relative, without extension":  {"README.md", "docs/index", "does not exist on GitHub; want an existing file"},
		"to a heading of the page":     {"README.md", "#use-it", ""},
		"to a missing heading":         {"README.md", "#no-such-heading", "has no such heading; want an existing one"},
		"to the index in the Registry": {"docs/index.md", registryDocs, ""},
		"to a page of the Registry":    {"docs/index.md", registryDocs + "/guides/getting-started", ""},
		"to a missing Registry page":   {"README.md", registryDocs + "/guides/missing", "has no page in docs/; want one"},
		"to a missing Registry heading": {
			"docs/index.md", registryDocs + "/guides/getting-started#none", "has no such heading; want an existing one",
		},
		"to another site":              {"docs/index.md", "https://www.kantata.com", ""},
		"to another site, without TLS": {"docs/index.md", "http://www.kantata.com", "is not secure; want https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := broken(t, test.page, test.address); got != test.want {
				t.Errorf("%s links to %s: got %q, want %q", test.page, test.address, got, test.want)
			}
		})
	}
}

// broken says what is wrong with a link of a page, or returns "".
func broken(t *testing.T, page, address string) string {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		return "is not a URL; want one"
	}
	file := page
	switch {
	case strings.HasPrefix(address, registryDocs):
		file = "docs" + strings.TrimPrefix(target.Path, mustPath(registryDocs)) + ".md"
		if file == "docs.md" {
			file = "docs/index.md"
		}
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			return "has no page in docs/; want one"
		}
	case target.IsAbs():
		if target.Scheme == "http" {
			return "is not secure; want https"
		}
		return ""
	case target.Path != "":
		file = path.Join(path.Dir(page), target.Path)
		if strings.HasPrefix(page, "docs/") {
			file += ".md" // the Registry's links have no extension
		}
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			return "does not exist on GitHub; want an existing file"
		}
	}
	if target.Fragment != "" && !slices.Contains(anchors(read(t, file)), target.Fragment) {
		return "has no such heading; want an existing one"
	}
	return ""
}

func mustPath(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return parsed.Path
}

var fence = regexp.MustCompile("(?ms)^```.*?^```$")

func withoutCode(page string) string { return fence.ReplaceAllString(page, "") }

// anchors returns the names that GitHub and the Registry give to the headings of a page.
func anchors(page string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(withoutCode(page), -1) {
		name := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	for _, match := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(page, -1) {
		names = append(names, match[1])
	}
	return names
}
