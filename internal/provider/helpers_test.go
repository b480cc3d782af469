package provider

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"golang.org/x/sync/errgroup"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

const membershipType = "kantata_access_group_membership"

// run is one provider process that the tests call as Terraform does, through the protocol. Like each plan and each apply, each run has
// its own provider.
type run struct {
	t       *testing.T
	server  tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
	object  tftypes.Object // the type of the resource
}

// newRun returns a run whose provider is configured for the fake, with the default settings except those given.
func newRun(t *testing.T, fake *kantatatest.Server, settings ...map[string]tftypes.Value) *run {
	t.Helper()

	r := newServer(t, New("test")())
	configured := filters(map[string]string{"access_token": kantatatest.Token, "base_url": fake.URL()})
	for _, setting := range settings {
		maps.Copy(configured, setting)
	}
	if said := diagnosticText(r.configure(configured)); said != "" {
		t.Fatalf("got the error %q, want none", said)
	}
	return r
}

// newServer returns a run whose provider is not configured yet.
func newServer(t *testing.T, p provider.Provider) *run {
	t.Helper()

	server, err := providerserver.NewProtocol6WithError(p)()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return &run{t: t, server: server, schemas: schemas, object: schemas.ResourceSchemas[membershipType].ValueType().(tftypes.Object)}
}

// configure validates and configures the provider, as Terraform does. Settings that are not given are null.
func (r *run) configure(settings map[string]tftypes.Value) []*tfprotov6.Diagnostic {
	r.t.Helper()

	object := r.schemas.Provider.ValueType().(tftypes.Object)
	values := nulls(object)
	maps.Copy(values, settings)
	config, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	if err != nil {
		r.t.Fatal(err)
	}
	validated, err := r.server.ValidateProviderConfig(r.t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: &config})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(validated.Diagnostics) > 0 {
		return validated.Diagnostics
	}
	configured, err := r.server.ConfigureProvider(r.t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0", Config: &config,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return configured.Diagnostics
}

func nulls(object tftypes.Object) map[string]tftypes.Value {
	values := make(map[string]tftypes.Value, len(object.AttributeTypes))
	for name, attribute := range object.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	return values
}

func (r *run) dynamic(values map[string]tftypes.Value) *tfprotov6.DynamicValue {
	r.t.Helper()

	value := tftypes.NewValue(r.object, nil)
	if values != nil {
		value = tftypes.NewValue(r.object, values)
	}
	dynamic, err := tfprotov6.NewDynamicValue(r.object, value)
	if err != nil {
		r.t.Fatal(err)
	}
	return &dynamic
}

// state is what Terraform would store: the attributes by name, or nil if the resource does not exist.
type state map[string]string

func (r *run) state(dynamic *tfprotov6.DynamicValue) state {
	r.t.Helper()

	if dynamic == nil {
		return nil
	}
	value, err := dynamic.Unmarshal(r.object)
	if err != nil {
		r.t.Fatal(err)
	}
	if value.IsNull() {
		return nil
	}
	var attributes map[string]tftypes.Value
	if err := value.As(&attributes); err != nil {
		r.t.Fatal(err)
	}
	s := state{}
	for name, attribute := range attributes {
		if !attribute.IsKnown() || attribute.IsNull() {
			continue
		}
		if attribute.Type().Is(tftypes.Bool) {
			var value bool
			if err := attribute.As(&value); err != nil {
				r.t.Fatal(err)
			}
			s[name] = strconv.FormatBool(value)
			continue
		}
		var text string
		if err := attribute.As(&text); err != nil {
			r.t.Fatal(err)
		}
		s[name] = text
	}
	return s
}

func (r *run) values(s state) map[string]tftypes.Value {
	values := nulls(r.object)
	for name, text := range s {
		if r.object.AttributeTypes[name].Is(tftypes.Bool) {
			values[name] = tftypes.NewValue(tftypes.Bool, text == "true")
			continue
		}
		values[name] = tftypes.NewValue(tftypes.String, text)
	}
	return values
}

// planned is the response to one plan call.
type planned struct {
	values   map[string]tftypes.Value // nil if the resource is destroyed
	private  []byte
	replaces []string
	said     string
}

// config returns a configuration of the resource. Attributes that are not given are null.
func (r *run) config(attributes map[string]tftypes.Value) map[string]tftypes.Value {
	config := nulls(r.object)
	maps.Copy(config, attributes)
	return config
}

