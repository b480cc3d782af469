package provider

import (
	"context"
	"sync"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// quietTime is how long no call must begin or end before calls stop waiting for the holder of a pair. It passes in steps, so that a
// machine that stood still for a moment does not count that moment.
const (
	quietTime  = quietSteps * quietStep
	quietSteps = 4
	quietStep  = 100 * time.Millisecond
)

// planRegistry records what the calls of one provider process say about each pair, so that a plan reports what two resources do to one
// membership. A call names no resource address. It shows only that some address holds a pair in the state, or wants one that it does not
// hold. Terraform makes these calls in any order, so a finding is returned to whichever of the two calls comes second.
//
// Nothing in a call distinguishes a plan from an apply until the first write. From then on, the registry reports nothing, because the run
// may be about to delete the pair: the create decides (rule 11).
type planRegistry struct {
	released chan struct{} // closed when calls stop waiting for a holder: no call began or ended for quietTime, or the process writes

	mu         sync.Mutex // guards all fields below, and the pairs and wants that they lead to
	pairs      map[kantata.Pair]*plannedPair
	readTwice  []*plannedPair       // pairs that two Reads are about
	creates    int                  // plan calls of addresses that are new or tainted
	explained  map[findingKind]bool // errors whose full text was reported
	writing    bool                 // a create, update or delete was called
	isReleased bool
	running    int // calls in progress that do not wait
	waiting    int
	quiet      *time.Timer // runs while calls wait and none runs
	steps      int         // of quietTime that have passed
}

// plannedPair is what the calls say about one pair.
type plannedPair struct {
	holders   [numFates]int   // addresses that hold the pair in the state, by their fate
	kept      membershipModel // what one that keeps the pair holds
	reads     int             // Reads that have begun and have not found the pair absent
	readsDone int             // those of them that have ended
	// createsBefore is the registry's number of creates when the first of them ended.
	createsBefore int
	wants         []*want
	adoptSaid     bool
	twiceSaid     bool

	// known is closed when calls no longer need to wait for the pair's holder.
	known   chan struct{}
	isKnown bool
}

// fate is what a plan does to an address that holds a pair in the state. If several addresses hold one pair, the greatest fate counts.
type fate int

const (
	givesUp   fate = iota // the address is replaced by another pair
	removes               // its key or block is gone
	undecides             // its pair is not known until apply
	keeps                 // it stays, or is replaced by itself
	numFates              // not a fate
)

// loses reports whether the address gives the pair up. One that undecides keeps it, because Terraform refuses a change that only the apply
// shows, unless -replace or replace_triggered_by replaces the address for another reason. The call that shows this comes second, and the
// first may have to return the finding about an address whose own call has ended.
func (f fate) loses() bool { return f <= removes }

// want is an address that does not hold a pair in the state and plans to have it.
type want struct {
	pair     kantata.Pair
	replaces bool // the address holds another pair, which this one replaces
	adopts   bool // adopt_existing is true or not yet known
	// readBefore is the number of Reads of the pair that had ended. One of them may be that of this address, if the address is tainted.
	readBefore int

	membership *membershipModel // what the lookup found; nil if the pair is absent
	judged     bool             // the address's own call has returned, so later findings go to the holders' calls
	said       findingKind
}

func newPlanRegistry() *planRegistry {
	return &planRegistry{released: make(chan struct{}), pairs: map[kantata.Pair]*plannedPair{}, explained: map[findingKind]bool{}}
}

// begin records that a call of Terraform is in progress until the returned function is called.
func (r *planRegistry) begin() (end func()) {
	r.count(1, 0)
	return func() { r.count(-1, 0) }
}

// beginWrite is begin for a create, update or delete, which only an apply calls.
func (r *planRegistry) beginWrite() (end func()) {
	r.mu.Lock()
	r.writing = true
	r.release()
	r.mu.Unlock()
	return r.begin()
}

// isWriting reports whether the process is known to apply.
func (r *planRegistry) isWriting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writing
}

