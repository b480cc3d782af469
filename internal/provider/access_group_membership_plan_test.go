package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestPlanDecidesOnReplacement(t *testing.T) {
	for name, c := range map[string]struct {
		change   map[string]tftypes.Value
		replaces string
	}{
		"no change":      {nil, "[]"},
		"unknown user":   {map[string]tftypes.Value{"user_id": unknown(tftypes.String)}, "[]"},
		"unknown group":  {map[string]tftypes.Value{"access_group_id": unknown(tftypes.String)}, "[]"},
		"adopt_existing": {map[string]tftypes.Value{"adopt_existing": tftypes.NewValue(tftypes.Bool, true)}, "[]"},
		"another user":   {map[string]tftypes.Value{"user_id": text("12000002")}, `[AttributeName("user_id")]`},
		"another group":  {map[string]tftypes.Value{"access_group_id": text("340001")}, `[AttributeName("access_group_id")]`},
		"both": {map[string]tftypes.Value{"access_group_id": text("340001"), "user_id": text("12000002")},
			`[AttributeName("access_group_id") AttributeName("user_id")]`},
		"one, one unknown": {map[string]tftypes.Value{"access_group_id": text("340001"), "user_id": unknown(tftypes.String)},
			`[AttributeName("access_group_id")]`},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			prior := janeState(t, fake)
			r := newRun(t, fake)
			p := r.plan(t.Context(), prior, nil, janeConfig(r, c.change))
			if got := fmt.Sprint(p.replaces); got != c.replaces || p.said != "" {
				t.Errorf("got replacement by %s and %q, want %s and no diagnostics", got, p.said, c.replaces)
			}
			if name := p.values["user_name"]; c.replaces == "[]" && !name.IsKnown() {
				t.Error("got an unknown user_name, want it to stay known in an update in place")
			}
		})
	}
}

func TestUpdateSendsNothing(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		prior := janeState(t, fake)
		r := newRun(t, fake)
		before := len(fake.Requests())
		for _, adopt := range []tftypes.Value{tftypes.NewValue(tftypes.Bool, true), tftypes.NewValue(tftypes.Bool, nil)} {
			config := janeConfig(r, map[string]tftypes.Value{"adopt_existing": adopt})
			after, said := r.apply(t.Context(), prior, config, r.plan(t.Context(), prior, nil, config))
			adopts := after["adopt_existing"] == "true"
			if said != "" || after["id"] != prior["id"] || after["user_name"] != "Jane Doe" || adopts == adopt.IsNull() {
				t.Errorf("adopt_existing %s: got %v and %q, want the membership as before", adopt, after, said)
			}
			prior = after
		}
		if got := len(fake.Requests()) - before; got != 0 {
			t.Errorf("got %d requests, want none", got)
		}
	})
}

// TestSecondCallOfReplacement makes the calls of a replacement by another pair and of a replacement by itself, with a membership that
// exists already.
func TestSecondCallOfReplacement(t *testing.T) {
	for name, user := range map[string]string{"by itself": "12000001", "by another pair": "12000002"} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			prior := janeState(t, fake)
			fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+1)
			r := newRun(t, fake)
			config := janeConfig(r, map[string]tftypes.Value{"user_id": text(user)})
			first := r.plan(t.Context(), prior, nil, config)
			warned := strings.Contains(first.said, summaryReview)
			if warned != (name == "by another pair") || strings.Contains(first.said, "ERROR") {
				t.Errorf("first call: got %q, want a warning only if another pair replaces this one", first.said)
			}
			if second := r.plan(t.Context(), nil, first.private, config); second.said != "" {
				t.Errorf("second call: got %q, want no diagnostics", second.said)
			}
			if added := r.plan(t.Context(), nil, nil, config); !strings.Contains(added.said, "ERROR") {
				t.Errorf("new address: got %q, want an error", added.said)
			}
		})
	}
}

