package simulation

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// violation is an invariant that did not hold.
type violation struct {
	kind, detail string
	step         int
}

// The kinds of violations.
const (
	kindPanic          = "the provider panics or never returns"
	kindToken          = "the access token appears"
	kindPlanWrites     = "a plan writes"
	kindFalseAbsence   = "a read calls a membership absent that existed all the time"
	kindStaleRead      = "a read shows a membership that was removed two minutes before"
	kindIncompleteList = "a list lacks a membership that existed all the time"
	kindRowTwice       = "a list shows a membership twice"
	kindStaleList      = "a list shows a membership that the run has removed"
	kindAdopted        = "a membership is adopted silently"
	kindOwnRemoved     = "the run removes what it created"
	kindStranger       = "a membership is removed that was not in the state"
	kindUnplanned      = "a membership is removed that the plan keeps"
	kindInconsistent   = "Terraform rejects the provider's values"
	kindDoubled        = "a pair exists twice because of the run"
	kindForgotten      = "a created membership is neither in the state nor in an error"
	kindStillIn        = "a person keeps access that was to be removed, and no error says so"
	kindUnannounced    = "access is interrupted, and no plan announced it"
	kindPlanSilent     = "a plan does not say what an apply will find"
	kindPlanFalse      = "a plan says what an apply will not find"
	kindNamesNoOne     = "a warning names no one"
	kindListNeeded     = "a lookup fails because a shared request failed"
	kindLostAccess     = "a person loses access, and no error names the pair"
	kindNotCreated     = "a membership is not created, and no error names the pair"
	kindTwoAddresses   = "two addresses hold one membership, and no error says so"
	kindWrongState     = "the state names a membership that does not exist, and no error says so"
	kindFalseCause     = "an error states a false cause"
	kindFails          = "a run fails without any fault"
	kindNotReached     = "following the advice of the errors does not reach the configuration"
	kindSlow           = "a run takes too long"
	kindSlowStop       = "a run takes too long to stop"
	kindInFlight       = "a process ends with writes in flight"
	kindLateRequest    = "a process sends a request after its end"
	kindManyRequests   = "a run sends too many requests"
	kindNotShared      = "a process does not share what it knows of a condition"
	kindUndone         = "a create is refused because its pair exists, and the run removes it"
	kindAfterDoubt     = "a pair is created after its delete failed"
	kindBlindPost      = "a POST is repeated although the first may have worked"
)

// kinds is ordered from causes to consequences.
var kinds = []string{
	kindPanic, kindToken, kindPlanWrites, kindFalseAbsence, kindStaleRead, kindIncompleteList, kindRowTwice, kindStaleList, kindAdopted,
	kindOwnRemoved, kindStranger, kindUnplanned, kindInconsistent, kindDoubled, kindStillIn, kindForgotten, kindLostAccess,
	kindNotCreated, kindTwoAddresses, kindUnannounced, kindPlanSilent, kindPlanFalse, kindNamesNoOne, kindListNeeded, kindWrongState,
	kindFalseCause, kindFails, kindNotReached, kindUndone, kindAfterDoubt, kindBlindPost, kindSlow, kindSlowStop, kindInFlight,
	kindNotShared, kindLateRequest, kindManyRequests,
}

// overlapping is appended to the kind of a violation if the run removes and creates one pair, so that these are separate kinds.
const overlapping = " (the run removes and creates one pair)"

func (v violation) rank() int {
	return slices.IndexFunc(kinds, func(kind string) bool { return strings.HasPrefix(v.kind, kind) })
}

// verdict judges one run.
type verdict struct {
	*world
	c      *command
	s      step
	cfg    *configuration
	before *state
	rows   map[pair][]string // before the run
	began  time.Time
	took   time.Duration
	// The numbers of changes and requests before the run.
	changesBefore, requestsBefore int
	planRequests                  int

	plan       *plan
	announced  []diagnostic // by the plan
	applyBegan time.Time
	applied    bool
	started    map[string]bool
	overlapped bool
}

