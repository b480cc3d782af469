package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/provider"
	"github.com/kantata-community/terraform-provider-kantata/internal/terraformcli"
)

// comparedSeeds is the number of random histories that are compared with a real Terraform; each has one to four commands.
const comparedSeeds = 18

// TestModel runs random histories and the scripts of testdata/model both ways: in the model and with a real Terraform. The calls of the
// protocol, the writes, the state, the exit code and the summaries of the diagnostics must be equal.
func TestModel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short does not run the real Terraform")
	}
	cli := findCLI(t)
	if !cli.Supports("1.11.0", "1.12.0") {
		t.Skipf("the model is one of Terraform 1.11 and newer, and of OpenTofu 1.12 and newer; this is %s", cli.name)
	}
	histories := load("testdata/model")
	for seed := range uint64(comparedSeeds) {
		histories[fmt.Sprintf("seed-%d", seed)] = comparable(seed, cli.Supports(queryVersion, ""))
	}
	for _, name := range slices.Sorted(maps.Keys(histories)) {
		h := histories[name]
		h.CLI = cli.model
		t.Run(cli.name+"/"+name, func(t *testing.T) {
			t.Parallel()
			if !cli.Supports(queryVersion, "") && slices.ContainsFunc(h.Steps, step.queries) {
				t.Skipf("terraform query needs Terraform %s; this is %s", queryVersion, cli.name)
			}
			compare(t, cli, h)
		})
	}
}

// realCLI is a Terraform or OpenTofu that runs the recording provider.
type realCLI struct {
	*terraformcli.CLI
	name  string
	model string // the model's name for it

	provider string // the full address of the provider
}