func TestPlanOfCreate(t *testing.T) {
	adopt := map[string]tftypes.Value{"adopt_existing": tftypes.NewValue(tftypes.Bool, true)}
	exists := func(fake *kantatatest.Server) { fake.AddMembership(group, user) }
	for name, c := range map[string]struct {
		prepare func(*kantatatest.Server)
		change  map[string]tftypes.Value
		says    []string // all of one diagnostic; none if empty
	}{
		"absent": {},
		"exists": {prepare: exists,
			says: []string{"ERROR", "56000101", "Jane Doe", "Finance Approvers", `id = "340001/12000001"`, "moved {"}},
		"adopts": {prepare: exists, change: adopt,
			says: []string{"WARNING: " + summaryAdopted, "56000101", "Jane Doe", "created by user 12000009"}},
		"unknown user": {prepare: exists, change: map[string]tftypes.Value{"user_id": unknown(tftypes.String)}},
		"wrong token": {prepare: inject(fault("", kantatatest.ReturnStatus, http.StatusUnauthorized, 0)),
			says: []string{"ERROR: Kantata Access Token Rejected", "401"}},
		"no permission": {prepare: inject(fault("", kantatatest.ReturnStatus, http.StatusForbidden, 0)),
			says: []string{"ERROR: Unable to Plan", "403", "340001"}},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			if c.prepare != nil {
				c.prepare(fake)
			}
			r := newRun(t, fake)
			p := r.plan(t.Context(), nil, nil, janeConfig(r, c.change, map[string]tftypes.Value{"access_group_id": text("340001")}))
			for _, part := range c.says {
				if !strings.Contains(p.said, part) {
					t.Errorf("got %q, want it to contain %q", p.said, part)
				}
			}
			if len(c.says) == 0 && p.said != "" {
				t.Errorf("got %q, want no diagnostics", p.said)
			}
			if n := writes(fake, http.MethodPost); n != 0 {
				t.Errorf("got %d POSTs in a plan, want none", n)
			}
		})
	}
}

// TestPlanAfterWrite makes the calls of an apply: once the process has written, a plan call sends no request and finds nothing.
func TestPlanAfterWrite(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddMembership(kantatatest.FinanceApprovers, kantatatest.FirstUser)
		r := newRun(t, fake)
		if _, said := r.create(t.Context(), "340002", "12000001"); said != "" {
			t.Fatalf("got the error %q, want none", said)
		}
		before := len(fake.Requests())
		config := janeConfig(r, map[string]tftypes.Value{"access_group_id": text("340001")})
		p := r.plan(t.Context(), nil, nil, config)
		if got := len(fake.Requests()) - before; got != 0 || p.said != "" {
			t.Errorf("plan: got %d requests and %q, want nothing", got, p.said)
		}
		if after, said := r.apply(t.Context(), nil, config, p); after != nil || !strings.Contains(said, "Already Exists") {
			t.Errorf("create: got %v and %q, want an error", after, said)
		}
	})
}

// TestAdoptionIsReportedOnce makes the calls of an apply that adopts: the plan call reports it, so the create does not.
func TestAdoptionIsReportedOnce(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		for _, u := range []int64{kantatatest.FirstUser, kantatatest.FirstUser + 1} {
			fake.AddMembership(kantatatest.ResourceManagers, u)
		}
		r := newRun(t, fake)
		var said []string
		for _, user := range []string{"12000001", "12000002"} {
			config := janeConfig(r, map[string]tftypes.Value{"user_id": text(user), "adopt_existing": tftypes.NewValue(tftypes.Bool, true)})
			p := r.plan(t.Context(), nil, nil, config)
			after, saidByCreate := r.apply(t.Context(), nil, config, p)
			if after["user_id"] != user || after["adopt_existing"] != "true" {
				t.Errorf("user %s: got %v, want the adopted membership", user, after)
			}
			said = append(said, fmt.Sprint(strings.Count(p.said, summaryAdopted), strings.Count(saidByCreate, summaryAdopted)))
		}
		// The first create makes the process one that applies, so the second plan call says nothing.
		if want := []string{"1 0", "0 1"}; !slices.Equal(said, want) {
			t.Errorf("got warnings of plan and create %v, want %v", said, want)
		}
		if n := writes(fake, http.MethodPost); n != 0 {
			t.Errorf("got %d POSTs, want none", n)
		}
	})
}

func TestSwappedIDsInACreate(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
		_, said := newRun(t, fake).create(t.Context(), "12000001", "340002")
		if !strings.Contains(said, "access_group_id and user_id may be swapped") || !strings.Contains(said, "340002 (Resource Managers)") {
			t.Errorf("got %q, want it to name the access group whose ID is in user_id", said)
		}
	})
}

// TestAWrongGroupCosts expects few requests for the advice about swapped IDs if every create of a run fails.
func TestAWrongGroupCosts(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		const creates = 30
		fake.SeedMemberships(1, creates, creates)
		r := newRun(t, fake)
		for i := range creates {
			if _, said := r.create(t.Context(), "999999", fmt.Sprint(int(kantatatest.FirstUser)+i)); !strings.Contains(said, "422") {
				t.Errorf("got %q, want what Kantata returned", said)
			}
		}
		// Each create looks up its pair before and after the POST, unless a list says that it is absent.
		if n, most := len(fake.Requests()), 3*creates+15; n > most {
			t.Errorf("got %d requests, want at most %d", n, most)
		}
	})
}