// beginRead records that an address holds the pair, until the returned function says that its Read has found the pair absent.
func (r *planRegistry) beginRead(pair kantata.Pair) (end func(absent bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pair(pair)
	if p.reads++; p.reads == 2 {
		r.readTwice = append(r.readTwice, p)
	}
	return func(absent bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if absent {
			p.reads--
		} else if p.readsDone++; p.readsDone == 1 {
			p.createsBefore = r.creates
		}
	}
}

// hold records what the plan does to an address that holds a membership in the state.
func (r *planRegistry) hold(held membershipModel, fate fate) []finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writing {
		return nil
	}
	p := r.pair(held.pair())
	p.holders[fate]++
	p.setKnown()
	if !fate.loses() {
		p.kept = held
	}

	var findings []finding
	if p.staying() > 0 && p.lost() > 0 {
		findings = append(findings, r.finding(findingLosesAccess, held))
	} else {
		findings = r.sayTwice(p)
	}
	for _, w := range p.wants {
		if w.judged {
			findings = append(findings, r.say(p, w)...)
		}
	}
	return findings
}

// create records the plan call of an address that is new or tainted.
func (r *planRegistry) create() (findings []finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.creates++
	for _, p := range r.readTwice {
		findings = append(findings, r.sayTwice(p)...)
	}
	return findings
}

// want records an address that plans to have a pair. The caller looks the pair up and then calls judge.
func (r *planRegistry) want(pair kantata.Pair, replaces, adopts bool) *want {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pair(pair)
	w := &want{pair: pair, replaces: replaces, adopts: adopts, readBefore: p.readsDone}
	p.wants = append(p.wants, w)
	if len(p.wants) > 1 {
		p.setKnown()
	}
	return w
}

// judge says what is known about w after the lookup of its pair, which found the membership or, with nil, confirmed its absence. A new
// address whose pair exists waits until the holder's plan call shows what becomes of it, so that the advice is the right one. A
// replacement never waits: a chain of replacements would fill all of Terraform's slots. What may be the holder itself does not wait
// either. The error is that of ctx.
func (r *planRegistry) judge(ctx context.Context, w *want, found *membershipModel) ([]finding, error) {
	if found != nil && !w.replaces && w.readBefore == 0 {
		r.await(ctx, w.pair)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writing {
		return nil, nil
	}
	w.membership, w.judged = found, true
	return r.say(r.pair(w.pair), w), nil
}

// report returns a finding about what a create met or did. Adoption is reported once, by the plan call or by the create.
func (r *planRegistry) report(kind findingKind, m membershipModel) []finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kind == findingAdopted && r.pair(m.pair()).adoptSaid {
		return nil
	}
	return []finding{r.finding(kind, m)}
}

// await waits until it is known whether another address holds or wants the pair, the process writes, or no call has begun or ended for
// quietTime. A process waits for quietTime only once, because calls that wait for each other must not wait again and again.
func (r *planRegistry) await(ctx context.Context, pair kantata.Pair) {
	r.mu.Lock()
	known := r.pair(pair).known
	r.mu.Unlock()
	r.count(-1, 1)
	defer r.count(1, -1)
	select {
	case <-known:
	case <-r.released:
	case <-ctx.Done():
	}
}

// count changes how many calls run and wait, and restarts the quiet time.
func (r *planRegistry) count(running, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running += running
	r.waiting += waiting
	if r.quiet != nil {
		r.quiet.Stop()
	}
	if r.running == 0 && r.waiting > 0 && !r.isReleased {
		r.steps = 0
		r.quiet = time.AfterFunc(quietStep, r.step)
	}
}

// step is called after each step of the quiet time.
func (r *planRegistry) step() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running > 0 || r.waiting == 0 {
		return
	}
	r.steps++
	if r.steps < quietSteps {
		r.quiet = time.AfterFunc(quietStep, r.step)
	} else {
		r.release()
	}
}