// plan makes the plan call. prior is nil if there is no state, and config is nil if the resource is removed.
func (r *run) plan(ctx context.Context, prior state, private []byte, config map[string]tftypes.Value) planned {
	r.t.Helper()

	var priorValues map[string]tftypes.Value
	if prior != nil {
		priorValues = r.values(prior)
	}
	proposed := maps.Clone(config)
	for name, value := range config {
		computed := name != "adopt_existing" && name != "user_email_address" && value.IsKnown() && value.IsNull()
		switch {
		case computed && prior == nil:
			proposed[name] = unknown(tftypes.String)
		case computed:
			proposed[name] = priorValues[name]
		}
	}
	resp, err := r.server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: membershipType, PriorState: r.dynamic(priorValues), ProposedNewState: r.dynamic(proposed),
		Config: r.dynamic(config), PriorPrivate: private,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	p := planned{private: resp.PlannedPrivate, said: diagnosticText(resp.Diagnostics)}
	for _, attribute := range resp.RequiresReplace {
		p.replaces = append(p.replaces, attribute.String())
	}
	if value, err := resp.PlannedState.Unmarshal(r.object); err != nil {
		r.t.Fatal(err)
	} else if !value.IsNull() {
		if err := value.As(&p.values); err != nil {
			r.t.Fatal(err)
		}
	}
	return p
}

// validate returns the errors of the resource's configuration.
func (r *run) validate(config map[string]tftypes.Value) string {
	r.t.Helper()

	resp, err := r.server.ValidateResourceConfig(r.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: membershipType, Config: r.dynamic(config),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return diagnosticText(resp.Diagnostics)
}

// apply makes the apply call for what was planned.
func (r *run) apply(ctx context.Context, prior state, config map[string]tftypes.Value, p planned) (state, string) {
	r.t.Helper()

	var priorValues map[string]tftypes.Value
	if prior != nil {
		priorValues = r.values(prior)
	}
	resp, err := r.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: membershipType, PriorState: r.dynamic(priorValues), PlannedState: r.dynamic(p.values),
		Config: r.dynamic(config), PlannedPrivate: p.private,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.state(resp.NewState), diagnosticText(resp.Diagnostics)
}

func (r *run) create(ctx context.Context, accessGroupID, userID string) (state, string) {
	r.t.Helper()

	config := nulls(r.object)
	config["access_group_id"] = tftypes.NewValue(tftypes.String, accessGroupID)
	config["user_id"] = tftypes.NewValue(tftypes.String, userID)
	planned := make(map[string]tftypes.Value, len(config))
	for name, value := range config {
		planned[name] = value
		if value.IsNull() && name != "adopt_existing" {
			planned[name] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		}
	}
	resp, err := r.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: membershipType, PriorState: r.dynamic(nil), PlannedState: r.dynamic(planned), Config: r.dynamic(config),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.state(resp.NewState), diagnosticText(resp.Diagnostics)
}

func (r *run) delete(ctx context.Context, prior state) (state, string) {
	r.t.Helper()

	resp, err := r.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: membershipType, PriorState: r.dynamic(r.values(prior)), PlannedState: r.dynamic(nil), Config: r.dynamic(nil),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.state(resp.NewState), diagnosticText(resp.Diagnostics)
}

func (r *run) read(ctx context.Context, prior state) (state, string) {
	r.t.Helper()

	resp, err := r.server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: membershipType, CurrentState: r.dynamic(r.values(prior))})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.state(resp.NewState), diagnosticText(resp.Diagnostics)
}

// importID imports by a string ID and reads the result, as Terraform does.
func (r *run) importID(ctx context.Context, id string) (state, string) {
	r.t.Helper()

	return r.imported(ctx, &tfprotov6.ImportResourceStateRequest{TypeName: membershipType, ID: id})
}