func newVerdict(w *world, c *command, s step, cfg *configuration) *verdict {
	return &verdict{
		world: w, c: c, s: s, cfg: cfg, before: w.state, rows: w.rows(), began: time.Now(),
		changesBefore: len(w.kantata.Changes()), requestsBefore: len(w.kantata.Requests()),
	}
}

func (v *verdict) planned(pl *plan) {
	v.plan, v.announced, v.planRequests = pl, slices.Clone(v.c.diags), len(v.requests())
	for _, r := range v.requests() {
		if r.Method != http.MethodGet {
			v.broke(kindPlanWrites, "%s %s", r.Method, r.Path)
		}
	}
}

func (v *verdict) requests() []kantatatest.Request { return v.kantata.Requests()[v.requestsBefore:] }

// names reports whether an error of this run names the pair, or belongs to an instance of it.
func (v *verdict) names(p pair) bool {
	return slices.ContainsFunc(v.c.diags, func(d diagnostic) bool { return !d.warning && d.about(p) })
}

// says does the same as names, for errors and warnings.
func (v *verdict) says(p pair) bool {
	return slices.ContainsFunc(v.c.diags, func(d diagnostic) bool { return d.about(p) })
}

// excused reports whether something that the run left behind for the pair is explained already: an error names the pair, an earlier error
// did, or the run was killed.
func (v *verdict) excused(p pair) bool { return v.names(p) || v.suspected[p] || v.c.killed }

// facts is what happened to the memberships, arranged for the checks.
type facts struct {
	changes  []kantatatest.Change          // in this run
	rows     map[pair][]string             // now
	byID     map[string]pair               // now
	lastOf   map[pair]kantatatest.Change   // the last change of each pair, ever
	lastByID map[string]kantatatest.Change // the last change of each membership, ever
	outside  map[pair]bool                 // changed outside Terraform during the run
	created  map[int64]bool                // created by this run
	wanted   map[pair][]string             // the addresses that the run was to create, change or keep
	held     map[string][]string           // membership ID to addresses, in the state now
	heldPair map[pair]bool                 // in the state now
	known    map[pair]bool                 // in the state before or after reading
	toRemove map[pair]bool                 // by the plan
}

func (v *verdict) facts() *facts {
	f := &facts{
		changes: v.kantata.Changes()[v.changesBefore:], rows: v.world.rows(), byID: map[string]pair{}, lastOf: map[pair]kantatatest.Change{},
		lastByID: map[string]kantatatest.Change{}, outside: map[pair]bool{}, created: map[int64]bool{}, wanted: map[pair][]string{},
		held: map[string][]string{}, heldPair: map[pair]bool{}, known: map[pair]bool{}, toRemove: map[pair]bool{},
	}
	for p, ids := range f.rows {
		for _, id := range ids {
			f.byID[id] = p
		}
	}
	for _, ch := range v.kantata.Changes() {
		f.lastOf[pairOf(ch.Membership)] = ch
		f.lastByID[fmt.Sprint(ch.Membership.ID)] = ch
	}
	for _, ch := range f.changes {
		if ch.Outside {
			f.outside[pairOf(ch.Membership)] = true
		} else if ch.Added && v.posted(ch.Membership) { // otherwise, the POST of an earlier run is done late
			f.created[ch.Membership.ID] = true
		}
	}
	if v.s.Command != commandRefreshOnly {
		for addr, in := range v.cfg.instances() {
			if v.cfg.targeted(addr) {
				f.wanted[in.pair] = append(f.wanted[in.pair], addr)
			}
		}
	}
	for _, o := range v.before.all() {
		f.known[o.pair()] = true
	}
	if v.plan != nil {
		for _, o := range v.plan.state.all() {
			f.known[o.pair()] = true
		}
		for _, ch := range v.plan.changes {
			if ch.removes() {
				f.toRemove[ch.prior.pair()] = true
			}
		}
	}
	for name, o := range v.state.all() {
		f.held[o.id()] = append(f.held[o.id()], name)
		f.heldPair[o.pair()] = true
	}
	return f
}

