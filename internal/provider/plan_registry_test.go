package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// walk is one plan as the registry sees it: the calls of a few addresses, all of them about one pair.
type walk struct {
	registry *planRegistry
	pair     kantata.Pair
	exists   bool // what lookups find

	mu    sync.Mutex // guards the rest
	wants map[string]*want
	reads map[string]func(absent bool) // those that have begun
	found []string
}

// calls are the calls for one address, in order.
type calls []func(w *walk, address string)

func newWalk(exists bool) *walk {
	return &walk{registry: newPlanRegistry(), pair: kantata.Pair{AccessGroupID: "340002", UserID: "12000001"}, exists: exists,
		wants: map[string]*want{}, reads: map[string]func(bool){}}
}

func (w *walk) membership() membershipModel {
	m := pairModel(w.pair)
	m.ID = types.StringValue("56000101")
	return m
}

func (w *walk) add(findings []finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range findings {
		w.found = append(w.found, kindNames[f.kind])
	}
}

func (w *walk) findings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.found)
	return slices.Compact(w.found)
}

// beginReadCall and endReadCall are a Read during which other calls may come.
func beginReadCall(w *walk, address string) {
	end, endRead := w.registry.begin(), w.registry.beginRead(w.pair)
	w.reads[address] = func(absent bool) {
		defer end()
		endRead(absent)
	}
}

func endReadCall(w *walk, address string) { w.reads[address](false) }

func readCall(w *walk, address string) {
	beginReadCall(w, address)
	w.reads[address](false)
}

func readAbsentCall(w *walk, address string) {
	beginReadCall(w, address)
	w.reads[address](true)
}

func holdCall(fate fate) func(*walk, string) {
	return func(w *walk, _ string) {
		defer w.registry.begin()()
		w.add(w.registry.hold(w.membership(), fate))
	}
}

// createCall is the plan call of a tainted address that is to get another pair, or of a new address.
func createCall(w *walk, _ string) {
	defer w.registry.begin()()
	w.add(w.registry.create())
}

func wantCall(replaces, adopts bool) func(*walk, string) {
	return func(w *walk, address string) {
		defer w.registry.begin()()
		w.wants[address] = w.registry.want(w.pair, replaces, adopts)
	}
}

// judgeCall may wait, so it returns while the call is in progress.
func judgeCall(w *walk, address string) {
	want := w.wants[address]
	go func() {
		defer w.registry.begin()()
		var found *membershipModel
		if w.exists {
			m := w.membership()
			found = &m
		}
		findings, err := w.registry.judge(context.Background(), want, found)
		if err != nil {
			panic(err)
		}
		w.add(findings)
	}()
	synctest.Wait()
}

