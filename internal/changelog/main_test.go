package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const header = "# Changelog\n\nAbout this file.\n"

var day = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

// repository returns a folder with a changelog and entries.
func repository(t *testing.T, changelog string, entries map[string]string) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "CHANGELOG.md"), changelog)
	write(t, filepath.Join(root, ".changes", "unreleased", ".gitkeep"), "")
	for name, text := range entries {
		write(t, filepath.Join(root, ".changes", "unreleased", name), text)
	}
	return root
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	const released = "## 0.1.0 (January 2, 2026)\n\nNOTES:\n\n* First.\n"
	const section = "## Unreleased\n\nFEATURES:\n\n* A feature\n  of two lines.\n\nBUG FIXES:\n\n* One.\n* Two.\n"
	entries := map[string]string{"bug-1.md": "One.\n", "bug-2.md": "Two.\n", "feature-x.md": "A feature\nof two lines.\n"}
	for name, test := range map[string]struct {
		before  string
		entries map[string]string
		want    string
	}{
		"first entries":           {header, entries, header + "\n" + section},
		"entries after a release": {header + "\n" + released, entries, header + "\n" + section + "\n" + released},
		"changed entries": {
			header + "\n## Unreleased\n\nNOTES:\n\n* Old.\n\n" + released, entries,
			header + "\n" + section + "\n" + released,
		},
		"no entries":              {header, nil, header},
		"no entries any more":     {header + "\n" + section + "\n" + released, nil, header + "\n" + released},
		"entries already present": {header + "\n" + section, entries, header + "\n" + section},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := repository(t, test.before, test.entries)
			if err := update(root, "", day); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, read(t, root, "CHANGELOG.md")); diff != "" {
				t.Errorf("CHANGELOG.md (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	root := repository(t, header+"\n## Unreleased\n\nNOTES:\n\n* One.\n", map[string]string{"note-1.md": "One."})
	if err := update(root, "1.2.3", day); err != nil {
		t.Fatal(err)
	}
	const section = "## 1.2.3 (March 4, 2026)\n\nNOTES:\n\n* One.\n"
	if diff := cmp.Diff(header+"\n"+section, read(t, root, "CHANGELOG.md")); diff != "" {
		t.Errorf("CHANGELOG.md (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(section, read(t, root, ".changes", "1.2.3.md")); diff != "" {
		t.Errorf("the notes of the release (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(root, ".changes", "unreleased", "note-1.md")); !os.IsNotExist(err) {
		t.Errorf("the entry after the release: got %v, want that it does not exist", err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ entry, text, version, want string }{
		"an entry without a kind":      {"users.md", "Text.", "", "want the name KIND-NAME.md"},
		"an entry of an unknown kind":  {"features-users.md", "Text.", "", "want the name KIND-NAME.md"},
		"an entry of another type":     {"feature-users.yaml", "Text.", "", "want the name KIND-NAME.md"},
		"an empty entry":               {"feature-users.md", "\n", "", "want text"},
		"something that is no version": {"feature-users.md", "Text.", "v1.2.3", "not a version"},
		"a release without entries":    {".gitkeep", "", "1.2.3", "nothing to release"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := repository(t, header, map[string]string{test.entry: test.text})
			err := update(root, test.version, day)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one that contains %q", err, test.want)
			}
			if got := read(t, root, "CHANGELOG.md"); got != header {
				t.Errorf("got CHANGELOG.md %q, want it unchanged", got)
			}
		})
	}
}

// TestChangelogIsCurrent fails if make changelog would change CHANGELOG.md.
func TestChangelogIsCurrent(t *testing.T) {
	t.Parallel()
	entries := map[string]string{}
	files, err := filepath.Glob("../../.changes/unreleased/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		entries[filepath.Base(file)] = read(t, file)
	}
	committed := read(t, "../../CHANGELOG.md")
	root := repository(t, committed, entries)
	if err := update(root, "", day); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, root, "CHANGELOG.md"), committed); diff != "" {
		t.Errorf("CHANGELOG.md does not contain what .changes/unreleased does: run make changelog (-want +got):\n%s", diff)
	}
}
