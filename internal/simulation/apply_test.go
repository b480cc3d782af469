package simulation

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// application is one apply walk.
type application struct {
	fleet
	command *command
	plan    *plan
	listed  []string // what data sources list that depend on block m

	// mu guards the state and started.
	mu      sync.Mutex
	state   *state
	started map[string]bool // addresses whose create was started
}

// apply carries a plan out. It returns the new state and the addresses whose create was started.
func (c *command) apply(cfg *configuration, pl *plan) (*state, map[string]bool) {
	st := pl.state.clone()
	st.serial = pl.serial + 1
	if len(cfg.targets) > 0 {
		c.warn("Applied changes may be incomplete") // also if nothing is to be changed
	}
	if pl.empty() {
		return st, nil
	}
	a := &application{
		fleet: c.startAll(phaseApply), command: c, plan: pl, listed: cfg.listed(), state: st, started: map[string]bool{},
	}
	defer a.end()
	if c.failed() {
		return pl.state, nil
	}
	c.walk(phaseApply, a.nodes())
	return a.state, a.started
}

func (a *application) nodes() (nodes []*node) {
	data := map[string]*node{}
	for _, addr := range slices.Sorted(maps.Keys(a.plan.data)) {
		n := &node{name: "data " + addr, run: func() bool {
			a.save(func(st *state) {
				if user := a.plan.data[addr]; user == "" {
					delete(st.data, addr)
				} else {
					st.data[addr] = user
				}
			})
			return true
		}}
		data[addr] = n
		nodes = append(nodes, n)
	}
	var before []*node // creates and updates of block m
	for _, ch := range a.plan.changes {
		if ch.action == actionForget {
			a.save(func(st *state) { delete(st.current, ch.addr) })
			continue
		}
		first := ch.action == actionReplace && ch.instance.createFirst
		if first {
			ch.deposed = fmt.Sprintf("%s (deposed by %d)", ch.addr, a.state.serial)
		}
		destroy := &node{name: ch.addr + ch.deposed + " destroy", run: func() bool { return a.destroy(ch) }}
		build := &node{name: ch.addr, run: func() bool { return a.create(ch, first) }}
		if d := data[ch.addr]; d != nil && a.plan.data[ch.addr] != "" {
			build.after = append(build.after, d)
		} else if d != nil {
			d.after = append(d.after, destroy)
		}
		if ch.removes() {
			nodes = append(nodes, destroy)
		}
		if ch.creates() || ch.action == actionUpdate {
			nodes = append(nodes, build)
			if block(ch.addr) == "m" {
				before = append(before, build)
			}
		}
		switch {
		case first:
			destroy.after = append(destroy.after, build)
		case ch.action == actionReplace:
			build.after = append(build.after, destroy)
		}
	}
	if len(before) > 0 {
		for _, group := range a.listed {
			nodes = append(nodes, &node{name: "list " + group, after: before, run: func() bool { return a.main.list(group) }})
		}
	}
	return nodes
}

// save changes the state, unless Terraform was killed before.
func (a *application) save(change func(st *state)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.command.dead() {
		change(a.state)
	}
}

func (a *application) destroy(ch *change) bool {
	next, ok := a.of(ch.addr).destroyObject(ch)
	if !ok {
		a.command.mark(&a.command.deleteEnded, ch.addr+ch.deposed)
	}
	a.save(func(st *state) {
		if ch.deposed != "" {
			keep(st.deposed, ch.deposed, next)
		} else {
			keep(st.current, ch.addr, next)
		}
	})
	return ok
}

func (a *application) create(ch *change, first bool) bool {
	a.save(func(st *state) {
		a.started[ch.addr] = true
		if first {
			st.deposed[ch.deposed] = st.current[ch.addr]
			delete(st.current, ch.addr)
		}
	})
	next, planFailed, ok := a.of(ch.addr).createObject(ch)
	a.save(func(st *state) {
		switch {
		case next != nil:
			st.current[ch.addr] = next
		case first && !planFailed:
			// If the create fails, core restores the deposed object. If the plan call before it fails, core does not.
			st.current[ch.addr] = st.deposed[ch.deposed]
			delete(st.deposed, ch.deposed)
		}
	})
	return ok
}

// destroyObject deletes the prior object and returns what is left of it.
func (p *process) destroyObject(ch *change) (*object, bool) {
	c, prior := p.command, ch.prior
	identity, private := p.identity(prior), ch.private
	if ch.action == actionReplace && (ch.deposed == "" || !c.product.deposedIdentity) {
		identity = nil
	}
	if ch.deposed != "" {
		// A deposed object is planned again in this process.
		resp, _, err := p.plan(prior.value, p.null(), prior.private, p.identity(prior))
		if c.failCall(ch.addr, ch.pairs(), err) || c.add(ch.addr, ch.pairs(), resp.Diagnostics) {
			return prior, false
		}
		private = resp.PlannedPrivate
	}
	resp, err := p.server.ApplyResourceChange(p.ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, PriorState: dynamic(p.object, prior.value), PlannedState: dynamic(p.object, p.null()),
		Config: dynamic(p.object, p.null()), PlannedPrivate: private, PlannedIdentity: identity,
	})
	if c.failCall(ch.addr, ch.pairs(), err) {
		return prior, false
	}
	failed := c.add(ch.addr, ch.pairs(), resp.Diagnostics)
	v := p.unmarshal(resp.NewState)
	if v.IsNull() {
		if !failed {
			c.observe.destroyed(prior)
		}
		return nil, !failed
	}
	if !failed {
		c.fail(ch.addr, ch.pairs(), "Provider returned invalid result object after apply")
	}
	return &object{value: v, private: resp.Private, identity: identity, tainted: prior.tainted, attrs: attributes(v)}, false
}