// all returns the objects of a state by address, or by address and key.
func (s *state) all() map[string]*object {
	all := map[string]*object{}
	for addr, o := range s.current {
		all[addr] = o
	}
	for key, o := range s.deposed {
		all[key] = o
	}
	return all
}

// judge checks every invariant of a run.
func (v *verdict) judge() {
	for _, b := range v.c.broken {
		v.broke(b.kind, "%s", b.detail)
	}
	f := v.facts()
	v.judgeTime()
	v.judgeRequests(f)
	v.judgeFailure()
	v.judgeRemovals(f)
	v.judgeSharedRequests()
	v.judgePlan()
	v.judgeAnnouncements(f)
	v.judgeAccess(f)
	v.judgeState(f)
	v.judgeLeftovers(f)
	v.judgeAdoptions()
	v.judgeRefusals(f)
	v.judgeDoubts()
	v.judgePosts()
	v.judgeCauses()
	v.judgeToken()
	for _, d := range v.c.diags {
		for _, p := range d.pairs {
			v.suspected[p] = v.suspected[p] || !d.warning
		}
	}
	for _, p := range v.removedAtTainted() {
		v.suspected[p] = true
	}
	if v.c.killed && v.plan != nil {
		for _, ch := range v.plan.changes {
			for _, p := range ch.pairs() {
				v.suspected[p] = true
			}
		}
	}
	for p := range f.wanted {
		v.everWanted[p] = true
	}
}

// judgeTime checks that a run ends within the time that its faults can cost. A fault without a response costs a request timeout, a
// Retry-After costs the time that it names, and any other fault costs the wait before the next attempt. A rate limit may last five minutes
// (rule 12), and a create that ended in doubt is looked for during a minute (rule 3).
func (v *verdict) judgeTime() {
	limit := 7 * time.Minute
	for _, f := range v.s.Faults {
		cost := 10 * time.Second
		switch {
		case f.RetryAfter > 0:
			cost += time.Duration(f.RetryAfter) * time.Second
		case f.Effect == kantatatest.HangBefore || f.Effect == kantatatest.HangAfter:
			cost += requestTimeout * time.Second
		}
		limit += time.Duration(f.Times) * cost
	}
	for _, e := range v.s.Events {
		limit += time.Duration(e.Secs) * time.Second
	}
	if v.took > limit {
		v.broke(kindSlow, "it took %s; its faults can cost %s", v.took, limit)
	}
	if late := v.c.stoppedAt.Add(v.stopLimit()); v.c.interrupted && time.Now().After(late) {
		v.broke(kindSlowStop, "%s after Ctrl-C", time.Since(v.c.stoppedAt))
	}
}

// stopLimit is how long a run may go on after an interrupt. Rule 9 gives a create 5 seconds to look up its pair, and some more time goes to
// the network. All other calls end at once.
func (v *verdict) stopLimit() time.Duration {
	if slices.ContainsFunc(v.wires, func(w *wire) bool { return !w.lastPost().Before(v.began) }) {
		return 8 * time.Second
	}
	return 500 * time.Millisecond
}

// judgeFailure checks that a run without faults fails only with advice. After a change outside Terraform or an earlier failure, an error
// may be right, and then it says what to do.
func (v *verdict) judgeFailure() {
	if !v.s.quiet() || v.c.halted() {
		return
	}
	for _, d := range v.c.diags {
		switch {
		case d.warning, d.addr == "":
		case slices.ContainsFunc(d.pairs, func(p pair) bool { return v.contested(p, d.addr) }):
		case v.plan == nil && !v.advises(d):
			v.broke(kindFails, "the plan: %s", d.text())
		case v.plan != nil && !slices.ContainsFunc(d.pairs, func(p pair) bool { return v.outside[p] || v.suspected[p] || v.abandoned[p] }):
			v.broke(kindFails, "%s", d.text())
		}
	}
}

