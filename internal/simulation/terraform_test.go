package simulation

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// This file models what Terraform's core does with a provider: the order of its calls, what it passes to them, and what it keeps in the
// state. TestModel compares it with a real Terraform.

// pair is an access group ID and a user ID.
type pair struct{ group, user string }

func (p pair) String() string { return p.group + "/" + p.user }

// object is one object in the state.
type object struct {
	value    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool
	attrs    map[string]string
}

func (o *object) pair() pair { return pair{o.attrs["access_group_id"], o.attrs["user_id"]} }
func (o *object) id() string { return o.attrs["id"] }

// state is a Terraform state.
type state struct {
	serial  int
	current map[string]*object
	deposed map[string]*object // by address and a key
	data    map[string]string  // the terraform_data of block d: the user ID of each
}

func newState() *state {
	return &state{current: map[string]*object{}, deposed: map[string]*object{}, data: map[string]string{}}
}

func (s *state) clone() *state {
	return &state{s.serial, maps.Clone(s.current), maps.Clone(s.deposed), maps.Clone(s.data)}
}

// diagnostic is what Terraform would print.
type diagnostic struct {
	addr    string
	pairs   []pair // of the instance: configured, and in the state
	summary string
	detail  string
	warning bool
}

func (d diagnostic) text() string { return d.summary + ": " + d.detail }

// mentions reports whether the text gives both IDs of the pair.
func (d diagnostic) mentions(p pair) bool {
	return strings.Contains(d.text(), p.user) && strings.Contains(d.text(), p.group)
}

// about reports whether the diagnostic names the pair or belongs to an instance of it.
func (d diagnostic) about(p pair) bool { return slices.Contains(d.pairs, p) || d.mentions(p) }

// product says in which ways a version of Terraform or OpenTofu differs from others.
type product struct {
	version          string // what it tells the provider
	identities       bool   // identities are passed to the provider
	replacedIdentity bool   // also with the second plan call of a replacement
	deposedIdentity  bool   // also when a replaced object is deleted after the create
	readsRemoved     bool   // an object is read before its removal is planned, and not after
	readsForgotten   bool   // an object that a removed block forgets is read
	plansUnchanged   bool   // a refresh-only run plans removals, and drops what it has planned
	forgetWarning    string // the summary of the warning for each object that is forgotten, or for all if forgetOnce
	forgetOnce       bool
}

const oldest = "Terraform-1.11"

var products = map[string]product{
	oldest: {version: "1.11.4", plansUnchanged: true, forgetWarning: "Some objects will no longer be managed by Terraform", forgetOnce: true},
	"Terraform-1.15": {
		version: "1.15.9", identities: true, replacedIdentity: true, deposedIdentity: true, readsRemoved: true, plansUnchanged: true,
		forgetWarning: "Some objects will no longer be managed by Terraform", forgetOnce: true,
	},
	"OpenTofu-1.12": {
		version: "1.12.6", identities: true, deposedIdentity: true, readsRemoved: true, readsForgotten: true,
		forgetWarning: "Resource will be removed from the state",
	},
}

// command is one run of Terraform: a plan, and an apply if there is one.
type command struct {
	kantata     http.Handler
	seed        uint64
	product     product
	noRefresh   bool
	refreshOnly bool
	parallelism int
	latency     time.Duration
	logged      bool // the provider logs everything
	onRequest   func(p *process, n int)
	onStart     func(p *process)
	observe     observer
	quiet       bool // nothing goes wrong during the run itself
	alias       bool // block n belongs to another provider configuration
	record      func(process, line string)

	// mu guards the rest.
	mu          sync.Mutex
	diags       []diagnostic
	interrupted bool
	killed      bool
	stoppedAt   time.Time
	processes   []*process // those that run
	arrived     int        // requests of the phase
	broken      []violation
	found       []string             // by terraform query
	readEnded   map[string]time.Time // by address
	planBegan   map[string]time.Time // by address
	posted      map[string]time.Time // when the last POST of an address was sent
	deleteEnded map[string]time.Time // by address and key, of deletes that failed
}

// observer is told what each call returned.
type observer interface {
	read(addr string, prior, next *object, began time.Time)
	created(next *object, began, sent time.Time)
	destroyed(prior *object)
	written() (made, gone map[string]bool)
	listed(group string, ids []string, l listing)
	broke(kind, format string, args ...any) // what happens may be after the end of the process
	ended(w *wire)
}

func (c *command) broke(kind, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = append(c.broken, violation{kind: kind, detail: fmt.Sprintf(format, args...)})
}

// interrupt is the first Ctrl-C: the calls that run are canceled, and nothing else is started.
func (c *command) interrupt() { c.stop(false) }

// kill ends Terraform and the provider at once. What had been written to the state stays.
func (c *command) kill() { c.stop(true) }