// findCLI returns the Terraform or OpenTofu that the other tests use.
func findCLI(t *testing.T) realCLI {
	t.Helper()
	found, err := terraformcli.Find(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	host, err := found.RegistryHost(t.Context())
	must(err)
	model := oldest
	switch {
	case found.Name == terraformcli.OpenTofu:
		model = "OpenTofu-1.12"
	case found.Supports("1.12.0", ""):
		model = "Terraform-1.15"
	}
	return realCLI{found, found.Name + "-" + found.Version.String(), model, host + "/kantata-community/kantata"}
}

// queryVersion is the first version of Terraform that has terraform query. No version of OpenTofu has it.
const queryVersion = "1.14.0"

func (s step) queries() bool { return s.Command == commandQuery }

// comparable removes from a random history what depends on the order or the number of requests, and terraform query if the CLI lacks it.
func comparable(seed uint64, queries bool) history {
	h := random(seed)
	h.Latency, h.PageSize, h.Duplicates, h.Lists, h.Parallelism = 5, 0, refusedDuplicate, "", 10
	h.Reading, h.DefaultRows, h.Lag = "", false, 0
	for i := range h.Steps {
		s := &h.Steps[i]
		if s.queries() && !queries { // older versions have no such command
			s.Command = commandPlan
		}
		s.Faults = nil
		s.Events = slices.DeleteFunc(slices.Clone(s.Events), func(e event) bool { return !e.before() })
		if seed%4 == 3 && i > 0 { // Kantata refuses all creates, or all deletes
			refused := []string{"POST", "DELETE"}[seed/4%2]
			s.Faults = []fault{{Phase: phaseApply, Effect: kantatatest.ReturnStatus, Status: 403, Method: refused, Times: 1000}}
		}
	}
	return h
}

// outcome is what one command did, in a form that does not depend on the order of calls.
type outcome struct {
	processes    map[string]int // how often each provider was configured
	parts        map[string][]string
	orderDecides bool
	planFailed   bool
}

// dropSecondCalls removes the second plan calls of replacements. If a plan fails, the order of its calls decides which of them are made.
func (o *outcome) dropSecondCalls() {
	o.parts["call"] = slices.DeleteFunc(o.parts["call"], func(call string) bool {
		return strings.Contains(call, "plan prior null") && strings.Contains(call, "private=true")
	})
}

func newOutcome() *outcome {
	return &outcome{processes: map[string]int{}, parts: map[string][]string{}}
}

// addCall keeps a call. Each time that a provider is configured stands for a new process.
func (o *outcome) addCall(process, call string) {
	if call == configureCall {
		o.processes[process]++
		return
	}
	o.add("call", "%sprocess %d: %s", process, o.processes[process], call)
}

func (o *outcome) add(part, format string, args ...any) {
	o.parts[part] = append(o.parts[part], fmt.Sprintf(format, args...))
}

func (o *outcome) addWrites(requests []kantatatest.Request) {
	for _, r := range requests {
		if r.Method != "GET" {
			o.add("write", "%s %s -> %d", r.Method, r.Body, r.Status)
		}
	}
}

// compare runs a history with the real CLI and in the model. If a run removes and creates one pair, or if its plan fails, the order in
// which Terraform makes its calls decides the outcome. Then the outcome must be the model's in one of many orders. On a machine that
// stalls, a wait of the provider may end too early for any of them, so the real CLI gets a second and a third chance.
func compare(t *testing.T, cli realCLI, h history) {
	t.Helper()
	var text string
	for range realTries {
		got := realOutcomes(t, cli, h)
		for try := range orders {
			h.Seed = uint64(try)
			var want []*outcome
			synctest.Test(t, func(*testing.T) { want = modelOutcomes(h) })
			var orderDecides bool
			if text, orderDecides = firstDifference(want, got); text == "" {
				return
			} else if !orderDecides {
				t.Errorf("%s\n%s", text, h)
				return
			}
		}
	}
	t.Errorf("got none of the model's outcomes in %d orders; the last difference: %s\n%s", orders, text, h)
}

const (
	orders    = 50 // that the model tries
	realTries = 3
)

// firstDifference returns the first difference, and whether the order of calls may be its cause.
func firstDifference(want, got []*outcome) (text string, orderDecides bool) {
	for i := range got {
		orderDecides = orderDecides || want[i].orderDecides
		if want[i].planFailed {
			want[i].dropSecondCalls()
			got[i].dropSecondCalls()
		}
		if text = want[i].difference(got[i]); text != "" {
			return fmt.Sprintf("command %d:\n%s", i+1, text), orderDecides
		}
	}
	return "", false
}

func (o *outcome) difference(real *outcome) string {
	var b strings.Builder
	count := func(list []string) map[string]int {
		n := map[string]int{}
		for _, line := range list {
			n[line]++
		}
		return n
	}
	for _, part := range []string{"exit", "diagnostic", "call", "write", "result", "state"} {
		model, real := count(o.parts[part]), count(real.parts[part])
		lines := maps.Clone(model)
		maps.Copy(lines, real)
		for _, line := range slices.Sorted(maps.Keys(lines)) {
			if model[line] != real[line] {
				if strings.Count(b.String(), "\n") == 12 {
					return b.String() + "  and more\n"
				}
				fmt.Fprintf(&b, "  %s: the model has %d, Terraform %d: %s\n", part, model[line], real[line], line)
			}
		}
	}
	return b.String()
}

func modelOutcomes(h history) (list []*outcome) {
	w := newWorld(h, &result{}, kantatatest.New(append(h.kantata(), kantatatest.WithoutListener())...))
	defer w.close()
	for i, s := range h.Steps {
		o := newOutcome()
		var mu sync.Mutex
		w.record = func(process, call string) {
			mu.Lock()
			defer mu.Unlock()
			o.addCall(process, call)
		}
		w.prepare(s)
		w.kantata.ResetRequests()
		v := w.run(i, s)
		o.add("exit", "failed=%t", v.c.failed())
		for _, d := range v.c.diags {
			o.add("diagnostic", "%s %s", severity(d.warning), d.summary)
		}
		for _, result := range v.c.found {
			o.add("result", "%s", result)
		}
		o.addWrites(w.kantata.Requests())
		for addr, object := range w.state.current {
			o.add("state", "%s %s tainted=%t", addr, object.pair(), object.tainted)
		}
		for key, object := range w.state.deposed {
			o.add("state", "%s %s deposed", block(key), object.pair())
		}
		o.planFailed = v.plan == nil && !s.queries()
		o.orderDecides = v.overlapped || o.planFailed
		list = append(list, o)
	}
	return list
}

func severity(warning bool) string {
	if warning {
		return "warning"
	}
	return "error"
}

// realOutcomes runs a history with the real CLI. The provider runs in this process and sends its requests over a wire.
func realOutcomes(t *testing.T, cli realCLI, h history) (list []*outcome) {
	t.Helper()
	w := newWorld(h, &result{}, kantatatest.New(append(h.kantata(), kantatatest.WithoutListener())...))
	wire := newWire(w.kantata, h.Seed, time.Millisecond)
	wire.arrive, wire.late, wire.broke = func() {}, func(*http.Request) {}, func(string, string, ...any) {}
	r := &realRun{t: t, cli: cli, world: w, wire: wire, dir: t.TempDir()}
	t.Cleanup(func() { // after the provider has ended
		wire.shut()
		w.kantata.Close()
	})
	r.variable = reattach(t, map[string]tfprotov6.ProviderServer{
		cli.provider: r.provider(""), cli.provider + otherProvider: r.provider("other "),
	})
	for _, s := range h.Steps {
		list = append(list, r.step(s))
	}
	return list
}

type realRun struct {
	t        *testing.T
	cli      realCLI
	world    *world
	wire     *wire
	dir      string
	variable string // makes the CLI use the provider

	mu  sync.Mutex // guards the rest
	out *outcome
}

// provider is a provider that records its calls.
func (r *realRun) provider(name string) tfprotov6.ProviderServer {
	return &recorder{ProviderServer: providerserver.NewProtocol6(provider.New("test")())(), note: func(call string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.out.addCall(name, call)
	}}
}

func (r *realRun) step(s step) *outcome {
	r.t.Helper()
	w := r.world
	w.config.begin()
	r.begin()
	for _, e := range s.Edits {
		switch e.What {
		case editTaint:
			r.terraform("taint", "-allow-missing", full(e.Addr))
		case editStateRemove:
			r.terraform("state", "rm", full(e.Addr))
		default:
			w.config.edit(e)
		}
	}
	must(os.WriteFile(filepath.Join(r.dir, "main.tf"), []byte(w.config.hcl(r.wire.url, w.history.Alias)), 0o600))
	w.happen(s, phasePlan)
	w.kantata.ResetRequests()
	r.begin() // what taint and state rm did is not compared
	var options []string
	for _, addr := range w.config.targets {
		options = append(options, "-target="+full(addr))
	}
	for _, addr := range w.config.replace {
		options = append(options, "-replace="+full(addr))
	}
	if s.NoRefresh {
		options = append(options, "-refresh=false")
	}
	switch s.Command {
	case commandDestroy:
		options = append(options, "-destroy")
	case commandRefreshOnly:
		options = append(options, "-refresh-only")
	}
	var ok bool
	switch {
	case s.queries():
		must(os.WriteFile(filepath.Join(r.dir, "main.tfquery.hcl"), []byte(queryHCL()), 0o600))
		w.inject(s, phasePlan)
		ok = r.report([]string{"query"})
	case s.Command == commandPlan:
		ok = r.report(append([]string{"plan"}, options...))
	case slices.ContainsFunc(s.Events, func(e event) bool { return e.Phase == phaseApply }):
		if ok = r.report(append([]string{"plan", "-out=plan"}, options...)); ok {
			w.happen(s, phaseApply)
			w.inject(s, phaseApply)
			ok = r.report([]string{"apply", "plan"})
		}
	default:
		w.inject(s, phaseApply) // The plan sends nothing that a fault of the apply could hit.
		ok = r.report(append([]string{"apply", "-auto-approve"}, options...))
	}
	w.kantata.ClearFaults()
	r.out.add("exit", "failed=%t", !ok)
	r.out.addWrites(w.kantata.Requests())
	r.state()
	return r.out
}

func (r *realRun) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = newOutcome()
}