// contested reports whether an error about the pair can be right without any fault: two addresses of the configuration or of the state have
// it, the person has left, create_before_destroy creates it while it exists, it turned out to be another one in apply, it cannot be
// imported, or its delete cannot begin while its create waits for it (rule 11).
func (v *verdict) contested(p pair, addr string) bool {
	if v.c.parallelism == 1 && v.overlap {
		return true
	}
	// Before a destroy, Terraform plans normally.
	if v.left[p.user] || len(v.config.addressesOf(p)) > 1 || v.config.instances()[addr].imported && len(v.rows[p]) == 0 {
		return true
	}
	if v.plan == nil {
		return false
	}
	for other, o := range v.plan.state.all() {
		removed := slices.ContainsFunc(v.plan.changes, func(ch *change) bool { return ch.removes() && ch.prior == o })
		if other != addr && o.pair() == p && !removed {
			return true
		}
	}
	return slices.ContainsFunc(v.plan.changes, func(ch *change) bool {
		createsFirst := ch.instance.createFirst && ch.creates() && ch.instance.pair == p
		return ch.addr == addr && ch.instance.deferred || createsFirst && v.existed(p)
	})
}

// judgeRemovals checks rule 7, and that the run removes nothing that it created itself.
func (v *verdict) judgeRemovals(f *facts) {
	for _, ch := range f.changes {
		if ch.Outside || ch.Added {
			continue
		}
		p := pairOf(ch.Membership)
		if !f.known[p] {
			v.broke(kindStranger, "%s (%d)", p, ch.Membership.ID)
		} else if !f.toRemove[p] {
			v.broke(kindUnplanned, "%s (%d)", p, ch.Membership.ID)
		}
		if f.created[ch.Membership.ID] {
			v.broke(kindOwnRemoved, "%s (%d)", p, ch.Membership.ID)
		}
	}
}

// judgeSharedRequests checks rule 13: if nothing but requests that several lookups share fails, no lookup fails.
func (v *verdict) judgeSharedRequests() {
	if slices.ContainsFunc(v.s.Events, func(e event) bool { return !e.before() }) || v.c.halted() {
		return
	}
	if slices.ContainsFunc(v.s.Faults, func(f fault) bool { return f.Status < http.StatusBadRequest }) { // see isFinal
		return
	}
	failed := false
	for _, r := range v.requests() {
		shared := strings.Contains(r.Query, "only=") || !strings.Contains(r.Query, "user_id=")
		switch {
		case r.Status == http.StatusOK, r.Status == http.StatusNoContent:
		case r.Method == http.MethodGet && r.Path == "/access_group_memberships" && shared && !isFinal(r.Status):
			failed = true
		default:
			return
		}
	}
	for _, d := range v.c.diags {
		about := strings.HasPrefix(d.summary, "Unable to ") && strings.HasSuffix(d.summary, " Access Group Membership")
		contested := slices.ContainsFunc(d.pairs, func(p pair) bool { return v.contested(p, d.addr) })
		if failed && about && d.addr != "" && v.history.Lists == "" && !contested {
			v.broke(kindListNeeded, "%s", d.text())
		}
	}
}

// isFinal reports whether a response concerns more than the request: no response, a token that is rejected or lacks a permission, or a rate
// limit. The status of a page that is not JSON does not say whether the request failed.
func isFinal(status int) bool {
	return slices.Contains([]int{0, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}, status)
}

// judgeAnnouncements checks that the plan names everyone whose access the run interrupts. A plan cannot know what others change during the
// run, or who an unknown user_id will be. Replacing a resource by itself is no finding.
func (v *verdict) judgeAnnouncements(f *facts) {
	for _, d := range v.c.diags {
		if d.warning && d.addr != "" && len(v.mentioned(d)) == 0 {
			v.broke(kindNamesNoOne, "%s", d.text())
		}
	}
	for _, ch := range f.changes {
		p := pairOf(ch.Membership)
		if ch.Added || ch.Outside || len(f.wanted[p]) == 0 || f.outside[p] || v.isAnnounced(p) {
			continue
		}
		v.broke(kindUnannounced, "%s, wanted by %s", p, f.wanted[p])
	}
}