func (r *run) imported(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (state, string) {
	r.t.Helper()

	resp, err := r.server.ImportResourceState(ctx, req)
	if err != nil {
		r.t.Fatal(err)
	}
	if text := diagnosticText(resp.Diagnostics); text != "" {
		return nil, text
	}
	imported := resp.ImportedResources[0]
	read, err := r.server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{
		TypeName: membershipType, CurrentState: imported.State, Private: imported.Private, CurrentIdentity: imported.Identity,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.state(read.NewState), diagnosticText(read.Diagnostics)
}

// data reads a data source and returns its attributes as plain Go values.
func (r *run) data(name string, config map[string]tftypes.Value) (map[string]any, string) {
	r.t.Helper()

	object := r.schemas.DataSourceSchemas[name].ValueType().(tftypes.Object)
	values := nulls(object)
	maps.Copy(values, config)
	dynamic, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	if err != nil {
		r.t.Fatal(err)
	}
	validated, err := r.server.ValidateDataResourceConfig(r.t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{
		TypeName: name, Config: &dynamic,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if text := diagnosticText(validated.Diagnostics); text != "" {
		return nil, text
	}
	resp, err := r.server.ReadDataSource(r.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: &dynamic})
	if err != nil {
		r.t.Fatal(err)
	}
	if text := diagnosticText(resp.Diagnostics); text != "" {
		return nil, text
	}
	value, err := resp.State.Unmarshal(object)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.plain(value).(map[string]any), ""
}

// query reads the list resource as `terraform query` does.
func (r *run) query(config map[string]string, limit int64, include bool) []tfprotov6.ListResourceResult {
	r.t.Helper()

	server, ok := r.server.(interface {
		tfprotov6.ProviderServer
		tfprotov6.ListResourceServer
	})
	if !ok {
		r.t.Fatal("got a provider without list resources, want a ListResourceServer")
	}
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"access_group_id": tftypes.String, "user_id": tftypes.String}}
	values := nulls(object)
	for name, text := range config {
		values[name] = tftypes.NewValue(tftypes.String, text)
	}
	dynamic, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	if err != nil {
		r.t.Fatal(err)
	}
	stream, err := server.ListResource(r.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: membershipType, Config: &dynamic, Limit: limit, IncludeResource: include,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	var results []tfprotov6.ListResourceResult
	for result := range stream.Results {
		if results = append(results, result); limit > 0 && int64(len(results)) == limit {
			break
		}
	}
	return results
}

// move moves the state of another provider's resource and reads the result, as Terraform does.
func (r *run) move(sourceType, sourceState string) (moved, read state, problem string) {
	r.t.Helper()
	resp, err := r.server.MoveResourceState(r.t.Context(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: "example.com/some/provider",
		SourceTypeName:        sourceType,
		SourceState:           &tfprotov6.RawState{JSON: []byte(sourceState)},
		TargetTypeName:        membershipType,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if problem = diagnosticText(resp.Diagnostics); problem != "" {
		return nil, nil, problem
	}
	if resp.TargetIdentity == nil {
		r.t.Error("got no identity from the move, want one")
	}
	next, err := r.server.ReadResource(r.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: membershipType, CurrentState: resp.TargetState, CurrentIdentity: resp.TargetIdentity,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.state(resp.TargetState), r.state(next.NewState), diagnosticText(next.Diagnostics)
}

// callMemberships calls the function as Terraform does: without a configured provider.
func callMemberships(t *testing.T, teams tftypes.Value) (result map[string]any, problem string) {
	t.Helper()
	r := newServer(t, New("test")())
	argument, err := tfprotov6.NewDynamicValue(tftypes.DynamicPseudoType, teams)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.server.CallFunction(t.Context(), &tfprotov6.CallFunctionRequest{
		Name: "memberships", Arguments: []*tfprotov6.DynamicValue{&argument},
	})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return nil, resp.Error.Text
	}
	value, err := resp.Result.Unmarshal(r.schemas.Functions["memberships"].Return.Type)
	if err != nil {
		t.Fatal(err)
	}
	return r.plain(value).(map[string]any), ""
}

// teamsObject is what yamldecode returns: an object whose attributes are tuples.
func teamsObject(teams map[string][]tftypes.Value) tftypes.Value {
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	values := map[string]tftypes.Value{}
	for group, members := range teams {
		tuple := tftypes.Tuple{}
		for _, member := range members {
			tuple.ElementTypes = append(tuple.ElementTypes, member.Type())
		}
		object.AttributeTypes[group] = tuple
		values[group] = tftypes.NewValue(tuple, members)
	}
	return tftypes.NewValue(object, values)
}

func exactNumber(text string) tftypes.Value {
	n, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	return tftypes.NewValue(tftypes.Number, n)
}

// nullAmong is a set of the items and a null.
func nullAmong(items ...string) tftypes.Value {
	values := []tftypes.Value{tftypes.NewValue(tftypes.String, nil)}
	for _, item := range items {
		values = append(values, text(item))
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, values)
}

func dynamicNulls(t *testing.T, object tftypes.Object) *tfprotov6.DynamicValue {
	t.Helper()

	dynamic, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, nulls(object)))
	if err != nil {
		t.Fatal(err)
	}
	return &dynamic
}

// plain turns a value into strings, booleans, maps and slices.
func (r *run) plain(value tftypes.Value) any {
	r.t.Helper()

	if value.IsNull() {
		return nil
	}
	var err error
	switch {
	case value.Type().Is(tftypes.String):
		var text string
		err = value.As(&text)
		if err == nil {
			return text
		}
	case value.Type().Is(tftypes.Bool):
		var set bool
		if err = value.As(&set); err == nil {
			return set
		}
	case value.Type().Is(tftypes.Number):
		number := new(big.Float)
		if err = value.As(number); err == nil {
			return number.String()
		}
	case value.Type().Is(tftypes.Object{}), value.Type().Is(tftypes.Map{}):
		var attributes map[string]tftypes.Value
		if err = value.As(&attributes); err == nil {
			plain := map[string]any{}
			for name, attribute := range attributes {
				plain[name] = r.plain(attribute)
			}
			return plain
		}
	default:
		var items []tftypes.Value
		if err = value.As(&items); err == nil {
			plain := make([]any, len(items))
			for i, item := range items {
				plain[i] = r.plain(item)
			}
			return plain
		}
	}
	r.t.Fatal(err)
	return nil
}

func diagnosticText(diagnostics []*tfprotov6.Diagnostic) string {
	var b strings.Builder
	for _, d := range diagnostics {
		fmt.Fprintf(&b, "%s: %s\n%s\n", d.Severity, d.Summary, d.Detail)
	}
	return b.String()
}

// The access group and the person of most tests.
const (
	group = 340001
	user  = 12000001
)

var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"kantata": providerserver.NewProtocol6WithError(New("test")()),
}

// configure returns a provider block for the fake, followed by the rest of a configuration.
func configure(fake *kantatatest.Server, rest string) string {
	return fmt.Sprintf("provider \"kantata\" {\n  access_token = %q\n  base_url     = %q\n}\n%s", kantatatest.Token, fake.URL(), rest)
}

// newFake returns a Kantata that listens on loopback, for tests that run the real Terraform. All other tests use inFakeTime.
func newFake(t *testing.T, dialect kantatatest.Dialect) *kantatatest.Server {
	t.Helper()

	fake := kantatatest.New(kantatatest.WithDialect(dialect))
	t.Cleanup(fake.Close)
	fake.SeedCompany()
	return fake
}

func membershipConfig(fake *kantatatest.Server, accessGroupID, userID string) string {
	return configure(fake, fmt.Sprintf("resource \"kantata_access_group_membership\" \"test\" {\n"+
		"  access_group_id = %s\n  user_id         = %s\n}\n", accessGroupID, userID))
}

func count(fake *kantatatest.Server, method string) int {
	n := 0
	for _, r := range fake.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

func destroyed(fake *kantatatest.Server) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if left := fake.Memberships(); len(left) != 0 {
			return fmt.Errorf("got the memberships %v after the destroy, want none", left)
		}
		return nil
	}
}