// release ends the wait of the calls that wait for a holder. It must be called with the lock held.
func (r *planRegistry) release() {
	if !r.isReleased {
		r.isReleased = true
		close(r.released)
	}
}

// pair returns what is recorded about a pair. It must be called with the lock held.
func (r *planRegistry) pair(pair kantata.Pair) *plannedPair {
	p := r.pairs[pair]
	if p == nil {
		p = &plannedPair{known: make(chan struct{})}
		r.pairs[pair] = p
	}
	return p
}

// say returns a finding about w if it says more than an earlier one. It must be called with the lock held.
func (r *planRegistry) say(p *plannedPair, w *want) []finding {
	kind, m := p.verdict(w)
	if kind.rank() <= w.said.rank() {
		return nil
	}
	w.said = kind
	if kind == findingAdopted || kind == findingAdoptedOrInterrupted {
		p.adoptSaid = true
	}
	return []finding{r.finding(kind, m)}
}

// finding returns a finding, in full if it is the first of its kind. It must be called with the lock held.
func (r *planRegistry) finding(kind findingKind, m membershipModel) finding {
	first := !r.explained[kind]
	r.explained[kind] = true
	return finding{kind: kind, membership: m, inFull: first}
}

// sayTwice returns the finding that two addresses hold the pair, and that the plan keeps it at one of them at least. It must be called with
// the lock held.
//
// Terraform plans a tainted address as if it were new, so only its Read shows the pair that the apply removes. It is no error, because
// OpenTofu also reads an address that it forgets, and makes no plan call for it.
func (r *planRegistry) sayTwice(p *plannedPair) []finding {
	mayBeTainted := p.reads > p.staying()+p.lost() && r.creates > p.createsBefore
	if p.twiceSaid || p.staying() == 0 || p.staying() == 1 && !mayBeTainted {
		return nil
	}
	p.twiceSaid = true
	return []finding{r.finding(findingHeldTwice, p.kept)}
}

func (p *plannedPair) staying() int { return p.holders[keeps] + p.holders[undecides] }

func (p *plannedPair) lost() int { return p.holders[removes] + p.holders[givesUp] }

func (p *plannedPair) setKnown() {
	if !p.isKnown {
		p.isKnown = true
		close(p.known)
	}
}

// verdict implements the table of DESIGN.md: what happens if one address wants a pair and others hold it.
func (p *plannedPair) verdict(w *want) (findingKind, membershipModel) {
	if len(p.wants) > 1 {
		return findingWantedTwice, p.described(w)
	}
	if w.membership == nil {
		return findingNothing, membershipModel{}
	}
	var kind findingKind
	switch {
	case p.holders[keeps] > 0:
		kind = findingKeptElsewhere
	case p.holders[undecides] > 0:
		kind = findingUndecidedElsewhere
	case p.lost() > 0 && w.adopts:
		kind = findingAdoptedOrInterrupted
	case p.holders[removes] > 0 && !w.replaces:
		kind = findingRemovedElsewhere
	case p.lost() > 0:
		kind = findingInterrupted
	case p.reads > 0 && p.reads == w.readBefore && !w.replaces:
		// The plan call of the address that was read is still to come, or the address is a tainted one that wants its own pair.
		kind = findingNothing
	case w.adopts:
		kind = findingAdopted
	case w.replaces:
		kind = findingOccupied
	case p.reads > 0:
		// A Read that had not ended when this call began is that of another address. A tainted address, and one that OpenTofu forgets, makes
		// no other call that shows its pair.
		kind = findingHeldElsewhere
	default:
		kind = findingExists
	}
	return kind, *w.membership
}

// described returns the membership if an address that wants the pair has found it, and otherwise a membership with only the two IDs.
func (p *plannedPair) described(w *want) membershipModel {
	for _, other := range p.wants {
		if other.membership != nil {
			return *other.membership
		}
	}
	return pairModel(w.pair)
}