func (v *verdict) isAnnounced(p pair) bool {
	return slices.ContainsFunc(v.announced, func(d diagnostic) bool { return d.mentions(p) }) ||
		slices.ContainsFunc(v.plan.changes, func(ch *change) bool {
			own := ch.prior != nil && ch.prior.pair() == p
			return ch.instance.pair == p && (ch.userUnknown() || ch.creates() && own) || ch.removes() && own && v.looksNew(ch)
		})
}

// looksNew reports whether the provider cannot know that a tainted address holds a pair which another address creates: it is not read, or
// its Read ends before the other plan call begins, and that call may then be the tainted address's own. A call that looks a person up by
// e-mail address counts as begun when it knows the pair.
func (v *verdict) looksNew(held *change) bool {
	return held.prior.tainted && (v.s.NoRefresh || slices.ContainsFunc(v.plan.changes, func(ch *change) bool {
		return ch.creates() && ch.instance.pair == held.prior.pair() &&
			(ch.instance.email != "" || !v.c.planBegan[ch.addr].Before(v.c.readEnded[held.addr]))
	}))
}

// looksForgotten reports whether the run removes a pair at a tainted address although the plan keeps it at another one. For the provider,
// this looks like an address that OpenTofu forgets, so a warning is enough. With -refresh=false, it cannot know the tainted address.
func (v *verdict) looksForgotten(p pair) bool {
	return v.plan != nil && (v.says(p) || v.s.NoRefresh) && slices.ContainsFunc(v.plan.changes, func(ch *change) bool {
		return ch.removes() && ch.prior.tainted && ch.prior.pair() == p && ch.instance.pair != p
	})
}