func (c *command) stop(killed bool) {
	c.mu.Lock()
	if c.interrupted {
		c.mu.Unlock()
		return
	}
	c.interrupted, c.killed, c.stoppedAt = true, killed, time.Now()
	running := slices.Clone(c.processes)
	c.mu.Unlock()
	for _, p := range running {
		if killed {
			p.wire.kill()
		}
		_, _ = p.server.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{})
	}
}

// outage makes Kantata unreachable for all processes.
func (c *command) outage(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.processes {
		p.wire.outage(d)
	}
}

func (c *command) halted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.interrupted
}

func (c *command) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killed
}

func (c *command) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.diags, func(d diagnostic) bool { return !d.warning })
}

// add keeps diagnostics and reports whether one of them is an error. A Terraform that was killed prints nothing more.
func (c *command) add(addr string, pairs []pair, ds []*tfprotov6.Diagnostic) (failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range ds {
		warning := isWarning(d)
		failed = failed || !warning
		if !c.killed {
			c.diags = append(c.diags, diagnostic{addr: addr, pairs: pairs, summary: d.Summary, detail: d.Detail, warning: warning})
		}
	}
	return failed
}

// mark keeps the first time of an address. An address may also have a deposed object, which is read separately.
func (c *command) mark(times *map[string]time.Time, addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *times == nil {
		*times = map[string]time.Time{}
	}
	if _, marked := (*times)[addr]; !marked {
		(*times)[addr] = time.Now()
	}
}

func (c *command) setPosted(addr string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.posted == nil {
		c.posted = map[string]time.Time{}
	}
	c.posted[addr] = at
}

func (c *command) fail(addr string, pairs []pair, summary string) {
	c.add(addr, pairs, []*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityError, Summary: summary}})
}

func (c *command) warn(summary string) {
	c.add("", nil, []*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: summary}})
}

func (c *command) failCall(addr string, pairs []pair, err error) bool {
	if err != nil {
		c.fail(addr, pairs, err.Error())
	}
	return err != nil
}

// node is a vertex of a walk.
type node struct {
	name  string
	after []*node
	run   func() (ok bool)
	done  chan struct{}
	ok    bool
}

// walk runs the nodes in an order that the seed decides, as many at a time as -parallelism says. A node is skipped if a node that it
// follows did not succeed, or if Terraform was told to stop.
func (c *command) walk(phase string, nodes []*node) {
	slots := make(chan struct{}, c.parallelism)
	for _, n := range nodes {
		n.done = make(chan struct{})
	}
	var wait sync.WaitGroup
	for _, n := range nodes {
		wait.Go(func() {
			defer close(n.done)
			for _, d := range n.after {
				<-d.done
				if !d.ok {
					return
				}
			}
			time.Sleep(time.Duration(hash(c.seed, phase, n.name) % uint64(time.Millisecond)))
			slots <- struct{}{}
			defer func() { <-slots }()
			if !c.halted() {
				n.ok = n.run()
			}
		})
	}
	wait.Wait()
}

// action is what a plan does with an instance.
type action string

const (
	actionCreate  action = "create"
	actionUpdate  action = "update"
	actionReplace action = "replace"
	actionRemove  action = "delete"
	actionDeposed action = "delete deposed"
	actionForget  action = "forget"
)

type change struct {
	addr     string
	deposed  string // the key of a deposed object
	action   action
	instance instance
	prior    *object // as it was read
	planned  tftypes.Value
	private  []byte
}

func (ch *change) pairs() (pairs []pair) {
	if ch.instance.pair != (pair{}) {
		pairs = append(pairs, ch.instance.pair)
	}
	if ch.prior != nil {
		pairs = append(pairs, ch.prior.pair())
	}
	return pairs
}

// removes reports whether the change removes the prior object.
func (ch *change) removes() bool {
	return ch.action == actionRemove || ch.action == actionDeposed || ch.action == actionReplace
}

// creates reports whether the change creates a membership.
func (ch *change) creates() bool { return ch.action == actionCreate || ch.action == actionReplace }

// userUnknown reports whether the plan leaves open who the person is.
func (ch *change) userUnknown() bool { return attributes(ch.planned)["user_id"] == unknown }

// creates reports whether the plan creates the pair. An update only changes the state.
func (p *plan) creates(created pair) bool {
	return slices.ContainsFunc(p.changes, func(ch *change) bool { return ch.creates() && ch.instance.pair == created })
}

// plan is a saved plan.
type plan struct {
	serial  int
	state   *state // as it was refreshed
	changes []*change
	data    map[string]string // new values of terraform_data; "" removes one
}

func (p *plan) empty() bool { return len(p.changes) == 0 && len(p.data) == 0 }

