package simulation

import (
	"regexp"
	"slices"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// The summaries of what a plan may say about a pair.
const (
	saysAdopted   = "Existing Access Group Membership Adopted"
	saysReview    = "Review Access Group Memberships Before Apply"
	saysExists    = "Access Group Membership Already Exists"
	saysRemoved   = "Access Group Membership Removed and Created Again"
	saysStillHeld = "Access Group Membership Still Held"
	saysDuplicate = "Duplicate Access Group Membership"
	saysHeldTwice = "Access Group Membership Held Twice"
)

var planSummaries = []string{saysAdopted, saysReview, saysExists, saysRemoved, saysStillHeld, saysDuplicate, saysHeldTwice}

// hands is what a plan does with one pair. Unlike the provider, the simulation knows all addresses.
type hands struct {
	exists bool

	// Addresses that hold the pair in the state.
	kept, undecided, removed, givenUp int
	tainted, forgotten                int
	unread                            int // tainted, and -refresh=false does not read them

	// Addresses that want the pair and do not hold it, or hold a tainted object of it.
	wanted   []string
	replaces bool // the address that wants the pair holds another one
	adopts   bool
	itself   bool // the address that wants the pair holds it, and is tainted
}

func (h *hands) lost() int { return h.removed + h.givenUp }

// expectation is what a plan says about a pair: one of due, unless due is empty, and possibly some of also.
type expectation struct{ due, also []string }

// expect is the table of what a plan says, for who wants a pair and who holds it.
func (h *hands) expect() (all []expectation) {
	stays := h.kept + h.undecided
	switch {
	case stays > 0 && h.lost() > 0:
		all = append(all, expectation{due: []string{saysHeldTwice}, also: []string{saysReview}})
	case stays > 1, stays > 0 && h.tainted > 0:
		all = append(all, expectation{due: []string{saysReview}})
	case stays > 0 && h.forgotten > 0: // in OpenTofu, it may be a tainted address
		all = append(all, expectation{also: []string{saysReview}})
	}
	warnings := []string{saysReview, saysAdopted}
	switch {
	case len(h.wanted) > 1:
		all = append(all, expectation{[]string{saysDuplicate}, planSummaries})
	case len(h.wanted) == 0 || !h.exists:
	case stays > 0 && h.removed > 0: // the error depends on which plan call comes first, and saysHeldTwice names the others
		all = append(all, expectation{[]string{saysDuplicate, saysStillHeld, saysRemoved}, warnings})
	case h.kept > 0:
		all = append(all, expectation{[]string{saysDuplicate}, append(warnings, saysStillHeld)})
	case h.undecided > 0:
		all = append(all, expectation{[]string{saysStillHeld}, warnings})
	case h.removed > 0 && !h.adopts && !h.replaces:
		all = append(all, expectation{[]string{saysRemoved}, warnings})
	case h.lost() > 0:
		all = append(all, expectation{[]string{saysReview}, warnings})
	case h.tainted+h.unread > 0: // kindUnannounced says when a warning is due
		all = append(all, expectation{nil, warnings})
	case h.forgotten > 0:
		all = append(all, expectation{nil, append(warnings, saysExists)})
	case h.adopts:
		all = append(all, expectation{due: []string{saysAdopted}})
	case h.replaces:
		all = append(all, expectation{due: []string{saysReview}})
	default:
		all = append(all, expectation{due: []string{saysExists}})
	}
	return all
}

// inHand returns what the plan of this run does with each pair.
func (v *verdict) inHand() map[pair]*hands {
	all := map[pair]*hands{}
	of := func(p pair) *hands {
		if all[p] == nil {
			all[p] = &hands{exists: len(v.rows[p]) > 0}
		}
		return all[p]
	}
	present := func(o *object) bool { return v.s.NoRefresh || len(v.rows[o.pair()]) > 0 }
	instances, held, data := v.cfg.instances(), v.heldAfterMoves(), v.cfg.planData(v.before)
	for key, o := range v.before.deposed {
		if v.cfg.targeted(deposedFrom(key)) && present(o) {
			of(o.pair()).removed++
		}
	}
	for addr, o := range held {
		if _, configured := instances[addr]; configured || !v.cfg.targeted(addr) || !present(o) {
			continue
		}
		if v.cfg.removed[block(addr)] {
			of(o.pair()).forgotten++
		} else {
			of(o.pair()).removed++
		}
	}
	for addr, in := range instances {
		if !v.cfg.targeted(addr) {
			continue
		}
		o := held[addr]
		if o != nil && !present(o) {
			o = nil
		}
		_, changing := data[addr]
		userKnown := !changing || !in.deferred
		holds := o != nil && !o.tainted
		switch {
		case o != nil && o.tainted && v.s.NoRefresh:
			of(o.pair()).unread++
		case o != nil && o.tainted:
			of(o.pair()).tainted++
		case o == nil && in.imported && held[addr] == nil:
			if h := of(in.pair); h.exists && userKnown {
				h.kept++
			} else if h.exists {
				h.undecided++
			}
			continue
		case o == nil:
		case !userKnown && o.pair().group == in.group:
			of(o.pair()).undecided++
		case userKnown && o.pair() == in.pair:
			of(o.pair()).kept++
		default:
			of(o.pair()).givenUp++
		}
		if userKnown && (!holds || o.pair() != in.pair) {
			h := of(in.pair)
			h.wanted = append(h.wanted, addr)
			h.replaces, h.adopts, h.itself = holds, in.adopt, o != nil && o.pair() == in.pair
		}
	}
	return all
}

// judgePlan checks that the plan says what it must about each pair, and nothing else. If a new address cannot wait for the calls of others,
// it cannot know who holds its pair: the error for a pair that exists then gives all remedies.
func (v *verdict) judgePlan() {
	if v.s.Command != commandApply && v.s.Command != commandPlan || !v.s.planQuiet() || v.failsOtherwise("") {
		return
	}
	waiting := 0
	all := v.inHand()
	for _, h := range all {
		if len(h.wanted) > 0 && h.exists {
			waiting += len(h.wanted)
		}
	}
	ordered := v.history.Parallelism > 1 && waiting < v.history.Parallelism
	for p, h := range all {
		if v.left[p.user] || v.changesInPlan(p) || slices.ContainsFunc(h.wanted, v.failsOtherwise) || v.holderFails(p) {
			continue
		}
		expected := h.expect()
		if (!ordered || h.unread > 0) && len(h.wanted) > 0 && !h.replaces && h.exists {
			more := []string{saysExists, saysReview, saysAdopted}
			for i := range expected {
				e := &expected[i]
				if e.also = append(e.also, more...); len(e.due) > 0 {
					e.due = append(e.due, more...)
				}
			}
		}
		v.compareWithPlan(p, h, expected)
	}
}

// changesInPlan reports whether the pair changes during the plan, because a write of an earlier run is done late.
func (v *verdict) changesInPlan(p pair) bool {
	return slices.ContainsFunc(v.kantata.Changes()[v.changesBefore:], func(ch kantatatest.Change) bool {
		return pairOf(ch.Membership) == p && (!v.applied || ch.At.Before(v.applyBegan))
	})
}

// planQuiet reports whether nothing goes wrong or changes during the plan.
func (s step) planQuiet() bool {
	return !slices.ContainsFunc(s.Events, func(e event) bool { return e.Phase == phasePlan && !e.before() }) &&
		!slices.ContainsFunc(s.Faults, func(f fault) bool { return f.Phase == phasePlan })
}

// failsOtherwise reports whether the plan of an address fails for another reason; "" is Terraform itself.
func (v *verdict) failsOtherwise(addr string) bool {
	return slices.ContainsFunc(v.announced, func(d diagnostic) bool {
		return !d.warning && d.addr == addr && !slices.Contains(planSummaries, d.summary)
	})
}

// subject is the pair that a text of a plan is about.
var subject = regexp.MustCompile(`(?:of user|User:) (\d+)(?: \([^)]*\))? (?:in access group|Access group:) (\d+)`)

// holderFails reports whether the plan of an address that holds the pair fails for another reason, so that it says nothing about the pair.
func (v *verdict) holderFails(p pair) bool {
	for addr, o := range v.heldAfterMoves() {
		if o.pair() == p && v.failsOtherwise(addr) {
			return true
		}
	}
	return false
}

func (v *verdict) compareWithPlan(p pair, h *hands, expected []expectation) {
	var said, allowed []string
	for _, d := range v.announced {
		if m := subject.FindStringSubmatch(oneLine(d.detail)); m != nil && (pair{m[2], m[1]}) == p && slices.Contains(planSummaries, d.summary) {
			said = append(said, d.summary)
		}
	}
	for _, e := range expected {
		allowed = append(append(allowed, e.due...), e.also...)
		if len(e.due) > 0 && !slices.ContainsFunc(said, func(s string) bool { return slices.Contains(e.due, s) }) {
			v.broke(kindPlanSilent, "%s: the plan says %q, want one of %q (%+v)", p, said, e.due, *h)
		}
	}
	for _, s := range said {
		if !slices.Contains(allowed, s) {
			v.broke(kindPlanFalse, "%s: the plan says %q, want one of %q (%+v)", p, s, allowed, *h)
		}
	}
}