// planAddress is one address of a configuration, or of a state that the configuration no longer names.
type planAddress struct {
	held      string // the user whose membership the address has in the state, if any
	wanted    string // the user whom the configuration names, if any, or someone
	imported  bool   // an import block brings the membership into the state
	importsID bool   // the import block gives the membership ID
	tainted   bool   // Terraform plans the address as if it were new
	forgotten bool   // a removed block keeps the membership; OpenTofu reads it
	planFirst bool   // the plan call comes before the Read, as it may for a key that is gone
}

// someone is a user whose ID is not known until apply.
const someone = "someone"

// planWalk is one plan of a few addresses: the calls that Terraform makes, in a given order.
type planWalk struct {
	run    *run
	states map[string]state // the states of memberships, by user
	absent map[int]bool     // addresses whose Read found no membership

	mu   sync.Mutex // guards said
	said map[string]bool
}

func (w *planWalk) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range strings.Split(text, "\n") {
		for _, severity := range []string{"ERROR: ", "WARNING: "} {
			if summary, ok := strings.CutPrefix(line, severity); ok {
				w.said[summary] = true
			}
		}
	}
}

func (w *planWalk) read(ctx context.Context, i int, a planAddress) {
	if a.imported {
		id := "340002/" + a.wanted
		if a.importsID {
			id = w.states[a.wanted]["id"]
		}
		_, text := w.run.importID(ctx, id)
		w.add(text)
		return
	}
	next, text := w.run.read(ctx, w.states[a.held])
	w.absent[i] = next == nil
	w.add(text)
}

func (w *planWalk) plan(ctx context.Context, a planAddress, absent bool) {
	holds := a.held
	if a.imported {
		holds = a.wanted
	}
	prior := w.states[holds]
	if absent || a.tainted {
		prior = nil
	}
	user := text(a.wanted)
	if a.wanted == someone {
		user = unknown(tftypes.String)
	}
	config := janeConfig(w.run, map[string]tftypes.Value{"user_id": user})
	switch {
	case prior == nil && a.wanted == "":
		// Terraform does not plan the removal of an absent membership.
	case a.wanted == "":
		w.add(w.run.plan(ctx, prior, nil, nil).said)
	default:
		p := w.run.plan(ctx, prior, nil, config)
		w.add(p.said)
		if len(p.replaces) > 0 {
			w.add(w.run.plan(ctx, nil, p.private, config).said)
		}
	}
}