func (p *plan) String() string {
	if p == nil {
		return "none"
	}
	var texts []string
	for _, ch := range p.changes {
		texts = append(texts, fmt.Sprintf("%s %s", ch.action, ch.addr))
	}
	return strings.Join(texts, ", ")
}

// targeted reports whether -target includes the address.
func (c *configuration) targeted(addr string) bool {
	return len(c.targets) == 0 || slices.Contains(c.targets, addr)
}

// move moves objects in the state as the moved blocks say.
func (c *command) move(cfg *configuration, st *state) (ok bool) {
	ok = true
	for _, m := range cfg.moves {
		o, found := st.current[m[0]]
		if !found || st.current[m[1]] != nil {
			continue
		}
		delete(st.current, m[0])
		st.current[m[1]] = o
		if !cfg.targeted(m[0]) || !cfg.targeted(m[1]) {
			ok = false
		}
	}
	if !ok {
		c.fail("", nil, "Moved resource instances excluded by targeting")
	}
	return ok
}

// plan is the plan walk. The result is nil if Terraform would stop with an error.
func (c *command) plan(cfg *configuration, from *state) *plan {
	all := c.startAll(phasePlan)
	defer all.end()
	st := from.clone()
	if len(cfg.targets) > 0 {
		c.warn("Resource targeting is in effect")
	}
	if c.failed() || !c.move(cfg, st) {
		return nil
	}
	instances := cfg.instances()
	addresses := maps.Clone(instances)
	for addr := range st.current {
		addresses[addr] = instances[addr]
	}
	result := &plan{serial: from.serial, state: st, data: cfg.planData(st)}
	if c.refreshOnly {
		result.data = nil
	}
	var mu sync.Mutex // guards result and st
	var nodes []*node
	for _, addr := range slices.Sorted(maps.Keys(addresses)) {
		if !cfg.targeted(addr) {
			continue
		}
		prior := st.current[addr]
		in, wanted := instances[addr]
		_, userUnknown := result.data[addr]
		nodes = append(nodes, &node{name: addr, run: func() bool {
			ch, refreshed, ok := all.of(addr).planAddress(cfg, addr, prior, in, wanted, !userUnknown || !in.deferred)
			mu.Lock()
			defer mu.Unlock()
			if ok || refreshed != nil {
				keep(st.current, addr, refreshed)
			}
			if ok && ch != nil {
				result.changes = append(result.changes, ch)
			}
			return ok
		}})
	}
	for _, key := range slices.Sorted(maps.Keys(st.deposed)) {
		addr := deposedFrom(key)
		if !cfg.targeted(addr) {
			continue
		}
		prior := st.deposed[key]
		nodes = append(nodes, &node{name: key, run: func() bool {
			ch, refreshed, ok := all.of(addr).planDeposed(addr, prior)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				keep(st.deposed, key, refreshed)
			}
			if ok && ch != nil {
				ch.deposed = key
				result.changes = append(result.changes, ch)
			}
			return ok
		}})
	}
	if len(cfg.targets) == 0 {
		for _, group := range cfg.listed() {
			nodes = append(nodes, &node{name: "list " + group, run: func() bool { return all.main.list(group) }})
		}
	}
	c.walk(phasePlan, nodes)
	if c.failed() || c.halted() {
		return nil
	}
	c.warnOfForgetting(result)
	slices.SortFunc(result.changes, func(a, b *change) int { return strings.Compare(a.addr+a.deposed, b.addr+b.deposed) })
	return result
}

// deposedFrom returns the address of a deposed object.
func deposedFrom(key string) string {
	addr, _, _ := strings.Cut(key, " (deposed")
	return addr
}

func (c *command) warnOfForgetting(pl *plan) {
	for _, ch := range pl.changes {
		if ch.action == actionForget {
			c.warn(c.product.forgetWarning)
			if c.product.forgetOnce {
				return
			}
		}
	}
}

func keep(objects map[string]*object, key string, o *object) {
	if o == nil {
		delete(objects, key)
	} else {
		objects[key] = o
	}
}

// planData returns the terraform_data that are to be created, changed or removed.
func (c *configuration) planData(st *state) map[string]string {
	changes := map[string]string{}
	if len(c.targets) > 0 && !slices.ContainsFunc(c.targets, func(addr string) bool { return block(addr) == deferred }) {
		return changes
	}
	for addr, in := range c.instances() {
		if in.deferred && st.data[addr] != in.user {
			changes[addr] = in.user
		}
	}
	if len(c.targets) > 0 {
		return changes
	}
	for addr := range st.data {
		if in, ok := c.instances()[addr]; !ok || !in.deferred {
			changes[addr] = ""
		}
	}
	return changes
}