func (r *realRun) terraform(args ...string) (output string, ok bool) {
	r.t.Helper()
	output, code, err := r.cli.Run(r.t.Context(), r.dir, []string{r.variable}, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return output, code == 0
}

// report runs a command with -json and keeps the summaries of its diagnostics, and what a query found.
func (r *realRun) report(args []string) (ok bool) {
	r.t.Helper()
	options := []string{"-json"}
	if args[0] != "query" { // which has no such option
		options = append(options, "-input=false")
	}
	output, ok := r.terraform(slices.Insert(args, 1, options...)...)
	for line := range strings.Lines(output) {
		var message struct {
			Diagnostic *struct{ Severity, Summary string }
			Found      *struct {
				Address string
				Name    string `json:"display_name"`
				Object  struct {
					User string `json:"user_id"`
				} `json:"resource_object"`
			} `json:"list_resource_found"`
		}
		if json.Unmarshal([]byte(line), &message) != nil {
			continue
		}
		if d := message.Diagnostic; d != nil {
			r.out.add("diagnostic", "%s %s", d.Severity, d.Summary)
		}
		if f := message.Found; f != nil {
			r.out.add("result", "%s %s %s", f.Address, f.Name, f.Object.User)
		}
	}
	return ok
}

func (r *realRun) state() {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "terraform.tfstate"))
	if err != nil {
		return // there is no state before the first apply
	}
	var state struct {
		Resources []struct {
			Type, Name string
			Instances  []struct {
				Key        any `json:"index_key"`
				Status     string
				Deposed    string
				Attributes map[string]any
			}
		}
	}
	must(json.Unmarshal(text, &state))
	for _, resource := range state.Resources {
		if resource.Type != typeName {
			continue
		}
		for _, in := range resource.Instances {
			addr := fmt.Sprintf("%s[%v]", resource.Name, in.Key)
			if key, ok := in.Key.(string); ok {
				addr = fmt.Sprintf("%s[%q]", resource.Name, key)
			}
			p := pair{fmt.Sprint(in.Attributes["access_group_id"]), fmt.Sprint(in.Attributes["user_id"])}
			if in.Deposed != "" {
				r.out.add("state", "%s %s deposed", block(addr), p)
			} else {
				r.out.add("state", "%s %s tainted=%t", addr, p, in.Status == "tainted")
			}
		}
	}
}