// TestPlanCallsInEveryOrder makes the calls of a plan in every order in which Terraform can make them.
func TestPlanCallsInEveryOrder(t *testing.T) {
	const (
		jane, amir = "12000001", "12000002"

		alreadyExists = "Access Group Membership Already Exists"
		removed       = "Access Group Membership Removed and Created Again"
		duplicate     = "Duplicate Access Group Membership"
		undecided     = "Access Group Membership Still Held"
		heldTwice     = "Access Group Membership Held Twice"
	)
	for name, c := range map[string]struct {
		exist     []string // the users whose memberships exist
		addresses []planAddress
		want      []string // summaries
	}{
		"no change":                     {[]string{jane}, []planAddress{{held: jane, wanted: jane}}, nil},
		"new, absent":                   {nil, []planAddress{{wanted: jane}}, nil},
		"new, unmanaged":                {[]string{jane}, []planAddress{{wanted: jane}}, []string{alreadyExists}},
		"new, given up":                 {[]string{jane}, []planAddress{{held: jane, wanted: amir}, {wanted: jane}}, []string{summaryReview}},
		"renamed":                       {[]string{jane}, []planAddress{{held: jane}, {wanted: jane}}, []string{removed}},
		"renamed, planned before read":  {[]string{jane}, []planAddress{{held: jane, planFirst: true}, {wanted: jane}}, []string{removed}},
		"removed outside, then renamed": {nil, []planAddress{{held: jane}, {wanted: jane}}, nil},
		"removed outside, then renamed, planned before read": {nil, []planAddress{{held: jane, planFirst: true}, {wanted: jane}}, nil},
		"a second address":                  {[]string{jane}, []planAddress{{held: jane, wanted: jane}, {wanted: jane}}, []string{duplicate}},
		"a second address, removed outside": {nil, []planAddress{{held: jane, wanted: jane}, {wanted: jane}}, []string{duplicate}},
		"a second address, imported":        {[]string{jane}, []planAddress{{wanted: jane, imported: true}, {wanted: jane}}, []string{duplicate}},
		"people trade places": {[]string{jane, amir}, []planAddress{{held: jane, wanted: amir}, {held: amir, wanted: jane}},
			[]string{summaryReview}},
		"new, and the holder's user is not known yet": {[]string{jane}, []planAddress{{held: jane, wanted: someone}, {wanted: jane}},
			[]string{undecided}},
		"held twice": {[]string{jane}, []planAddress{{held: jane, wanted: jane}, {held: jane, wanted: jane}},
			[]string{summaryReview}},
		"held twice, one is removed": {[]string{jane}, []planAddress{{held: jane, wanted: jane}, {held: jane}}, []string{heldTwice}},
		"held twice, one is replaced": {[]string{jane}, []planAddress{{held: jane, wanted: jane}, {held: jane, wanted: amir}},
			[]string{heldTwice}},
		"tainted": {[]string{jane}, []planAddress{{held: jane, wanted: jane, tainted: true}}, nil},
		"held twice, one is tainted and gets another user": {[]string{jane},
			[]planAddress{{held: jane, wanted: jane}, {held: jane, wanted: amir, tainted: true}}, []string{summaryReview}},
		"held twice, one is tainted and gets a user who is not known yet": {[]string{jane},
			[]planAddress{{held: jane, wanted: jane}, {held: jane, wanted: someone, tainted: true}}, []string{summaryReview}},
		"tainted, and imported at another address": {[]string{jane},
			[]planAddress{{held: jane, wanted: amir, tainted: true}, {wanted: jane, imported: true}}, []string{summaryReview}},
		"tainted, and imported at another address by its ID": {[]string{jane},
			[]planAddress{{held: jane, wanted: amir, tainted: true}, {wanted: jane, imported: true, importsID: true}}, []string{summaryReview}},
		"tainted and created again, and imported at another address": {[]string{jane},
			[]planAddress{{held: jane, wanted: jane, tainted: true}, {wanted: jane, imported: true}}, []string{duplicate, summaryReview}},
		"tainted, and another pair is imported": {[]string{jane, amir},
			[]planAddress{{held: jane, wanted: jane, tainted: true}, {wanted: amir, imported: true}}, nil},
		"imported": {[]string{jane}, []planAddress{{wanted: jane, imported: true}, {wanted: amir}}, nil},
		"forgotten, and imported at another address": {[]string{jane},
			[]planAddress{{held: jane, forgotten: true}, {wanted: jane, imported: true}}, nil},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			states := map[string]state{}
			for i, user := range []string{jane, amir} {
				id := fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser+int64(i))
				states[user], _ = newRun(t, fake).importID(t.Context(), "340002/"+user)
				if !slices.Contains(c.exist, user) {
					fake.RemoveMembership(id)
				}
			}
			lengths := map[string]int{}
			for i, a := range c.addresses {
				lengths[strconv.Itoa(i)] = 1
				if (a.held != "" || a.imported) && !a.forgotten {
					lengths[strconv.Itoa(i)] = 2
				}
			}
			orders(lengths, func(order []string) {
				w := &planWalk{run: newRun(t, fake), states: states, absent: map[int]bool{}, said: map[string]bool{}}
				made := map[string]int{}
				var waiting sync.WaitGroup
				for _, key := range order {
					i, _ := strconv.Atoi(key)
					a := c.addresses[i]
					isPlan := lengths[key] == 1 && !a.forgotten || (made[key] == 1) != a.planFirst
					made[key]++
					if !isPlan {
						w.read(t.Context(), i, a)
						continue
					}
					absent := w.absent[i]
					waiting.Go(func() { w.plan(t.Context(), a, absent) }) // it may wait for the others
					time.Sleep(quietTime / 10)
				}
				waiting.Wait()
				if got := slices.Sorted(maps.Keys(w.said)); !slices.Equal(got, c.want) {
					t.Errorf("order %v: got %q, want %q", order, got, c.want)
				}
			})
		})
	}
}

// TestRenamedKeys makes the calls of a plan that renames twelve keys: each gets an error, of which one has the full text.
func TestRenamedKeys(t *testing.T) {
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		r := newRun(t, fake)
		rows := fake.SeedMemberships(1, 12, 12)
		said := make([]string, 2*len(rows))
		var calls errgroup.Group
		calls.SetLimit(terraformParallelism)
		for i, m := range rows {
			prior := stateOf(m)
			calls.Go(func() error {
				if _, problem := r.read(t.Context(), prior); problem != "" {
					return errors.New(problem)
				}
				said[2*i] = r.plan(t.Context(), prior, nil, nil).said
				return nil
			})
			calls.Go(func() error {
				config := filters(map[string]string{"access_group_id": prior["access_group_id"], "user_id": prior["user_id"]})
				said[2*i+1] = r.plan(t.Context(), nil, nil, r.config(config)).said
				return nil
			})
		}
		if err := calls.Wait(); err != nil {
			t.Fatal(err)
		}
		all := strings.Join(said, "")
		for text, want := range map[string]int{"Access Group Membership Removed and Created Again": len(rows), "moved {": 1, "import {": 0} {
			if got := strings.Count(all, text); got != want {
				t.Errorf("got %q %d times, want %d:\n%s", text, got, want, all)
			}
		}
	})
}