// TestPlanRegistryTable compares the registry with the table of DESIGN.md, in every order of the calls.
func TestPlanRegistryTable(t *testing.T) {
	t.Parallel()

	const absent = true
	kept, removed, givenUp := calls{readCall, holdCall(keeps)}, calls{readCall, holdCall(removes)}, calls{readCall, holdCall(givesUp)}
	undecided := calls{readCall, holdCall(undecides)}
	withoutRead := func(c calls) calls { return c[1:] }
	// A tainted address is to get another pair, or its own one again.
	tainted, taintedSame := calls{readCall, createCall}, calls{readCall, createCall, wantCall(false, false), judgeCall}
	forgotten, another := calls{readCall}, calls{createCall}
	added, adopting := calls{wantCall(false, false), judgeCall}, calls{wantCall(false, true), judgeCall}
	replacement, adoptingReplacement := calls{wantCall(true, false), judgeCall}, calls{wantCall(true, true), judgeCall}

	for _, c := range []struct {
		name      string
		addresses []calls
		absent    bool
		want      string // alternatives are separated by |, findings of one plan by commas
	}{
		{"new, kept", []calls{added, kept}, false, "kept elsewhere"},
		{"new, removed", []calls{added, removed}, false, "removed elsewhere"},
		{"new, given up", []calls{added, givenUp}, false, "interrupted"},
		{"new, unmanaged", []calls{added}, false, "exists"},
		{"new, also new", []calls{added, added}, false, "wanted twice|exists,wanted twice"},
		{"new, also wanted by a replacement", []calls{added, replacement}, false, "wanted twice|occupied,wanted twice"},

		{"adopting, kept", []calls{adopting, kept}, false, "kept elsewhere"},
		{"adopting, removed", []calls{adopting, removed}, false, "adopted or interrupted"},
		{"adopting, given up", []calls{adopting, givenUp}, false, "adopted or interrupted"},
		{"adopting, unmanaged", []calls{adopting}, false, "adopted"},
		{"adopting, also new", []calls{adopting, added}, false, "wanted twice"},

		{"replacement, kept", []calls{replacement, kept}, false, "kept elsewhere|kept elsewhere,occupied"},
		{"replacement, removed", []calls{replacement, removed}, false, "interrupted|occupied"},
		{"replacement, given up", []calls{replacement, givenUp}, false, "interrupted|occupied"},
		{"replacement, unmanaged", []calls{replacement}, false, "occupied"},
		{"replacement, also a replacement", []calls{replacement, replacement}, false, "wanted twice|occupied,wanted twice"},
		{"adopting replacement, removed", []calls{adoptingReplacement, removed}, false, "adopted or interrupted|adopted,adopted or interrupted"},
		{"adopting replacement, unmanaged", []calls{adoptingReplacement}, false, "adopted"},

		{"new, undecided", []calls{added, undecided}, false, "undecided elsewhere"},
		{"new, undecided, without refresh", []calls{added, withoutRead(undecided)}, false, "undecided elsewhere"},
		{"adopting, undecided", []calls{adopting, undecided}, false, "undecided elsewhere"},
		{"replacement, undecided", []calls{replacement, undecided}, false, "undecided elsewhere|occupied,undecided elsewhere"},
		{"replacement, undecided and kept", []calls{replacement, withoutRead(undecided), withoutRead(kept)}, false,
			"held twice,kept elsewhere|held twice,undecided elsewhere|held twice,kept elsewhere,occupied|held twice,occupied,undecided elsewhere"},
		{"replacement, undecided, absent", []calls{replacement, undecided}, absent, ""},
		{"undecided and removed", []calls{undecided, removed}, false, "loses access"},

		{"kept twice", []calls{kept, kept}, false, "held twice"},
		{"kept and removed", []calls{kept, removed}, false, "loses access"},
		{"kept and given up", []calls{kept, givenUp}, false, "loses access"},
		{"kept twice and removed", []calls{kept, kept, removed}, false, "loses access|held twice,loses access"},
		{"removed and given up", []calls{removed, givenUp}, false, ""},
		{"kept and tainted", []calls{kept, tainted}, false, "held twice"},
		{"kept and tainted, and another is new", []calls{kept, tainted, another}, false, "held twice"},
		{"undecided and tainted", []calls{undecided, tainted}, false, "held twice"},
		{"kept twice and tainted", []calls{kept, withoutRead(kept), tainted}, false, "held twice"},
		{"kept and tainted, removed again", []calls{kept, taintedSame}, false,
			"held twice,kept elsewhere|held elsewhere,held twice,kept elsewhere"},
		{"kept and removed, and another is new", []calls{kept, removed, another}, false, "loses access|held twice,loses access"},
		{"removed and tainted", []calls{removed, tainted}, false, ""},
		{"given up and tainted", []calls{givenUp, tainted}, false, ""},
		{"kept, and another is new", []calls{kept, another}, false, ""},
		{"kept, and tainted without refresh", []calls{kept, withoutRead(tainted)}, false, ""},
		{"kept and forgotten", []calls{kept, forgotten}, false, ""},
		{"kept and forgotten, and another is new", []calls{kept, forgotten, another}, false, "|held twice"},
		{"another is new before one is forgotten and one kept", []calls{{createCall, readCall, readCall, holdCall(keeps)}}, false, ""},
		{"kept and read twice, absent", []calls{kept, {readAbsentCall}, another}, absent, ""},
		{"new, kept and removed", []calls{added, kept, withoutRead(removed)}, false,
			"kept elsewhere,loses access|loses access,removed elsewhere"},
		{"new, removed and given up", []calls{added, removed, withoutRead(givenUp)}, false, "removed elsewhere|interrupted,removed elsewhere"},

		{"new, kept, without refresh", []calls{added, withoutRead(kept)}, false, "kept elsewhere"},
		{"new, removed, without refresh", []calls{added, withoutRead(removed)}, false, "removed elsewhere"},
		{"kept and removed, without refresh", []calls{withoutRead(kept), withoutRead(removed)}, false, "loses access"},

		{"new, removed before its Read finds it absent", []calls{added, {holdCall(removes), readAbsentCall}}, absent, ""},
		{"new, added again after a Read found it absent", []calls{added, {readAbsentCall}}, false, "exists"},
		{"new, absent", []calls{added}, absent, ""},
		{"adopting, absent", []calls{adopting}, absent, ""},
		{"replacement, absent", []calls{replacement, kept}, absent, ""},
		{"new twice, absent", []calls{added, added}, absent, "wanted twice"},
		{"tainted", []calls{{readCall, wantCall(false, false), judgeCall}}, false, ""},
		{"new, kept, during the Read", []calls{added, {beginReadCall, endReadCall, holdCall(keeps)}}, false, "kept elsewhere"},
		{"new, given up, during the Read", []calls{added, {beginReadCall, endReadCall, holdCall(givesUp)}}, false, "interrupted"},
		{"new, while another address is read", []calls{{beginReadCall, wantCall(false, false), endReadCall, judgeCall}}, false, "held elsewhere"},
		{"adopting, while another address is read", []calls{{beginReadCall, wantCall(false, true), endReadCall, judgeCall}}, false, "adopted"},
		{"new, before another address is read", []calls{{wantCall(false, false), readCall, judgeCall}}, false, "held elsewhere"},
		{"replacement, read and tainted", []calls{replacement, {readCall}}, false, "occupied"},
		{"new, read and forgotten", []calls{added, {readCall}}, false, "|held elsewhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			addresses, lengths := map[string]calls{}, map[string]int{}
			for i, script := range c.addresses {
				address := string(rune('A' + i))
				addresses[address], lengths[address] = script, len(script)
			}
			got := map[string]string{}
			orders(lengths, func(order []string) {
				synctest.Test(t, func(*testing.T) {
					w := newWalk(!c.absent)
					done := map[string]int{}
					for _, address := range order {
						addresses[address][done[address]](w, address)
						done[address]++
					}
					time.Sleep(time.Second)
					synctest.Wait()
					got[strings.Join(w.findings(), ",")] = strings.Join(order, "")
				})
			})
			alternatives := map[string]bool{}
			for _, alternative := range strings.Split(c.want, "|") {
				parts := strings.Split(alternative, ",")
				slices.Sort(parts)
				alternatives[strings.Join(parts, ",")] = true
			}
			for findings, order := range got {
				if !alternatives[findings] {
					t.Errorf("order %s: got findings %q, want %q", order, findings, c.want)
				}
			}
		})
	}
}