var noop = resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}

func stateOf(m kantatatest.Membership) state {
	return state{
		"id": fmt.Sprint(m.ID), "access_group_id": fmt.Sprint(m.AccessGroupID), "user_id": fmt.Sprint(m.UserID),
		"access_group_name": m.AccessGroupName, "user_name": m.UserName,
	}
}

// terraformParallelism is how many resources Terraform works on at once.
const terraformParallelism = 10

func text(s string) tftypes.Value           { return tftypes.NewValue(tftypes.String, s) }
func number(n int64) tftypes.Value          { return tftypes.NewValue(tftypes.Number, n) }
func unknown(of tftypes.Type) tftypes.Value { return tftypes.NewValue(of, tftypes.UnknownValue) }

func set(items ...string) tftypes.Value {
	values := make([]tftypes.Value, len(items))
	for i, item := range items {
		values[i] = text(item)
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, values)
}

func filters(config map[string]string) map[string]tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, value := range config {
		values[name] = text(value)
	}
	return values
}

func (r *run) importIdentity(accessGroupID, userID string) (state, string) {
	r.t.Helper()

	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"access_group_id": tftypes.String, "user_id": tftypes.String}}
	dynamic, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, map[string]tftypes.Value{
		"access_group_id": tftypes.NewValue(tftypes.String, accessGroupID), "user_id": tftypes.NewValue(tftypes.String, userID),
	}))
	if err != nil {
		r.t.Fatal(err)
	}
	return r.imported(r.t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: membershipType, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &dynamic},
	})
}