// planAddress refreshes and plans one address.
func (p *process) planAddress(
	cfg *configuration, addr string, prior *object, in instance, wanted, userKnown bool,
) (ch *change, refreshed *object, ok bool) {
	c := p.command
	keepObject, removedBlock := cfg.removed[block(addr)]
	orphan := !wanted && (!c.refreshOnly || c.product.plansUnchanged) && (!removedBlock || !keepObject)
	if orphan && !c.product.readsRemoved {
		// Terraform 1.11 plans a removal before it reads the object, with what is in the state.
		if ch, ok = p.planRemoval(addr, prior, actionRemove); !ok {
			return nil, nil, false
		}
	}
	if !wanted && keepObject && !c.product.readsForgotten && !c.refreshOnly && prior != nil {
		return &change{addr: addr, action: actionForget, prior: prior}, prior, true
	}
	if wanted && prior == nil && in.imported && !c.refreshOnly {
		refreshed, ok = p.importObject(addr, in.String())
	} else {
		refreshed, ok = p.refresh(addr, prior)
	}
	if !ok {
		return nil, nil, false
	}
	switch {
	case wanted && !c.refreshOnly:
		// Terraform passes on the identity of an object that turned out to be absent.
		known := cmp.Or(refreshed, prior)
		ch, ok = p.planInstance(addr, in, refreshed, p.identity(known), userKnown, slices.Contains(cfg.replace, addr))
	case wanted, refreshed == nil, c.refreshOnly && !orphan:
		ch = nil
	case !orphan:
		ch = &change{addr: addr, action: actionForget, prior: refreshed}
	case c.product.readsRemoved:
		ch, ok = p.planRemoval(addr, refreshed, actionRemove)
	}
	if c.refreshOnly {
		ch = nil
	}
	return ch, refreshed, ok
}

func (p *process) planDeposed(addr string, prior *object) (*change, *object, bool) {
	refreshed, ok := p.refresh(addr, prior)
	if !ok || p.command.refreshOnly {
		return nil, refreshed, ok
	}
	ch, ok := p.planRemoval(addr, refreshed, actionDeposed)
	return ch, refreshed, ok
}

func (p *process) planInstance(
	addr string, in instance, prior *object, identity *tfprotov6.ResourceIdentityData, userKnown, forced bool,
) (*change, bool) {
	c := p.command
	ch := &change{addr: addr, instance: in, prior: prior}
	priorValue, private := p.null(), []byte(nil)
	if prior != nil && !prior.tainted {
		priorValue, private = prior.value, prior.private
	}
	if prior != nil && prior.tainted {
		identity = nil
	}
	cfg := p.config(in, userKnown)
	c.mark(&c.planBegan, addr)
	call := func(priorValue tftypes.Value, private []byte, warnings bool) *tfprotov6.PlanResourceChangeResponse {
		resp, planned, err := p.plan(priorValue, cfg, private, identity)
		if err == nil && !warnings {
			resp.Diagnostics = slices.DeleteFunc(resp.Diagnostics, isWarning)
		}
		if c.failCall(addr, ch.pairs(), err) || c.add(addr, ch.pairs(), resp.Diagnostics) {
			return nil
		}
		ch.planned, ch.private = planned, resp.PlannedPrivate
		return resp
	}
	resp := call(priorValue, private, true)
	if resp == nil {
		return nil, false
	}
	switch {
	case prior == nil:
		ch.action = actionCreate
		return ch, true
	case prior.tainted:
		ch.action = actionReplace
		return ch, true
	case forced || replaced(priorValue, ch.planned, resp):
		// Core drops the warnings of this second call.
		if !c.product.replacedIdentity {
			identity = nil
		}
		if call(p.null(), ch.private, false) == nil {
			return nil, false
		}
		ch.action = actionReplace
		return ch, true
	case maps.Equal(attributes(priorValue), attributes(ch.planned)):
		return nil, true
	}
	ch.action = actionUpdate
	return ch, true
}

func isWarning(d *tfprotov6.Diagnostic) bool {
	return d.Severity == tfprotov6.DiagnosticSeverityWarning
}

func replaced(prior, planned tftypes.Value, resp *tfprotov6.PlanResourceChangeResponse) bool {
	before, after := attributes(prior), attributes(planned)
	return slices.ContainsFunc(resp.RequiresReplace, func(path *tftypes.AttributePath) bool {
		name := string(path.Steps()[0].(tftypes.AttributeName))
		return before[name] != after[name]
	})
}

func (p *process) planRemoval(addr string, prior *object, a action) (*change, bool) {
	c := p.command
	if prior == nil {
		return nil, true
	}
	resp, _, err := p.plan(prior.value, p.null(), prior.private, p.identity(prior))
	if c.failCall(addr, []pair{prior.pair()}, err) || c.add(addr, []pair{prior.pair()}, resp.Diagnostics) {
		return nil, false
	}
	return &change{addr: addr, action: a, prior: prior, private: resp.PlannedPrivate}, true
}