// TestPlanRegistryAdviceWithParallelism1 checks what a call says if no other call can come before it returns.
func TestPlanRegistryAdviceWithParallelism1(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		w := newWalk(true)
		wantCall(false, false)(w, "A")
		judgeCall(w, "A")
		time.Sleep(quietTime)
		synctest.Wait()
		holdCall(removes)(w, "B")
		if got := fmt.Sprint(w.findings()); got != "[exists]" {
			t.Errorf("got findings %s, want [exists]", got)
		}
	})
}

// TestPlanRegistryLeavesFindingsToTheirAddress checks that a call which is still looking its pair up gets its own finding.
func TestPlanRegistryLeavesFindingsToTheirAddress(t *testing.T) {
	t.Parallel()

	r, m := newPlanRegistry(), pairModel(kantata.Pair{AccessGroupID: "340002", UserID: "12000001"})
	first, second := r.want(m.pair(), false, false), r.want(m.pair(), true, false)
	if got := r.hold(m, keeps); len(got) != 0 {
		t.Errorf("holder: got findings %+v, want none", got)
	}
	for _, w := range []*want{first, second} {
		if got, err := r.judge(t.Context(), w, &m); err != nil || len(got) != 1 || got[0].kind != findingWantedTwice {
			t.Errorf("got findings %+v and error %v, want one that says that the pair is wanted twice", got, err)
		}
	}
}

// waiter starts a judge call for a new address whose pair exists, and returns how long the call took once it has ended.
func waiter(ctx context.Context, r *planRegistry, user int) (took func() (time.Duration, []finding, error)) {
	began := time.Now()
	type result struct {
		took     time.Duration
		findings []finding
		err      error
	}
	results := make(chan result, 1)
	go func() {
		defer r.begin()()
		m := pairModel(kantata.Pair{AccessGroupID: "340002", UserID: kantata.ID(fmt.Sprint(user))})
		findings, err := r.judge(ctx, r.want(m.pair(), false, false), &m)
		results <- result{time.Since(began), findings, err}
	}()
	return func() (time.Duration, []finding, error) {
		r := <-results
		return r.took, r.findings, r.err
	}
}

