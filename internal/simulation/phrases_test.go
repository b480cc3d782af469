package simulation

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// This file is the only one that knows texts of the provider. A phrase that no longer occurs in any text fails TestPhrases.

// causes are phrases that state a cause, each with the condition under which the statement is true.
var causes = []struct {
	phrase string
	holds  func(v *verdict, d diagnostic) bool
}{
	{"was not made by this configuration", func(v *verdict, d diagnostic) bool {
		return !slices.ContainsFunc(v.mentioned(d), func(p pair) bool { return v.holds(v.before, p) })
	}},
	{"Two blocks of this configuration", func(v *verdict, d diagnostic) bool {
		return slices.ContainsFunc(v.mentioned(d), func(p pair) bool { return len(v.cfg.addressesOf(p)) > 1 })
	}},
	{"another resource in this configuration manages this", func(v *verdict, d diagnostic) bool {
		return slices.ContainsFunc(v.mentioned(d), func(p pair) bool { return len(v.cfg.addressesOf(p)) > 0 })
	}},
	{"This run also deletes the same membership", func(v *verdict, d diagnostic) bool {
		return slices.ContainsFunc(v.mentioned(d), func(p pair) bool { return v.holds(v.before, p) })
	}},
	{"someone else may have created it", func(v *verdict, d diagnostic) bool {
		return slices.ContainsFunc(v.mentioned(d), func(p pair) bool { return v.outside[p] || v.s.faulty(http.MethodPost) })
	}},
	{"Kantata rejected the access token", func(v *verdict, _ diagnostic) bool { return v.returned(http.StatusUnauthorized) }},
	{"The run was interrupted", func(v *verdict, _ diagnostic) bool { return v.c.interrupted }},
	{"Kantata has not responded to any request for 30 seconds", func(v *verdict, _ diagnostic) bool {
		return v.took >= 30*time.Second && (v.returned(0) || v.s.happens(eventOutage))
	}},
	{"every request of the last five minutes with 429", func(v *verdict, _ diagnostic) bool {
		return v.took >= 5*time.Minute && v.returned(http.StatusTooManyRequests)
	}},
	{"Something other than Kantata's API may have responded", func(v *verdict, _ diagnostic) bool { return len(v.s.Faults) > 0 }},
	{"It is not known whether", func(v *verdict, _ diagnostic) bool {
		return slices.ContainsFunc(v.requests(), func(r kantatatest.Request) bool { return r.Method != http.MethodGet })
	}},
}

// TestPhrases checks that each phrase occurs in the provider, so that a changed text does not switch its check off.
func TestPhrases(t *testing.T) {
	var source strings.Builder
	for _, dir := range []string{"../provider", "../memberships", "../kantata"} {
		files, err := filepath.Glob(dir + "/*.go")
		must(err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				text, err := os.ReadFile(file)
				must(err)
				source.Write(text)
			}
		}
	}
	for _, c := range causes {
		if !strings.Contains(source.String(), c.phrase) {
			t.Errorf("got no text of the provider with %q, want one: change the phrase together with the text", c.phrase)
		}
	}
}

func (s step) happens(what string) bool {
	return slices.ContainsFunc(s.Events, func(e event) bool { return e.What == what })
}

// holds reports whether the state has the pair at some address.
func (v *verdict) holds(st *state, p pair) bool {
	for _, o := range st.all() {
		if o.pair() == p {
			return true
		}
	}
	return false
}

// mentioned returns the pairs that a diagnostic names.
func (v *verdict) mentioned(d diagnostic) (pairs []pair) {
	for g := range groups {
		for u := range people {
			if p := (person{u, g}).pair(); d.mentions(p) {
				pairs = append(pairs, p)
			}
		}
	}
	return pairs
}

// returned reports whether a request of the run got the status; 0 is none.
func (v *verdict) returned(status int) bool {
	return slices.ContainsFunc(v.requests(), func(r kantatatest.Request) bool { return r.Status == status })
}

func (s step) faulty(method string) bool {
	return slices.ContainsFunc(s.Faults, func(f fault) bool { return f.Method == method })
}

func (v *verdict) judgeCauses() {
	for _, d := range v.c.diags {
		for _, c := range causes {
			if strings.Contains(oneLine(d.text()), c.phrase) && !c.holds(v, d) {
				v.broke(kindFalseCause, "%q in: %s", c.phrase, oneLine(d.text()))
			}
		}
	}
}

// oneLine undoes the wrapping of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// remedies are the kinds of advice that a text can give, in the order in which a user would try them. Each follows the advice and reports
// whether that was possible and changed something.
var remedies = []struct {
	phrase *regexp.Regexp
	follow func(v *verdict, d diagnostic) bool
}{
	{regexp.MustCompile(`terraform state rm`), (*verdict).removeFromState},
	{regexp.MustCompile("`?moved`? block"), (*verdict).addMovedBlock},
	{regexp.MustCompile(`remove one of the two`), (*verdict).removeDuplicate},
	{regexp.MustCompile(`id = "\d+/\d+"`), (*verdict).importExisting},
}

// advises reports whether a text gives advice that remedies know.
func advises(d diagnostic) bool {
	for _, r := range remedies {
		if r.phrase.MatchString(oneLine(d.text())) {
			return true
		}
	}
	return false
}

var importID = regexp.MustCompile(`id = "(\d+)/(\d+)"`)
