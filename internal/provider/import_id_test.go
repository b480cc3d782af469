package provider

import (
	"strings"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

func TestImportIDs(t *testing.T) {
	t.Parallel()
	pair := kantata.Pair{AccessGroupID: "340002", UserID: "12000001"}
	for text, want := range map[string]importID{
		"56000101":                   {id: "56000101"},
		" 56000101\n":                {id: "56000101"},
		"340002/12000001":            {pair: pair},
		" 340002 / 12000001\t":       {pair: pair},
		"":                           {},
		" ":                          {},
		"/":                          {},
		"340002/":                    {},
		"/12000001":                  {},
		"340002/12000001/":           {},
		"340002//12000001":           {},
		"1/2/3":                      {},
		"340002:12000001":            {},
		"340002,12000001":            {},
		"340002 12000001":            {},
		"0340002/12000001":           {},
		"jane":                       {},
		"340002/jane":                {},
		"-1":                         {},
		"99999999999999999999":       {},
		"340002/jane@example.com":    {pair: kantata.Pair{AccessGroupID: "340002"}, emailAddress: "jane@example.com"},
		"340002 / Jane@Example.com ": {pair: kantata.Pair{AccessGroupID: "340002"}, emailAddress: "Jane@Example.com"},
		"340002/a/b@example.com":     {pair: kantata.Pair{AccessGroupID: "340002"}, emailAddress: "a/b@example.com"},
		"jane@example.com":           {},
		"jane@example.com/1":         {},
		"340002/@":                   {},
		"340002/a@b@c":               {},
		"340002/a@b,c@d":             {},
		"340002/jane @b":             {},
		"340002/12000001\x00":        {},
		"\u0663\u0664/12000001":      {},
	} {
		got, err := parseImportID(text)
		if got != want || (err == nil) != (want != importID{}) {
			t.Errorf("%q: got %+v and the error %v, want %+v", text, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), importForms) {
			t.Errorf("%q: got the error %q, want one with %q", text, err, importForms)
		}
	}
}

// TestImportFormsAreRight parses the examples in the constant that documentation and errors use.
func TestImportFormsAreRight(t *testing.T) {
	t.Parallel()
	forms := 0
	for i, part := range strings.Split(importForms, `"`) {
		if i%2 == 1 {
			forms++
			if _, err := parseImportID(part); err != nil {
				t.Errorf("got the error %v, want none", err)
			}
		}
	}
	if forms != 3 {
		t.Errorf("got %d forms in %q, want 3", forms, importForms)
	}
}

// FuzzImportID checks that an accepted ID consists of valid IDs, and is parsed the same after it is written again.
func FuzzImportID(f *testing.F) {
	for _, seed := range []string{"56000101", "340002/12000001", " 1 / 2 ", "1/2/3", "/", "", "012", "\u00a01", "1/\n2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseImportID(text)
		if err != nil {
			return
		}
		again := parsed.id.String()
		switch {
		case parsed.emailAddress != "":
			again = parsed.pair.AccessGroupID.String() + "/" + parsed.emailAddress
		case parsed.id == "":
			again = parsed.pair.String()
		}
		if reparsed, err := parseImportID(again); err != nil || reparsed != parsed {
			t.Fatalf("%q: got %+v and the error %v after it was written again, want %+v", text, reparsed, err, parsed)
		}
		for _, id := range []kantata.ID{parsed.id, parsed.pair.AccessGroupID, parsed.pair.UserID} {
			if _, err := kantata.ParseID(id.String()); id != "" && err != nil {
				t.Fatalf("%q: got the error %v, want none", text, err)
			}
		}
	})
}