const html = "<html><body>Service Unavailable</body></html>"

// inject, once, always and the functions below arrange faults.
func inject(f kantatatest.Fault) func(*kantatatest.Server) {
	return func(fake *kantatatest.Server) { fake.Inject(f) }
}

func once(method string, effect kantatatest.Effect, status int) func(*kantatatest.Server) {
	return inject(fault(method, effect, status, 1))
}

func always(method string, effect kantatatest.Effect, status int) func(*kantatatest.Server) {
	return inject(fault(method, effect, status, 0))
}

func fault(method string, effect kantatatest.Effect, status, times int) kantatatest.Fault {
	f := kantatatest.Fault{Method: method, Effect: effect, Status: status, Times: times}
	if status >= 500 {
		f.Body = html
		f.Header = http.Header{"Content-Type": {"text/html"}}
	}
	return f
}

// all arranges several faults.
func all(faults ...func(*kantatatest.Server)) func(*kantatatest.Server) {
	return func(fake *kantatatest.Server) {
		for _, f := range faults {
			f(fake)
		}
	}
}

// afterWrite arranges that every GET that follows the first write fails.
func afterWrite(effect kantatatest.Effect, status int) func(*kantatatest.Server) {
	return func(fake *kantatatest.Server) {
		var wrote atomic.Bool
		f := fault("", effect, status, 0)
		f.Match = func(r kantatatest.Request) bool {
			if r.Method != http.MethodGet {
				wrote.Store(true)
				return false
			}
			return wrote.Load()
		}
		fake.Inject(f)
	}
}

// lists affects reads of lists only.
func lists(effect kantatatest.Effect, status int) func(*kantatatest.Server) {
	f := fault(http.MethodGet, effect, status, 0)
	f.Match = func(r kantatatest.Request) bool { return r.Path == "/access_group_memberships" }
	return inject(f)
}

// shows affects reads of a single membership by its ID only.
func shows(effect kantatatest.Effect, status, times int) func(*kantatatest.Server) {
	f := fault(http.MethodGet, effect, status, times)
	f.Match = func(r kantatatest.Request) bool { return r.Path != "/access_group_memberships" }
	return inject(f)
}

func writes(fake *kantatatest.Server, method string) int {
	n := 0
	for _, r := range fake.Requests() {
		if r.Method != http.MethodGet && (method == "" || r.Method == method) {
			n++
		}
	}
	return n
}

var update = flag.Bool("update", false, "rewrite the golden files")

// terraformColumns is where Terraform wraps a detail if its output is 78 columns wide: its frame takes three.
const terraformColumns = 75

