package simulation

import (
	"fmt"
	"maps"
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
	{"so it cannot be created", func(v *verdict, d diagnostic) bool { return v.anyPair(d, v.existed) }},
	{"and another resource creates it", func(v *verdict, d diagnostic) bool { return v.anyPair(d, v.changesHands) }},
	{"created again by another", func(v *verdict, d diagnostic) bool { return v.anyPair(d, v.changesHands) }},
	{"is removed by one resource and adopted by another", func(v *verdict, d diagnostic) bool { return v.anyPair(d, v.changesHands) }},
	{"and this plan replaces another", func(v *verdict, d diagnostic) bool { return v.anyPair(d, v.existed) }},
	{"Another resource in this configuration manages this membership", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, func(p pair) bool { return len(v.config.addressesOf(p)) > 1 || v.held(v.before, p) > 0 })
	}},
	{"A resource whose IDs are not all known yet holds this membership", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, v.heldByDeferred)
	}},
	{"Two resources in this configuration create this membership", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, func(p pair) bool { return len(v.config.addressesOf(p)) > 1 })
	}},
	{"Two resources hold this membership", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, v.heldTwice)
	}},
	{"is in the state of two resources", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, v.heldTwice)
	}},
	{"Two resources in this configuration add", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, func(p pair) bool { return len(v.config.addressesOf(p)) > 1 })
	}},
	{"another resource in this configuration manages this", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, func(p pair) bool { return len(v.config.addressesOf(p)) > 0 })
	}},
	{"This run also deletes the same membership", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, func(p pair) bool { return v.held(v.before, p) > 0 })
	}},
	{"someone else may have created it", func(v *verdict, d diagnostic) bool {
		return v.anyPair(d, func(p pair) bool { return v.outside[p] || v.s.faulty(http.MethodPost) })
	}},
	{"Kantata rejected the access token", func(v *verdict, _ diagnostic) bool { return v.returned(http.StatusUnauthorized) }},
	{"The run was interrupted", func(v *verdict, _ diagnostic) bool { return v.c.interrupted }},
	// The provider keeps the last of the 30 seconds for a probe.
	{"Kantata has not responded to any request for about 30 seconds", func(v *verdict, _ diagnostic) bool {
		return v.took >= 29*time.Second && (v.returned(0) || v.s.happens(eventOutage))
	}},
	{"every request in the last five minutes with 429", func(v *verdict, _ diagnostic) bool {
		return v.took >= 5*time.Minute && v.returned(http.StatusTooManyRequests)
	}},
	{"because the last ones like it had no usable response and no visible effect", func(v *verdict, _ diagnostic) bool {
		return len(v.s.Faults) > 0 || v.s.cut()
	}},
	{"Something other than Kantata's API may have responded", func(v *verdict, _ diagnostic) bool { return len(v.s.Faults) > 0 }},
	{"the membership may still appear", func(v *verdict, _ diagnostic) bool { return v.sent(http.MethodPost) || v.s.cut() }},
	{"and the next apply checks it again", func(v *verdict, _ diagnostic) bool { return v.sent(http.MethodDelete) || v.s.cut() }},
	{"is already in access group", func(v *verdict, _ diagnostic) bool { return len(v.s.Faults)+len(v.s.Events) > 0 }},
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

// held counts the entries of the state that have the pair.
func (v *verdict) held(st *state, p pair) (n int) {
	for _, o := range st.all() {
		if o.pair() == p {
			n++
		}
	}
	return n
}

// heldTwice also counts what an import block brings into the state.
func (v *verdict) heldTwice(p pair) bool {
	n := v.held(v.before, p)
	for _, addr := range v.config.imports {
		if in, ok := v.config.instances()[addr]; ok && in.pair == p && v.before.current[addr] == nil {
			n++
		}
	}
	return n > 1
}

// heldAfterMoves returns the current objects of the state before the run, at the addresses that moved blocks give them.
func (v *verdict) heldAfterMoves() map[string]*object {
	held := maps.Clone(v.before.current)
	for _, m := range v.config.moves {
		if o := held[m[0]]; o != nil && held[m[1]] == nil {
			delete(held, m[0])
			held[m[1]] = o
		}
	}
	return held
}

// heldByDeferred reports whether an address whose user ID may not be known yet has the pair, also because of an import block. Before a
// destroy, Terraform plans normally.
func (v *verdict) heldByDeferred(p pair) bool {
	held := v.heldAfterMoves()
	for addr, in := range v.config.instances() {
		if o := held[addr]; in.deferred && (o != nil && o.pair() == p || in.imported && in.pair == p) {
			return true
		}
	}
	return false
}

// existed reports whether the pair had a membership before the run, or got one in it.
func (v *verdict) existed(p pair) bool {
	return len(v.rows[p]) > 0 || slices.ContainsFunc(v.kantata.Changes()[v.changesBefore:], func(ch kantatatest.Change) bool {
		return ch.Added && pairOf(ch.Membership) == p
	})
}

// changesHands reports whether the state has the pair, and the configuration has it at an address that the state does not have.
func (v *verdict) changesHands(p pair) bool {
	return v.held(v.before, p) > 0 && slices.ContainsFunc(v.config.addressesOf(p), func(addr string) bool {
		o := v.before.current[addr]
		return o == nil || o.pair() != p || o.tainted
	})
}

func (v *verdict) anyPair(d diagnostic, holds func(p pair) bool) bool {
	return slices.ContainsFunc(v.mentioned(d), holds)
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

func (v *verdict) sent(method string) bool {
	return slices.ContainsFunc(v.requests(), func(r kantatatest.Request) bool { return r.Method == method })
}

// posted reports whether the run sent a POST of the membership.
func (v *verdict) posted(m kantatatest.Membership) bool {
	pair := fmt.Sprintf(`"access_group_id":%d,"user_id":%d}`, m.AccessGroupID, m.UserID)
	return slices.ContainsFunc(v.requests(), func(r kantatatest.Request) bool {
		return r.Method == http.MethodPost && strings.Contains(r.Body, pair)
	})
}

// cut reports whether requests may have been lost before they arrived.
func (s step) cut() bool {
	return s.happens(eventOutage) || s.happens(eventInterrupt) || s.happens(eventKill)
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
	phrase string
	follow func(v *verdict, d diagnostic) bool
}{
	{"terraform state rm", (*verdict).removeFromState},
	{"moved block", (*verdict).addMovedBlock},
	{"first apply what the ID depends on", (*verdict).applyDependencies},
	{"remove one of the two", (*verdict).removeDuplicate},
	{"Import ID:", (*verdict).importExisting},
	{"set adopt_existing", (*verdict).adoptExisting},
	{"pply again", runAgain},
	{"Run again", runAgain},
	{"inconsistent final plan", runAgain}, // Terraform's own error if an unknown user_id turns out to be another person
}

func runAgain(*verdict, diagnostic) bool { return true }

// advice is the text of an error, or of all errors with the same summary if this one refers to the first.
func (v *verdict) advice(d diagnostic) string {
	text := oneLine(d.text())
	if strings.Contains(text, "Another error with this summary") {
		for _, other := range v.c.diags {
			if other.summary == d.summary {
				text += " " + oneLine(other.text())
			}
		}
	}
	return text
}

// advises reports whether an error gives advice that remedies know.
func (v *verdict) advises(d diagnostic) bool {
	for _, r := range remedies {
		if strings.Contains(v.advice(d), r.phrase) {
			return true
		}
	}
	return false
}

var importID = regexp.MustCompile(`Import ID: +(\d+)/(\d+)`)
