package provider

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const goldenPlans = "testdata/plan_diagnostics.golden.txt"

// TestFindingTexts compares the text of each finding, wrapped at 78 columns, with a golden file. To accept a change:
// go test ./internal/provider -run TestFindingTexts -update.
func TestFindingTexts(t *testing.T) {
	t.Parallel()

	m := membershipModel{
		ID: types.StringValue("56000101"), CreatorID: types.StringValue("12000009"), CreatedAt: types.StringValue("2026-11-22T08:30:00-07:00"),
		AccessGroupID: types.StringValue("340002"), AccessGroupName: types.StringValue("Resource Managers"),
		UserID: types.StringValue("12000001"), UserName: types.StringValue("Jane Doe"),
	}
	var got bytes.Buffer
	for kind := findingAdopted; kind <= findingLosesAccess; kind++ {
		name := kindNames[kind]
		if name == "" {
			t.Fatalf("got no name for kind %d, want one in kindNames", kind)
		}
		for _, inFull := range []bool{true, false} {
			if !inFull && !kind.isError() {
				continue
			}
			d := finding{kind, m, inFull}.diagnostic()
			if !inFull {
				name += ", not the first"
			}
			fmt.Fprintf(&got, "## %s\n\n%s: %s\n\n%s\n\n", name, d.Severity(), d.Summary(), wrapped(d.Detail()))
		}
	}
	if *update {
		if err := os.WriteFile(goldenPlans, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenPlans)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the texts differ from %s (-want +got):\n%s", goldenPlans, diff)
	}
}

func TestLaterErrorsAreShort(t *testing.T) {
	t.Parallel()

	const longID = "9223372036854775807"
	const longName = "a name that is\nvery long and goes on and on for more than a line, äöü äöü äöü äöü äöü"
	m := membershipModel{
		ID: types.StringValue(longID), AccessGroupID: types.StringValue(longID), AccessGroupName: types.StringValue(longName),
		UserID: types.StringValue(longID), UserName: types.StringValue(longName),
	}
	for kind := findingExists; kind <= findingLosesAccess; kind++ {
		detail := finding{kind, m, false}.diagnostic().Detail()
		lines := strings.Split(wrapped(detail), "\n")
		if len(lines) > 6 {
			t.Errorf("%s: got %d lines, want at most 6:\n%s", kindNames[kind], len(lines), detail)
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > 78 {
				t.Errorf("%s: got a line of %d columns, want at most 78: %s", kindNames[kind], n, line)
			}
		}
		for _, part := range []string{
			"Membership:   " + longID,
			"User:         " + longID + " (a name that",
			"Access group: " + longID + " (a name that",
			"Import ID:    " + longID + "/" + longID,
		} {
			if !strings.Contains(detail, part) {
				t.Errorf("%s: got %q, want it to contain %q", kindNames[kind], detail, part)
			}
		}
	}
}
