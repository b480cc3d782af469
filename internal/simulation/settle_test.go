package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Errors appear at three moments: in the plan; in the apply, if a user ID that was unknown turns out to be another person's; and in a
// create, if the plan could not report what the create finds. All errors of one moment appear in one run, unless another error hides them,
// but an error at one moment hides those of later moments. So a user may need one run for each moment.

// rounds is the number of runs that may fail before the configuration is reached, if none of them hides what only a create can report. The
// first shows what the history left behind.
func (w *world) rounds() int {
	n := 1
	instances := slices.Collect(maps.Values(w.config.instances()))
	if slices.ContainsFunc(instances, func(in instance) bool { return in.deferred }) {
		n++ // the second moment
	}
	if slices.ContainsFunc(instances, func(in instance) bool { return len(w.config.addressesOf(in.pair)) > 1 }) {
		n++ // the error of the address that stays appears only after the other one is removed
	}
	if slices.ContainsFunc(instances, func(in instance) bool { return in.deferred && len(w.config.addressesOf(in.pair)) > 1 }) {
		n++ // a moved block may lead to the address that is removed then
	}
	if w.holdsTwice() {
		n++ // a moved block, or another error, may come before the advice to remove one of the two
	}
	if w.history.Parallelism == 1 {
		n++ // no call knows the others, so an error gives all remedies, and the user may try the wrong one first
	}
	return n
}

// hides reports whether a run that failed before its creates may hide what only a create can report: its plan warned of a replacement,
// which the create may refuse; something may replace itself with create_before_destroy; or a user ID was unknown, so no plan call could
// look its pair up.
func (v *verdict) hides() bool {
	return v.plan == nil && (v.config.createFirst || len(v.config.planData(v.before)) > 0 ||
		slices.ContainsFunc(v.announced, func(d diagnostic) bool { return d.summary == saysReview }))
}

// settle plays a user who runs Terraform again without any fault, after everyone who left has returned, and follows the advice of the
// errors. Then the memberships must be exactly what the configuration says, and a plan must be empty.
func (w *world) settle() {
	apply := step{Command: commandApply}
	for u := range people {
		w.join(u)
	}
	w.config.begin()
	most, hidden := w.rounds(), 0
	for round := 1; ; round++ {
		w.say("end, run %d", round)
		v := w.run(stepEnd+round, apply)
		if !v.c.failed() {
			if len(v.removedAtTainted()) > 0 {
				continue
			}
			break
		}
		if v.hides() {
			hidden = 1 // the third moment
		}
		if !v.followAll() && round > 1 || round > most+hidden {
			w.broke(kindNotReached, "after %d runs: %s", round, v.c.diags[len(v.c.diags)-1].text())
			return
		}
	}
	w.config.begin()
	w.wait()
	c := w.command(stepEnd, apply)
	pl := c.plan(w.config, w.state)
	w.result.runs++
	if pl == nil || !pl.empty() {
		w.broke(kindNotReached, "the next plan is not empty: %s %v", pl, c.diags)
	}
	rows := w.rows()
	wanted := map[pair]bool{}
	for addr, in := range w.config.instances() {
		wanted[in.pair] = true
		if len(rows[in.pair]) == 0 {
			w.broke(kindNotReached, "%s lacks access, wanted by %s", in.pair, addr)
		}
		if o := w.state.current[addr]; o == nil || o.pair() != in.pair {
			w.broke(kindNotReached, "the state lacks %s", addr)
		}
	}
	for p := range rows {
		if w.everWanted[p] && !wanted[p] && !w.outside[p] && !w.suspected[p] && !w.abandoned[p] {
			w.broke(kindNotReached, "%s still has access", p)
		}
	}
}

// holdsTwice reports whether the state holds a pair at two addresses.
func (w *world) holdsTwice() bool {
	held := map[pair]bool{}
	for _, o := range w.state.all() {
		if held[o.pair()] {
			return true
		}
		held[o.pair()] = true
	}
	return false
}

