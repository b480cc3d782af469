package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const (
	firstGroup = kantatatest.FinanceApprovers
	firstUser  = kantatatest.FirstUser

	groups = 3
	people = 24
)

// result is the outcome of a history.
type result struct {
	violations []violation
	trace      string
	runs       int // plans and applies
}

func (r *result) has(kind string) bool {
	return slices.ContainsFunc(r.violations, func(v violation) bool { return v.kind == kind })
}

// causes returns one violation of each step, the one that is most likely the cause of the others. If a step broke something, the end of the
// history adds no information.
func (r *result) causes() (list []violation) {
	byStep := map[int]violation{}
	for _, v := range r.violations {
		if first, ok := byStep[v.step]; !ok || v.rank() < first.rank() {
			byStep[v.step] = v
		}
	}
	for _, step := range slices.Sorted(maps.Keys(byStep)) {
		if step == stepEnd && slices.ContainsFunc(list, func(v violation) bool { return !strings.HasPrefix(v.kind, kindFalseCause) }) {
			continue
		}
		list = append(list, byStep[step])
	}
	return list
}

const stepEnd = 1000 // the step of what happens after the last step of a history

// world is a history while it runs: Kantata, the configuration, the state, and what is known about each pair.
type world struct {
	history history
	kantata *kantatatest.Server
	config  *configuration
	state   *state
	result  *result
	step    int
	stopAt  string // stop at the first violation of this kind
	verbose bool   // the trace shows every request
	record  func(process, line string)
	wires   []*wire // of processes that have ended

	mu         sync.Mutex // guards the rest: requests run events at the same time as calls
	trace      strings.Builder
	adopted    []pair          // by the run, see created
	made       []made          // by the run, see created
	gone       map[string]bool // IDs of what the run has removed
	overlap    bool            // the run removes and creates one pair
	suspected  map[pair]bool   // an error named the pair, or a run that concerned it was killed
	outside    map[pair]bool   // changed outside Terraform
	everWanted map[pair]bool
	abandoned  map[pair]bool   // removed from the state only, as the user asked
	hidden     map[string]bool // memberships that lists count and never show
	left       map[string]bool // IDs of people who have left the account
}

// run runs a history in a bubble of its own. The verdict is data: a violation does not fail the test.
func run(t *testing.T, h history, verbose bool, stopAt string) *result {
	t.Helper()
	res := &result{}
	panicked := func(step int) {
		if p := recover(); p != nil {
			res.violations = append(res.violations, violation{kind: kindPanic, detail: fmt.Sprintf("%v\n%s", p, debug.Stack()), step: step})
		}
	}
	func() {
		defer panicked(0) // a deadlock of the bubble
		synctest.Test(t, func(*testing.T) {
			defer panicked(0)
			w := newWorld(h, res, kantatatest.New(append(h.kantata(), kantatatest.WithoutListener())...))
			w.stopAt, w.verbose = stopAt, verbose
			w.live()
			w.close()
			if verbose {
				res.trace = w.trace.String()
			}
		})
	}()
	return res
}

// linger is the time in which reads that turned out to be unnecessary end. In reality, they end with the process.
const linger = 10 * time.Minute

// close ends what the bubble would otherwise wait for.
func (w *world) close() {
	time.Sleep(linger)
	w.kantata.Close()
	for _, wire := range w.wires {
		wire.shut()
	}
	time.Sleep(linger)
}

func (w *world) ended(wire *wire) { w.wires = append(w.wires, wire) }

func (s settings) kantata() []kantatatest.Option {
	dialect := kantatatest.Dialect{Duplicates: duplicateStyles[s.Duplicates], DeleteStatus: s.DeleteStatus}
	if read, ok := readings[s.Reading]; ok {
		read(&dialect)
	}
	options := []kantatatest.Option{kantatatest.WithDialect(dialect)}
	if s.DefaultRows {
		options = append(options, kantatatest.WithDefaultGroups())
	}
	if s.PageSize > 0 {
		options = append(options, kantatatest.WithMaxPerPage(s.PageSize))
	}
	return options
}

func newWorld(h history, res *result, kantata *kantatatest.Server) *world {
	w := &world{
		history: h, kantata: kantata, config: &configuration{lists: h.Lists}, state: newState(), result: res,
		suspected: map[pair]bool{}, outside: map[pair]bool{}, everWanted: map[pair]bool{}, abandoned: map[pair]bool{},
		hidden: map[string]bool{}, left: map[string]bool{}, gone: map[string]bool{},
	}
	kantata.SetListLag(time.Duration(h.Lag) * time.Millisecond)
	for g := range groups {
		kantata.AddAccessGroup(int64(firstGroup+g), fmt.Sprintf("Group %d", g))
	}
	for u := range people {
		w.join(u)
	}
	return w
}

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.trace, format+"\n", args...)
}

func (w *world) broke(kind, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.overlap {
		kind += overlapping
	}
	detail := oneLine(fmt.Sprintf(format, args...))
	w.result.violations = append(w.result.violations, violation{kind, detail, w.step})
	fmt.Fprintf(&w.trace, "  BROKEN: %s: %s\n", kind, detail)
}

