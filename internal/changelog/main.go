// Command changelog puts the entries of .changes/unreleased into CHANGELOG.md. An entry is a file of Markdown text, named after its kind:
// feature-users-data-source.md. Two branches can each add an entry without a conflict.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const unreleased = "## Unreleased\n"

// kinds are in the order of the changelog's sections.
var kinds = []struct{ prefix, heading string }{
	{"breaking", "BREAKING CHANGES"},
	{"note", "NOTES"},
	{"feature", "FEATURES"},
	{"enhancement", "ENHANCEMENTS"},
	{"bug", "BUG FIXES"},
}

func main() {
	log.SetFlags(0)
	release := flag.String("release", "", "the version to release, such as 1.2.3: the entries become its section and are removed")
	flag.Parse()
	if err := update(".", *release, time.Now()); err != nil {
		log.Fatal("changelog: ", err)
	}
}

// update writes the unreleased section of CHANGELOG.md in the folder root. With a version, the section gets that version and the date
// of now, is also written to .changes/VERSION.md, and the entries are removed.
func update(root, version string, now time.Time) error {
	if version != "" && !regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9a-z.]+)?$`).MatchString(version) {
		return fmt.Errorf("%q is not a version such as 1.2.3", version)
	}
	files, err := filepath.Glob(filepath.Join(root, ".changes", "unreleased", "*"))
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == ".gitkeep" })
	section, err := sectionOf(files)
	if err != nil {
		return err
	}
	if version != "" {
		if section == "" {
			return errors.New(".changes/unreleased has no entries, so there is nothing to release")
		}
		section = fmt.Sprintf("## %s (%s)\n", version, now.UTC().Format("January 2, 2006")) + strings.TrimPrefix(section, unreleased)
	}

	file := filepath.Join(root, "CHANGELOG.md")
	changelog, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(replaceUnreleased(string(changelog), section)), 0o644); err != nil { //nolint:gosec // public
		return err
	}
	if version == "" {
		return nil
	}
	notes := filepath.Join(root, ".changes", version+".md")
	if err := os.WriteFile(notes, []byte(section), 0o644); err != nil { //nolint:gosec // public
		return err
	}
	for _, entry := range files {
		if err := os.Remove(entry); err != nil {
			return err
		}
	}
	return nil
}

// sectionOf returns the unreleased section, or "" if there are no entries.
func sectionOf(files []string) (string, error) {
	items := map[string][]string{}
	for _, file := range files {
		kind, _, named := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".md"), "-")
		known := slices.ContainsFunc(kinds, func(k struct{ prefix, heading string }) bool { return k.prefix == kind })
		if !named || !known || filepath.Ext(file) != ".md" {
			return "", fmt.Errorf("%s: want the name KIND-NAME.md, with a KIND of breaking, note, feature, enhancement or bug", file)
		}
		content, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		if err != nil {
			return "", err
		}
		text := strings.TrimSpace(string(content))
		if text == "" {
			return "", fmt.Errorf("%s: got an empty entry, want text", file)
		}
		items[kind] = append(items[kind], "* "+strings.ReplaceAll(text, "\n", "\n  ")+"\n")
	}
	if len(items) == 0 {
		return "", nil
	}
	section := unreleased
	for _, kind := range kinds {
		if list := items[kind.prefix]; len(list) > 0 {
			section += "\n" + kind.heading + ":\n\n" + strings.Join(list, "")
		}
	}
	return section, nil
}

// replaceUnreleased replaces the unreleased section, or inserts the section before the newest version.
func replaceUnreleased(changelog, section string) string {
	before, rest, found := strings.Cut(changelog, unreleased)
	if !found {
		if start := strings.Index(changelog, "\n## "); start >= 0 {
			before, rest = changelog[:start+1], changelog[start:]
		}
	}
	after := ""
	if start := strings.Index(rest, "\n## "); start >= 0 {
		after = rest[start+1:]
	}
	parts := []string{strings.TrimRight(before, "\n") + "\n", section, after}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}