func TestPlanRegistryWaits(t *testing.T) {
	t.Parallel()

	ended := func(t *testing.T, end func() (time.Duration, []finding, error), took time.Duration, findings int, wantErr error) {
		t.Helper()
		gotTook, gotFindings, err := end()
		if gotTook != took || len(gotFindings) != findings || !errors.Is(err, wantErr) {
			t.Errorf("got %d findings and error %v after %s, want %d and %v after %s", len(gotFindings), err, gotTook, findings, wantErr, took)
		}
	}
	for name, test := range map[string]func(t *testing.T, r *planRegistry){
		"once for a process": func(t *testing.T, r *planRegistry) {
			var ends []func() (time.Duration, []finding, error)
			for user := range 10 {
				ends = append(ends, waiter(t.Context(), r, user+1))
			}
			for _, end := range ends {
				ended(t, end, quietTime, 1, nil)
			}
			ended(t, waiter(t.Context(), r, 11), 0, 1, nil)
		},
		"as long as other calls run": func(t *testing.T, r *planRegistry) {
			end := waiter(t.Context(), r, 1)
			synctest.Wait()
			stop := r.begin()
			time.Sleep(time.Minute)
			stop()
			ended(t, end, time.Minute+quietTime, 1, nil)
		},
		"although the process was idle before": func(t *testing.T, r *planRegistry) {
			r.begin()()
			time.Sleep(time.Minute)
			ended(t, waiter(t.Context(), r, 1), quietTime, 1, nil)
		},
		"anew when a call begins and ends": func(t *testing.T, r *planRegistry) {
			end := waiter(t.Context(), r, 1)
			time.Sleep(quietTime - time.Millisecond)
			r.begin()()
			ended(t, end, 2*quietTime-time.Millisecond, 1, nil)
		},
		"until a write begins": func(t *testing.T, r *planRegistry) {
			end := waiter(t.Context(), r, 1)
			time.Sleep(quietTime / 2)
			r.beginWrite()()
			ended(t, end, quietTime/2, 0, nil)
			ended(t, waiter(t.Context(), r, 2), 0, 0, nil)
		},
		"until its context ends": func(t *testing.T, r *planRegistry) {
			ctx, cancel := context.WithCancel(t.Context())
			end := waiter(ctx, r, 1)
			time.Sleep(quietTime / 2)
			cancel()
			ended(t, end, quietTime/2, 0, context.Canceled)
		},
		"until the pair's holder is planned": func(t *testing.T, r *planRegistry) {
			end := waiter(t.Context(), r, 1)
			m := pairModel(kantata.Pair{AccessGroupID: "340002", UserID: "1"})
			time.Sleep(quietTime / 2)
			stop := r.begin()
			r.beginRead(m.pair())(false)
			time.Sleep(time.Second)
			r.hold(m, keeps)
			ended(t, end, quietTime/2+time.Second, 1, nil)
			stop()
		},
		"not at all if it may be the pair's holder": func(t *testing.T, r *planRegistry) {
			r.beginRead(kantata.Pair{AccessGroupID: "340002", UserID: "1"})(false)
			ended(t, waiter(t.Context(), r, 1), 0, 0, nil)
		},
		"for what only a Read has shown": func(t *testing.T, r *planRegistry) {
			end := waiter(t.Context(), r, 1)
			synctest.Wait()
			r.beginRead(kantata.Pair{AccessGroupID: "340002", UserID: "1"})(false)
			ended(t, end, quietTime, 1, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, newPlanRegistry()) })
		})
	}
}

func TestPlanRegistrySilentWhileApplying(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		w := newWalk(true)
		w.registry.beginWrite()()
		for address, script := range map[string]calls{
			"A": {holdCall(keeps)}, "B": {holdCall(removes)}, "C": {wantCall(false, false), judgeCall}, "D": {wantCall(true, false), judgeCall},
		} {
			for _, call := range script {
				call(w, address)
			}
		}
		if got := w.findings(); len(got) > 0 {
			t.Errorf("got findings %v, want none", got)
		}
	})
}

// TestPlanRegistrySaysOnceThatTwoAddressesHoldAPair checks that the warning names the person, and that a plan has it once for each pair.
func TestPlanRegistrySaysOnceThatTwoAddressesHoldAPair(t *testing.T) {
	t.Parallel()

	w := newWalk(true)
	m := w.membership()
	m.UserName = types.StringValue("Jane Doe")
	for range 2 {
		readCall(w, "")
	}
	var got []string
	add := func(findings []finding) {
		for _, f := range findings {
			got = append(got, kindNames[f.kind]+" "+f.membership.UserName.ValueString())
		}
	}
	add(w.registry.hold(m, keeps))
	for range 2 {
		add(w.registry.create())
	}
	add(w.registry.hold(m, keeps))
	if want := []string{"held twice Jane Doe"}; !slices.Equal(got, want) {
		t.Errorf("got findings %q, want %q", got, want)
	}
}

func TestPlanRegistryExplainsOnce(t *testing.T) {
	t.Parallel()

	r := newPlanRegistry()
	for i, inFull := range []bool{true, false, false} {
		m := pairModel(kantata.Pair{AccessGroupID: "340002", UserID: kantata.ID(fmt.Sprint(i + 1))})
		if f := r.report(findingExists, m); len(f) != 1 || f[0].inFull != inFull {
			t.Errorf("error %d: got %+v, want one finding with inFull %t", i, f, inFull)
		}
	}
}