// rows returns the IDs of each pair's memberships.
func (w *world) rows() map[pair][]string {
	rows := map[pair][]string{}
	for _, m := range w.kantata.Memberships() {
		rows[pairOf(m)] = append(rows[pairOf(m)], fmt.Sprint(m.ID))
	}
	return rows
}

func pairOf(m kantatatest.Membership) pair {
	return pair{fmt.Sprint(m.AccessGroupID), fmt.Sprint(m.UserID)}
}

// join adds a person to the account, also one who has left.
func (w *world) join(user int) {
	address := emailOf(user)
	if user%2 == 1 {
		address = strings.ToUpper(address) // another spelling than in the configuration
	}
	w.kantata.AddUser(int64(firstUser+user), fmt.Sprintf("User %d", user), address)
	delete(w.left, person{User: user}.pair().user)
}

// change is a change outside Terraform.
func (w *world) change(e event) {
	p := e.Who.pair()
	switch e.What {
	case eventLeave:
		w.kantata.DeactivateUser(int64(firstUser + e.Who.User))
		w.mu.Lock()
		defer w.mu.Unlock()
		w.left[p.user] = true
		for g := range groups {
			w.outside[person{e.Who.User, g}.pair()] = true
		}
	case eventHidden:
		// These memberships belong to other people, whom no lookup asks for.
		id := w.kantata.AddMembership(int64(firstGroup+e.Who.Group), int64(firstUser+people+len(w.hidden)))
		w.kantata.HideMembership(id)
		w.hidden[fmt.Sprint(id)] = true
	case eventEnds:
		if all := w.memberships(func(m pair) bool { return m.group == p.group }); len(all) > 1 {
			w.remove(all[0])
			w.remove(all[len(all)-1])
		}
	default:
		w.setOutside(p)
		all := w.memberships(func(m pair) bool { return m == p })
		if e.What != eventAdd && len(all) > 0 {
			w.remove(all[0])
		}
		if (e.What == eventAdd) == (len(all) == 0) && e.What != eventRemove {
			w.kantata.AddMembership(int64(firstGroup+e.Who.Group), int64(firstUser+e.Who.User))
		}
	}
}

// memberships returns the memberships of some pairs in the order of their IDs.
func (w *world) memberships(of func(pair) bool) []kantatatest.Membership {
	return slices.DeleteFunc(w.kantata.Memberships(), func(m kantatatest.Membership) bool { return !of(pairOf(m)) })
}

func (w *world) remove(m kantatatest.Membership) {
	w.setOutside(pairOf(m))
	w.kantata.RemoveMembership(m.ID)
}

func (w *world) setOutside(p pair) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outside[p] = true
}

// live runs all steps and then the end.
func (w *world) live() {
	for i, s := range w.history.Steps {
		w.step = i + 1
		w.say("step %d: %s", i+1, s.title())
		w.prepare(s)
		w.run(i, s)
		if w.stopAt != "" && w.result.has(w.stopAt) {
			return
		}
	}
	w.step = stepEnd
	w.settle()
}

// prepare makes the edits of a step.
func (w *world) prepare(s step) {
	w.config.begin()
	for _, e := range s.Edits {
		switch e.What {
		case editTaint:
			if o := w.state.current[e.Addr]; o != nil {
				tainted := *o
				tainted.tainted = true
				w.changeState(func(st *state) { st.current[e.Addr] = &tainted })
			}
		case editStateRemove:
			w.abandon(func(addr string) bool { return addr == e.Addr })
			w.changeState(func(st *state) { delete(st.current, e.Addr) })
		case editForget:
			w.abandon(func(addr string) bool { return block(w.config.moved(addr)) == e.Addr })
			w.config.edit(e)
		default:
			w.config.edit(e)
		}
	}
}

func (w *world) abandon(gone func(addr string) bool) {
	for addr, o := range w.state.current {
		if gone(addr) {
			w.abandoned[o.pair()] = true
		}
	}
}

func (w *world) changeState(change func(st *state)) {
	next := w.state.clone()
	next.serial++
	change(next)
	w.state = next
}

// happen makes the changes that come before a phase.
func (w *world) happen(s step, phase string) {
	for _, e := range s.Events {
		if e.Phase == phase && e.before() {
			w.say("  %s", e.line())
			w.change(e)
		}
	}
}

// wait lets more time pass than evidence is valid or lists lag, as between two commands, so that what happened before is certain.
func (w *world) wait() { time.Sleep(2*evidenceAge + time.Duration(w.history.Lag)*time.Millisecond) }

func (w *world) inject(s step, phase string) {
	for _, f := range s.Faults {
		if f.Phase == phase {
			w.kantata.Inject(f.inject())
		}
	}
}