// createObject plans again, as Terraform does right before each create and update, and then creates or updates.
func (p *process) createObject(ch *change) (next *object, planFailed, ok bool) {
	c := p.command
	cfg := p.config(ch.instance, true)
	prior, private := p.null(), []byte(nil)
	var identity *tfprotov6.ResourceIdentityData // no version passes one for a create
	if ch.action == actionUpdate {
		prior, private, identity, next = ch.prior.value, ch.prior.private, p.identity(ch.prior), ch.prior
	}
	again, planned, err := p.plan(prior, cfg, private, identity)
	if c.failCall(ch.addr, ch.pairs(), err) || c.add(ch.addr, ch.pairs(), again.Diagnostics) {
		return next, true, false
	}
	var different []string
	if ch.action == actionUpdate && replaced(prior, planned, again) {
		different = append(different, "the action is replace")
		if !c.product.replacedIdentity {
			identity = nil
		}
		again, planned, err = p.plan(p.null(), cfg, again.PlannedPrivate, identity)
		if c.failCall(ch.addr, ch.pairs(), err) || c.add(ch.addr, ch.pairs(), again.Diagnostics) {
			return next, true, false
		}
	}
	different = append(different, inconsistent(ch, planned)...)
	for range different {
		c.fail(ch.addr, ch.pairs(), "Provider produced inconsistent final plan")
	}
	if len(different) > 0 {
		// A user_id that was unknown in the plan may turn out to be another person.
		if !ch.instance.deferred {
			c.broke(kindInconsistent, "the plan of %s: %s", ch.addr, different)
		}
		return next, true, false
	}
	if ch.action == actionUpdate && maps.Equal(attributes(prior), attributes(planned)) {
		return next, false, true
	}
	began := time.Now()
	resp, err := p.server.ApplyResourceChange(p.ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, PriorState: dynamic(p.object, prior), PlannedState: dynamic(p.object, planned), Config: dynamic(p.object, cfg),
		PlannedPrivate: again.PlannedPrivate, PlannedIdentity: identity,
	})
	if c.failCall(ch.addr, ch.pairs(), err) {
		return next, false, false
	}
	failed := c.add(ch.addr, ch.pairs(), resp.Diagnostics)
	next = nil
	if v := p.unmarshal(resp.NewState); !v.IsNull() {
		next = &object{value: v, private: resp.Private, identity: resp.NewIdentity, tainted: failed && ch.creates(), attrs: attributes(v)}
	}
	if ch.creates() {
		posted := p.wire.lastPost(ch.instance.group, ch.instance.user)
		c.setPosted(ch.addr, posted)
		c.observe.created(next, began, later(began, posted))
	}
	if failed {
		return next, false, false
	}
	if next == nil {
		c.fail(ch.addr, ch.pairs(), "Provider returned invalid result object after apply")
		c.broke(kindInconsistent, "%s: the state is null after a create", ch.addr)
		return nil, false, false
	}
	for name, text := range attributes(planned) {
		if text != unknown && next.attrs[name] != text {
			c.fail(ch.addr, ch.pairs(), "Provider produced inconsistent result after apply")
			c.broke(kindInconsistent, "the result of %s: %s was %s, is %s", ch.addr, name, text, next.attrs[name])
			return next, false, false
		}
	}
	return next, false, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// inconsistent returns the values that the plan showed as known and that came out differently.
func inconsistent(ch *change, planned tftypes.Value) (different []string) {
	now := attributes(planned)
	for name, text := range attributes(ch.planned) {
		if text != unknown && now[name] != text {
			different = append(different, fmt.Sprintf("%s was %s, is %s", name, text, now[name]))
		}
	}
	return different
}

// query is terraform query.
func (c *command) query() {
	all := c.startAll(phasePlan)
	defer all.end()
	p := all.main
	var nodes []*node
	for _, group := range queried() {
		nodes = append(nodes, &node{name: "list " + group, run: func() bool { return p.query(group) }})
	}
	if !c.failed() {
		c.walk(phasePlan, nodes)
	}
}

// importState is terraform import with a configuration that has the address.
func (c *command) importState(st *state, addr, id string) *state {
	all := c.startAll(phasePlan)
	defer all.end()
	o, ok := all.of(addr).importObject(addr, id)
	if !ok {
		return st
	}
	next := st.clone()
	next.serial++
	next.current[addr] = o
	return next
}