// removedAtTainted returns the pairs that the run removes at a tainted address although another one keeps them. The next run that is about
// them adds them again.
func (v *verdict) removedAtTainted() (pairs []pair) {
	for p := range v.rows {
		if v.heldTwice(p) && v.looksForgotten(p) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// judgeAccess checks that every person whom the configuration names has access, or that an error names the pair, or that Terraform never
// started the create.
func (v *verdict) judgeAccess(f *facts) {
	if v.c.killed {
		return
	}
	for p, addrs := range f.wanted {
		if last, ok := f.lastOf[p]; len(f.rows[p]) > 0 || ok && last.Outside || v.names(p) {
			continue
		}
		started := slices.ContainsFunc(addrs, func(addr string) bool { return v.started[addr] })
		had := v.existed(p)
		switch {
		case had && !started && (v.c.halted() || v.dependencyFailed(addrs)):
		case v.looksForgotten(p):
		case had:
			v.broke(kindLostAccess, "%s, wanted by %s", p, addrs)
		case v.applied && !v.c.failed() && started && v.plan.creates(p):
			v.broke(kindNotCreated, "%s, wanted by %s", p, addrs)
		}
	}
}

// postsWork reports whether the provider can know the outcome of each POST. After an interrupt without any fault, rule 9 leaves it one
// lookup.
func (s step) postsWork() bool {
	return !s.faulty(http.MethodPost) && !s.happens(eventOutage) && !s.happens(eventKill) && (!s.happens(eventInterrupt) || len(s.Faults) == 0)
}

// dependencyFailed reports whether Terraform did not start the creates of the addresses because a step before them failed.
func (v *verdict) dependencyFailed(addrs []string) bool {
	return slices.ContainsFunc(v.c.diags, func(d diagnostic) bool { return !d.warning && slices.Contains(addrs, d.addr) })
}

// judgeState checks that every entry of the state names a membership that exists, and one address only.
func (v *verdict) judgeState(f *facts) {
	if v.s.Command == commandQuery { // which neither reads nor changes the state
		return
	}
	for id, names := range f.held {
		if _, exists := f.byID[id]; !exists { // judged below
			continue
		}
		// With -target, Terraform does not tell the provider who else holds the pair. So a warning of an adoption is enough, and nothing
		// can be said about an import, or about what was held twice before.
		twice := func(name string) bool {
			return slices.Contains(v.cfg.imports, name) || v.held(v.before, v.state.all()[name].pair()) > 1
		}
		if len(v.cfg.targets) > 0 && slices.ContainsFunc(names, twice) {
			continue
		}
		p := v.state.all()[names[0]].pair()
		wanted := v.cfg.instances()
		if !slices.ContainsFunc(names, func(name string) bool { _, ok := wanted[name]; return ok }) { // the plan removes all of them
			continue
		}
		interrupted := v.plan == nil && v.c.halted()
		if (v.s.Command == commandRefreshOnly || interrupted) && v.held(v.before, p) > 1 { // no plan call shows it
			continue
		}
		if len(names) > 1 && !v.excused(p) && !v.says(p) {
			v.broke(kindTwoAddresses, "%s hold %s", strings.Join(names, " and "), id)
		}
	}
	if v.plan == nil { // nothing was written, and the run before was judged
		return
	}
	for name, o := range v.state.all() {
		p, exists := f.byID[o.id()]
		last, known := f.lastByID[o.id()]
		switch {
		case exists && p != o.pair():
			v.broke(kindWrongState, "%s: membership %s is of %s", name, o.id(), p)
		case exists, known && last.Outside, v.excused(o.pair()), v.looksForgotten(o.pair()):
		case v.heldTwice(o.pair()) && (v.says(o.pair()) || len(v.cfg.targets) > 0):
			// The other address replaces itself; the next read takes the new ID (rule 2). With -target, no plan call shows this address.
		default:
			v.broke(kindWrongState, "%s: membership %s", name, o.id())
		}
	}
}

// judgeLeftovers checks that no membership is left that no one knows about: created twice, created and not in the state, or removed from
// the state only.
func (v *verdict) judgeLeftovers(f *facts) {
	for p, ids := range f.rows {
		for _, id := range ids {
			if !f.created[number(id)] {
				continue
			}
			if len(ids) > 1 && !f.outside[p] && !v.says(p) && !v.excused(p) {
				v.broke(kindDoubled, "%s: %s", p, ids)
			}
			// Rule 4: no error excuses a create that is known to have worked.
			if len(f.held[id]) == 0 && (!v.excused(p) || v.s.postsWork()) {
				v.broke(kindForgotten, "%s (%s)", p, id)
			}
		}
	}
	for p := range f.toRemove {
		if len(f.wanted[p]) == 0 && !f.heldPair[p] && len(v.notStrange(f, p)) > 0 && !f.outside[p] && !v.excused(p) {
			v.broke(kindStillIn, "%s", p)
		}
	}
	v.judgeNewIDs(f)
	// What a read found absent has left the state, so it must not exist.
	for _, o := range v.before.current {
		p := o.pair()
		if v.plan != nil && !f.heldPair[p] && !f.toRemove[p] && len(f.rows[p]) > 0 && !f.outside[p] && !v.excused(p) && !v.forgotten(p) {
			v.broke(kindStillIn, "%s left the state", p)
		}
	}
}

// notStrange returns the rows of a pair that the plan removes, without those that others added next to the one that the run removed: they
// stay (rule 7).
func (v *verdict) notStrange(f *facts, p pair) []string {
	removed := slices.ContainsFunc(v.plan.changes, func(ch *change) bool {
		if !ch.removes() || ch.prior.pair() != p {
			return false
		}
		last := f.lastByID[ch.prior.id()]
		return !last.Added && !last.Outside
	})
	return slices.DeleteFunc(slices.Clone(f.rows[p]), func(id string) bool { return removed && f.lastByID[id].Outside })
}

// judgeNewIDs checks that a removal follows a new ID that the membership got before the apply (rule 6).
func (v *verdict) judgeNewIDs(f *facts) {
	if v.plan == nil {
		return
	}
	for _, ch := range v.plan.changes {
		if !ch.removes() || len(f.wanted[ch.prior.pair()]) > 0 {
			continue
		}
		p := ch.prior.pair()
		removed, added := f.lastByID[ch.prior.id()], f.lastOf[p]
		before := removed.Outside && !removed.Added && !added.At.After(v.applyBegan)
		if before && len(f.rows[p]) > 0 && !f.heldPair[p] && !v.excused(p) {
			v.broke(kindStillIn, "%s has a new ID", p)
		}
	}
}

func (v *verdict) forgotten(p pair) bool {
	return slices.ContainsFunc(v.plan.changes, func(ch *change) bool { return ch.action == actionForget && ch.prior.pair() == p })
}

func number(id string) (n int64) {
	_, _ = fmt.Sscan(id, &n)
	return n
}

// judgeToken checks rule 8 for what Terraform prints and keeps. The process checks its own log.
func (v *verdict) judgeToken() {
	for _, d := range v.c.diags {
		if strings.Contains(d.text(), kantatatest.Token) {
			v.broke(kindToken, "in a diagnostic: %s", d.text())
		}
	}
	for name, o := range v.state.all() {
		if strings.Contains(fmt.Sprint(o.attrs)+string(o.private), kantatatest.Token) {
			v.broke(kindToken, "in the state of %s", name)
		}
	}
}

// read checks rule 1 for each read: a membership that existed all the time, also while the evidence was gathered, must not be reported
// absent.
func (w *world) read(addr string, prior, next *object, began time.Time) {
	if prior.attrs["user_id"] == "" {
		return
	}
	p := prior.pair()
	rows, during, lately := 0, false, false // the account may contain a pair twice
	for _, ch := range w.kantata.Changes() {
		if pairOf(ch.Membership) == p {
			if ch.Added {
				rows++
			} else {
				rows--
			}
			during = during || began.Sub(ch.At) < evidenceAge
			lately = lately || !ch.Added && time.Since(ch.At) < 2*time.Minute
		}
	}
	switch {
	case during:
	case next == nil && rows > 0:
		w.broke(kindFalseAbsence, "%s: %s", addr, p)
	case next != nil && rows == 0 && !lately:
		w.broke(kindStaleRead, "%s: %s", addr, p)
	}
}

// evidenceAge is the greatest age of the evidence that a pair is absent (rule 5).
const evidenceAge = 10 * time.Second

// created records a membership that a create took into the state although someone else had added it: long before the create was sent, or
// before a membership that the process had created when this call began, so that its ID is higher.
func (w *world) created(next *object, began, sent time.Time) {
	if next == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	older := !w.history.Alias && slices.ContainsFunc(w.made, func(m made) bool { return m.id > number(next.id()) && !m.at.After(began) })
	for _, ch := range w.kantata.Changes() {
		if fmt.Sprint(ch.Membership.ID) == next.id() && ch.Added && ch.Outside && (older || sent.Sub(ch.At) > evidenceAge) {
			w.adopted = append(w.adopted, next.pair())
		}
	}
	w.made = append(w.made, made{number(next.id()), time.Now()})
}

// destroyed records a membership that the provider has removed.
func (w *world) destroyed(prior *object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone[prior.id()] = true
}

// made is the ID that a create returned, and when.
type made struct {
	id int64
	at time.Time
}

// judgeAdoptions checks rule 5: nothing is adopted silently.
func (v *verdict) judgeAdoptions() {
	for _, p := range v.adopted {
		if !v.says(p) {
			v.broke(kindAdopted, "%s", p)
		}
	}
	v.adopted, v.made, v.gone = nil, nil, map[string]bool{}
}

// judgeRefusals checks that no delete undoes what the refusal of a create says (rule 11).
func (v *verdict) judgeRefusals(f *facts) {
	for _, d := range v.c.diags[len(v.announced):] {
		m := subject.FindStringSubmatch(oneLine(d.detail))
		if d.warning || d.summary != saysExists || m == nil {
			continue
		}
		if p := (pair{m[2], m[1]}); len(f.rows[p]) == 0 && !f.outside[p] {
			v.broke(kindUndone, "%s", p)
		}
	}
}

// judgeDoubts checks that no POST is sent after a delete of its pair failed (rule 11).
func (v *verdict) judgeDoubts() {
	if v.plan == nil {
		return
	}
	for _, removal := range v.plan.changes {
		ended, failed := v.c.deleteEnded[removal.addr+removal.deposed]
		sent := failed && slices.ContainsFunc(v.requests(), func(r kantatatest.Request) bool {
			return r.Method == http.MethodDelete && strings.HasSuffix(r.Path, "/"+removal.prior.id())
		})
		if !sent {
			continue
		}
		for _, ch := range v.plan.changes {
			o := v.state.current[ch.addr]
			created := ch.creates() && v.c.posted[ch.addr].After(ended) && o != nil && o != ch.prior
			if ch != removal && created && o.pair() == removal.prior.pair() {
				v.broke(kindAfterDoubt, "%s at %s", o.pair(), ch.addr)
			}
		}
	}
}

// judgePosts checks rule 3: after a POST that may have worked, another one of the same pair needs a lookup, and none follows a timeout. A
// connection that breaks has the status 0.
func (v *verdict) judgePosts() {
	open := map[string]int{} // the status of the last POST with this body that may have worked, if no lookup has followed
	for _, r := range v.requests() {
		status, again := open[r.Body]
		mayWork := r.Status == 0 || r.Status == http.StatusRequestTimeout || r.Status >= http.StatusInternalServerError
		switch {
		case r.Method == http.MethodPost && again:
			v.broke(kindBlindPost, "%s after the status %d", r.Body, status)
		case r.Method == http.MethodPost && mayWork:
			open[r.Body] = r.Status
		case r.Method == http.MethodGet && r.Path == "/access_group_memberships":
			maps.DeleteFunc(open, func(_ string, status int) bool {
				return status != http.StatusRequestTimeout && status != http.StatusGatewayTimeout
			})
		}
	}
}

// written returns the IDs of what the run has created or adopted, and of what it has removed. A resource whose membership another one has
// adopted is destroyed without a DELETE (rule 11). Another process does not know any of it.
func (w *world) written() (made, gone map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	made = map[string]bool{}
	if w.history.Alias {
		return made, nil
	}
	for _, m := range w.made {
		made[fmt.Sprint(m.id)] = true
	}
	gone = maps.Clone(w.gone)
	maps.DeleteFunc(gone, func(id string, _ bool) bool { return made[id] })
	return made, gone
}

// listed checks that a list that the provider returns as complete contains every row that existed during the whole read, and that it shows
// what the process had created or removed before.
func (w *world) listed(group string, ids []string, l listing) {
	if len(slices.Compact(slices.Sorted(slices.Values(ids)))) != len(ids) {
		w.broke(kindRowTwice, "%v", ids)
	}
	exists, absent := map[string]bool{}, map[string]bool{}
	for _, ch := range w.kantata.Changes() {
		if group != "" && pairOf(ch.Membership).group != group {
			continue
		}
		id := fmt.Sprint(ch.Membership.ID)
		exists[id] = ch.Added && (l.made[id] || l.began.Sub(ch.At) > evidenceAge) && !w.hidden[id]
		absent[id] = !ch.Added && l.gone[id]
	}
	for id, there := range exists {
		if there && !slices.Contains(ids, id) {
			w.broke(kindIncompleteList, "%s (group %q)", id, group)
		}
	}
	for _, id := range ids {
		if absent[id] {
			w.broke(kindStaleList, "%s (group %q)", id, group)
		}
	}
}