// followAll follows the advice of the errors of a run, one kind for each error, and reports whether that changed anything.
func (v *verdict) followAll() (followed bool) {
	for _, d := range v.c.diags {
		if d.warning {
			continue
		}
		for _, r := range remedies {
			if strings.Contains(v.advice(d), r.phrase) && r.follow(v, d) {
				followed = true
				break
			}
		}
	}
	return followed
}

// removeFromState runs terraform state rm for the entries of the pair that name no membership, or that the configuration does not have.
func (v *verdict) removeFromState(d diagnostic) (followed bool) {
	rows := v.world.rows()
	instances := v.config.instances()
	v.changeState(func(st *state) {
		for _, objects := range []map[string]*object{st.current, st.deposed} {
			for name, o := range objects {
				in, wanted := instances[name]
				stale := !slices.Contains(rows[o.pair()], o.id()) || (!wanted || in.pair != o.pair()) && v.heldElsewhere(o, name)
				if stale && d.about(o.pair()) {
					v.say("  terraform state rm %s", name)
					delete(objects, name)
					followed = true
				}
			}
		}
	})
	return followed
}

// heldElsewhere reports whether another entry of the state holds the same pair.
func (v *verdict) heldElsewhere(o *object, name string) bool {
	for other, p := range v.state.all() {
		if other != name && p.pair() == o.pair() {
			return true
		}
	}
	return false
}

// addMovedBlock adds moved blocks from addresses that are no longer configured to those that want the same pairs, as far as an error is
// about them.
func (v *verdict) addMovedBlock(d diagnostic) (followed bool) {
	instances := v.config.instances()
	v.changeState(func(st *state) {
		for _, to := range slices.Sorted(maps.Keys(instances)) {
			if st.current[to] != nil || !d.about(instances[to].pair) {
				continue
			}
			for _, from := range slices.Sorted(maps.Keys(st.current)) {
				if _, configured := instances[from]; !configured && st.current[from].pair() == instances[to].pair {
					v.say("  moved %s to %s", from, to)
					st.current[to] = st.current[from]
					delete(st.current, from)
					followed = true
					break
				}
			}
		}
	})
	return followed
}

// applyDependencies runs an apply of the terraform_data only, from which block d has its people.
func (v *verdict) applyDependencies(diagnostic) (followed bool) {
	v.changeState(func(st *state) {
		for addr, in := range v.config.instances() {
			if in.deferred && st.data[addr] != in.user {
				v.say("  terraform_data of %s applied", addr)
				st.data[addr] = in.user
				followed = true
			}
		}
	})
	return followed
}

// removeDuplicate removes one of two addresses from the configuration, one that does not hold a membership of the pair.
func (v *verdict) removeDuplicate(d diagnostic) (followed bool) {
	rows := v.world.rows()
	for _, p := range v.mentioned(d) {
		addrs := v.config.addressesOf(p)
		for _, addr := range addrs {
			if o := v.state.current[addr]; len(addrs) < 2 || o != nil && slices.Contains(rows[p], o.id()) {
				continue
			}
			v.say("  %s removed from the configuration", addr)
			var index int
			if n, _ := fmt.Sscanf(addr, counted+"[%d]", &index); n == 1 {
				v.config.edit(edit{What: editDrop, Index: index})
			} else {
				v.config.edit(edit{What: editRemove, Addr: addr})
			}
			return true
		}
	}
	return false
}

// importExisting adds an import block with the ID that the error gives. It has no effect on an address that is in the state.
func (v *verdict) importExisting(d diagnostic) bool {
	m := importID.FindStringSubmatch(oneLine(d.text()))
	if m == nil || v.state.current[d.addr] != nil {
		return false
	}
	p := pair{m[1], m[2]}
	if len(v.world.rows()[p]) == 0 || v.held(v.state, p) > 0 {
		return false
	}
	v.say("  imported %s as %s", p, d.addr)
	c := v.command(stepEnd, step{Command: commandApply})
	v.state = c.importState(v.state, d.addr, p.String())
	return true
}

// adoptExisting sets adopt_existing = true.
func (v *verdict) adoptExisting(diagnostic) bool {
	if v.config.adopt {
		return false
	}
	v.say("  adopt_existing = true")
	v.config.adopt = true
	return true
}