// wrapped breaks lines as Terraform does: at spaces, and only lines that do not begin with one.
func wrapped(detail string) string {
	var b strings.Builder
	for i, line := range strings.Split(detail, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		if strings.HasPrefix(line, " ") {
			b.WriteString(line)
			continue
		}
		column := 0
		for j, word := range strings.Split(line, " ") {
			n := utf8.RuneCountInString(word)
			switch {
			case j > 0 && column+1+n > terraformColumns:
				b.WriteByte('\n')
				column = 0
			case j > 0:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += n
		}
	}
	return b.String()
}

var kindNames = map[findingKind]string{
	findingAdopted:              "adopted",
	findingAdoptedOrInterrupted: "adopted or interrupted",
	findingInterrupted:          "interrupted",
	findingOccupied:             "occupied",
	findingHeldElsewhere:        "held elsewhere",
	findingHeldTwice:            "held twice",
	findingExists:               "exists",
	findingRemovedElsewhere:     "removed elsewhere",
	findingKeptElsewhere:        "kept elsewhere",
	findingUndecidedElsewhere:   "undecided elsewhere",
	findingWantedTwice:          "wanted twice",
	findingLosesAccess:          "loses access",
}

// orders calls try for each possible order of the calls of several addresses. calls contains the number of calls of each address.
func orders(calls map[string]int, try func(order []string)) {
	left, total := maps.Clone(calls), 0
	for _, n := range calls {
		total += n
	}
	names := slices.Sorted(maps.Keys(calls))
	var extend func(order []string)
	extend = func(order []string) {
		if len(order) == total {
			try(order)
			return
		}
		for _, address := range names {
			if left[address] > 0 {
				left[address]--
				extend(append(slices.Clone(order), address))
				left[address]++
			}
		}
	}
	extend(nil)
}

// inFakeTime runs a test in a bubble, with the company of SeedCompany behind pipes: nothing in it depends on the speed of the machine, and
// waits take no time. The test must not be parallel.
func inFakeTime(t *testing.T, test func(t *testing.T, fake *kantatatest.Server), options ...kantatatest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := kantatatest.New(append(options, kantatatest.WithoutListener())...)
		fake.SeedCompany()
		replaceDial(t, servePipes(t, fake).dial)
		t.Cleanup(fake.Close)
		test(t, fake)
	})
}

// runInFakeTime runs a subtest with inFakeTime.
func runInFakeTime(t *testing.T, name string, test func(t *testing.T, fake *kantatatest.Server), options ...kantatatest.Option) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inFakeTime(t, test, options...) })
}

// replaceDial makes http.DefaultTransport, which the client clones, connect with dial for the duration of the test.
func replaceDial(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	t.Helper()
	before := http.DefaultTransport
	http.DefaultTransport = &http.Transport{DialContext: dial}
	t.Cleanup(func() { http.DefaultTransport = before })
}

// servePipes serves the handler through pipes until the test ends: a network connection does not belong to a bubble.
func servePipes(t *testing.T, handler http.Handler) *pipes {
	t.Helper()
	listener := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		// A list may still be read after its callers have their results, and a bubble must end without goroutines.
		<-time.After(time.Hour)
		_ = server.Close()
	})
	return listener
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.connections <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.connections:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// janeConfig is the configuration of Jane's membership in the group of resource managers, which janeState has.
func janeConfig(r *run, changes ...map[string]tftypes.Value) map[string]tftypes.Value {
	config := r.config(map[string]tftypes.Value{"access_group_id": text("340002"), "user_id": text("12000001")})
	for _, change := range changes {
		maps.Copy(config, change)
	}
	return config
}

func janeState(t *testing.T, fake *kantatatest.Server) state {
	t.Helper()

	fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
	s, said := newRun(t, fake).importID(t.Context(), "340002/12000001")
	if said != "" {
		t.Fatalf("got the error %q, want none", said)
	}
	return s
}

// byAddress is the configuration of a membership in the group of resource managers.
func byAddress(r *run, address string) map[string]tftypes.Value {
	return r.config(map[string]tftypes.Value{"access_group_id": text("340002"), "user_email_address": text(address)})
}

// createByAddress plans and creates a membership in one process, as an apply does.
func createByAddress(t *testing.T, fake *kantatatest.Server, address string) state {
	t.Helper()
	r := newRun(t, fake)
	config := byAddress(r, address)
	p := r.plan(t.Context(), nil, nil, config)
	if p.said != "" {
		t.Fatalf("got the error %q, want none", p.said)
	}
	created, said := r.apply(t.Context(), nil, config, p)
	if said != "" {
		t.Fatalf("got the error %q, want none", said)
	}
	return created
}

// lookupsOfPeople returns the number of requests to /users.
func lookupsOfPeople(fake *kantatatest.Server) int {
	n := 0
	for _, r := range fake.Requests() {
		if strings.HasPrefix(r.Path, "/users") {
			n++
		}
	}
	return n
}

// said makes n calls, parallelism of them at a time, and returns what they said, without those that said nothing.
func said(n, parallelism int, call func(i int) string) (all []string) {
	var mu sync.Mutex // guards all
	var calls errgroup.Group
	calls.SetLimit(parallelism)
	for i := range n {
		calls.Go(func() error {
			text := call(i)
			mu.Lock()
			defer mu.Unlock()
			if text != "" {
				all = append(all, text)
			}
			return nil
		})
	}
	_ = calls.Wait()
	return all
}