func (f fault) inject() kantatatest.Fault {
	k := kantatatest.Fault{Effect: f.Effect, Method: f.Method, Skip: f.Skip, Times: f.Times, Status: f.Status, Looks: f.Later}
	if f.ByID {
		k.Path = "/access_group_memberships/"
	}
	if f.HTML {
		k.Body, k.Header = "<html>bad gateway</html>", http.Header{"Content-Type": {"text/html"}}
	}
	if f.RetryAfter > 0 {
		k.Header = http.Header{"Retry-After": {fmt.Sprint(f.RetryAfter)}}
	}
	return k
}

func (w *world) command(i int, s step) *command {
	h := w.history
	c := &command{
		kantata: w.kantata, seed: hash(h.Seed, i), product: products[h.CLI], noRefresh: s.NoRefresh,
		refreshOnly: s.Command == commandRefreshOnly, parallelism: h.Parallelism, latency: time.Duration(h.Latency) * time.Millisecond,
		logged: h.Seed%8 == 0, observe: w, record: w.record, alias: h.Alias, quiet: s.quiet(),
	}
	c.onRequest = func(p *process, n int) {
		for _, e := range s.Events {
			if e.Phase == p.phase && e.At == n {
				w.strike(c, e)
			}
		}
	}
	c.onStart = func(p *process) {
		for _, e := range s.Events {
			if e.Phase == p.phase && e.After > 0 {
				after := time.AfterFunc(time.Duration(e.After)*time.Millisecond, func() { w.strike(c, e) })
				p.atEnd = append(p.atEnd, func() { after.Stop() })
			}
		}
	}
	return c
}

// strike makes an event happen while a process runs.
func (w *world) strike(c *command, e event) {
	w.say("    %s", e.line())
	switch e.What {
	case eventInterrupt:
		c.interrupt()
	case eventKill:
		c.kill()
	case eventOutage:
		c.outage(time.Duration(e.Secs) * time.Second)
	default:
		w.change(e)
	}
}

// run runs Terraform once and judges what it did.
func (w *world) run(i int, s step) *verdict {
	w.happen(s, phasePlan)
	w.wait()
	c := w.command(i, s)
	cfg := w.config
	if s.Command == commandDestroy {
		cfg = &configuration{targets: w.config.targets}
	}
	v := newVerdict(w, c, s, cfg)
	w.inject(s, phasePlan)
	var pl *plan
	switch {
	case len(w.config.replace) > 0 && (s.Command == commandDestroy || s.Command == commandRefreshOnly):
		c.fail("", nil, "Unsupported plan mode")
	case s.NoRefresh && s.Command == commandRefreshOnly:
		c.fail("", nil, "Incompatible refresh options")
	case s.Command == commandQuery:
		c.query()
	case s.Command == commandDestroy && !s.NoRefresh && len(w.state.current)+len(w.state.deposed) > 0:
		// terraform destroy first makes an ordinary plan, to refresh the state, and then plans the removals in a second process. Warnings
		// of the first plan are dropped.
		if first := c.plan(w.config, w.state); first != nil {
			c.noRefresh, c.diags = true, nil
			pl = c.plan(cfg, first.state)
		}
	default:
		pl = c.plan(cfg, w.state)
	}
	w.result.runs++
	w.kantata.ClearFaults()
	w.showRequests(v.requestsBefore)
	v.planned(pl)
	if pl != nil && s.Command != commandPlan {
		w.setOverlap(pl.overlaps())
		w.say("  plan: %s", pl)
		planned := time.Now()
		w.happen(s, phaseApply)
		w.wait()
		between := time.Since(planned) // the run does not include it
		v.began = v.began.Add(between)
		c.mu.Lock()
		c.stoppedAt = c.stoppedAt.Add(between) // an interrupt at the end of the plan
		c.mu.Unlock()
		w.inject(s, phaseApply)
		sent := len(w.kantata.Requests())
		v.applyBegan = time.Now()
		w.state, v.started = c.apply(cfg, pl)
		v.applied = true
		w.showRequests(sent)
		w.result.runs++
		w.kantata.ClearFaults()
	}
	v.took = time.Since(v.began)
	for _, d := range c.diags {
		w.say("  %s: %s", cmp.Or(d.addr, "Terraform"), oneLine(d.text()))
	}
	v.judge()
	v.overlapped = w.overlap
	w.setOverlap(false)
	return v
}

// showRequests adds the requests to the trace, except for the first ones.
func (w *world) showRequests(first int) {
	if !w.verbose {
		return
	}
	for i, r := range w.kantata.Requests()[first:] {
		path := r.Path
		if r.Query != "" {
			path += "?" + r.Query
		}
		status := fmt.Sprint(r.Status)
		if r.Status == 0 {
			status = "no response"
		}
		w.say("    %d. %s %s%s -> %s", i+1, r.Method, path, r.Body, status)
	}
}

func (w *world) setOverlap(overlap bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.overlap = overlap
}

// overlaps reports whether the plan removes and creates one pair.
func (p *plan) overlaps() bool {
	if p == nil {
		return false
	}
	removed := map[pair]bool{}
	for _, ch := range p.changes {
		if ch.removes() {
			removed[ch.prior.pair()] = true
		}
	}
	return slices.ContainsFunc(p.changes, func(ch *change) bool { return ch.creates() && removed[ch.instance.pair] })
}
