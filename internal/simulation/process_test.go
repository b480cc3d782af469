package simulation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/provider"
)

const (
	typeName       = "kantata_access_group_membership"
	listName       = "kantata_access_group_memberships"
	requestTimeout = 20 // seconds
)

// fleet is the processes of one plan or one apply: Terraform starts one for each provider configuration.
type fleet struct {
	main, other *process
}

// startAll starts a process, and another one if a second provider configuration manages block n.
func (c *command) startAll(phase string) fleet {
	c.mu.Lock()
	c.arrived = 0
	c.mu.Unlock()
	all := fleet{main: c.start(phase, "")}
	if all.other = all.main; c.alias {
		all.other = c.start(phase, "other ")
	}
	c.onStart(all.main)
	return all
}

// of returns the process that manages an address.
func (f fleet) of(addr string) *process {
	if block(addr) == aliased {
		return f.other
	}
	return f.main
}

func (f fleet) end() {
	f.main.end()
	if f.other != f.main {
		f.other.end()
	}
}

// process is one provider process, which Terraform starts for one plan or one apply.
type process struct {
	command *command
	phase   string
	server  tfprotov6.ProviderServer
	wire    *wire
	logs    *watcher
	ctx     context.Context
	object  tftypes.Object // the type of the resource
	atEnd   []func()
}

// schemas returns the schemas of the provider, which are the same in every process.
var schemas = sync.OnceValue(func() *tfprotov6.GetProviderSchemaResponse {
	server := providerserver.NewProtocol6(provider.New("test")())()
	all, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	must(err)
	return all
})

// start starts a process. The name distinguishes those of one fleet.
func (c *command) start(phase, name string) *process {
	p := &process{command: c, phase: phase, logs: &watcher{}}
	p.wire = newWire(c.kantata, hash(c.seed, name+phase), c.latency)
	p.wire.arrive = func() {
		c.mu.Lock()
		c.arrived++
		n := c.arrived
		c.mu.Unlock()
		c.onRequest(p, n)
	}
	p.wire.late = func(r *http.Request) {
		if c.quiet { // otherwise, an unnecessary read may have waited for its turn
			c.observe.broke(kindLateRequest, "the %s: %s %s", phase, r.Method, r.RequestURI)
		}
	}
	p.wire.broke = c.observe.broke
	p.ctx = context.Background()
	if c.logged {
		p.ctx = tflogtest.RootLogger(p.ctx, p.logs)
	}
	p.server = providerserver.NewProtocol6(provider.New("test")())()
	if c.record != nil {
		p.server = &recorder{ProviderServer: p.server, note: func(line string) { c.record(name, line) }}
	}
	p.object = schemas().ResourceSchemas[typeName].ValueType().(tftypes.Object)
	object := schemas().Provider.ValueType().(tftypes.Object)
	values := nulls(object)
	values["access_token"] = tftypes.NewValue(tftypes.String, kantatatest.Token)
	values["base_url"] = tftypes.NewValue(tftypes.String, p.wire.url)
	values["request_timeout"] = tftypes.NewValue(tftypes.Number, requestTimeout)
	resp, err := p.server.ConfigureProvider(p.ctx, &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: c.product.version, Config: dynamic(object, tftypes.NewValue(object, values)),
	})
	must(err)
	c.add("provider", nil, resp.Diagnostics)
	c.mu.Lock()
	c.processes = append(c.processes, p)
	c.mu.Unlock()
	return p
}

// end ends the process as Terraform does after its walk.
func (p *process) end() {
	c := p.command
	c.mu.Lock()
	c.processes = slices.DeleteFunc(c.processes, func(other *process) bool { return other == p })
	killed := c.killed
	c.mu.Unlock()
	for _, f := range p.atEnd {
		f()
	}
	time.Sleep(time.Millisecond) // calls that were canceled return
	if writes := p.wire.end(); writes > 0 && !killed {
		c.broke(kindInFlight, "%d of the %s", writes, p.phase)
	}
	if p.logs.found.Load() {
		c.broke(kindToken, "in the log of the %s", p.phase)
	}
	c.observe.ended(p.wire)
}

// watcher is a log that remembers only whether the token was in it.
type watcher struct{ found atomic.Bool }

func (w *watcher) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(kantatatest.Token)) {
		w.found.Store(true)
	}
	return io.Discard.Write(b)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func nulls(object tftypes.Object) map[string]tftypes.Value {
	values := make(map[string]tftypes.Value, len(object.AttributeTypes))
	for name, attribute := range object.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	return values
}

func dynamic(t tftypes.Type, v tftypes.Value) *tfprotov6.DynamicValue {
	d, err := tfprotov6.NewDynamicValue(t, v)
	must(err)
	return &d
}

const unknown = "(unknown)"

// attributes returns the attributes that are not null, as text.
func attributes(v tftypes.Value) map[string]string {
	if v.IsNull() {
		return nil
	}
	var values map[string]tftypes.Value
	must(v.As(&values))
	texts := map[string]string{}
	for name, a := range values {
		if !a.IsKnown() {
			texts[name] = unknown
		} else if !a.IsNull() {
			var text string
			if err := a.As(&text); err != nil {
				text = a.String()
			}
			texts[name] = text
		}
	}
	return texts
}

func (p *process) null() tftypes.Value { return tftypes.NewValue(p.object, nil) }

// config is the configured value of an instance. The user is unknown while the terraform_data that provides it is unknown.
func (p *process) config(in instance, userKnown bool) tftypes.Value {
	values := nulls(p.object)
	values["access_group_id"] = tftypes.NewValue(tftypes.String, in.group)
	values["user_id"] = tftypes.NewValue(tftypes.String, in.user)
	if in.adopt {
		values["adopt_existing"] = tftypes.NewValue(tftypes.Bool, true)
	}
	if in.email != "" {
		values["user_email_address"] = tftypes.NewValue(tftypes.String, in.email)
		values["user_id"] = tftypes.NewValue(tftypes.String, nil)
	}
	if !userKnown {
		values["user_id"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	}
	return tftypes.NewValue(p.object, values)
}

// proposed is what Terraform proposes: the configuration, with computed attributes that are not configured taken from the prior state.
func (p *process) proposed(prior, config tftypes.Value) tftypes.Value {
	if config.IsNull() {
		return p.null()
	}
	var configured, before map[string]tftypes.Value
	must(config.As(&configured))
	if !prior.IsNull() {
		must(prior.As(&before))
	}
	values := nulls(p.object)
	for _, a := range schemas().ResourceSchemas[typeName].Block.Attributes {
		values[a.Name] = configured[a.Name]
		if a.Computed && configured[a.Name].IsNull() && before != nil {
			values[a.Name] = before[a.Name]
		}
	}
	return tftypes.NewValue(p.object, values)
}

func (p *process) unmarshal(d *tfprotov6.DynamicValue) tftypes.Value {
	if d == nil {
		return p.null()
	}
	v, err := d.Unmarshal(p.object)
	must(err)
	return v
}

// identity returns what this version of Terraform passes of an object's identity.
func (p *process) identity(o *object) *tfprotov6.ResourceIdentityData {
	if o == nil || !p.command.product.identities {
		return nil
	}
	return o.identity
}

// refresh reads an object. The result is nil if the provider says that it is absent.
func (p *process) refresh(addr string, prior *object) (*object, bool) {
	c := p.command
	if prior == nil || c.noRefresh {
		return prior, true
	}
	return p.read(addr, prior)
}

func (p *process) read(addr string, prior *object) (*object, bool) {
	c := p.command
	began := time.Now()
	resp, err := p.server.ReadResource(p.ctx, &tfprotov6.ReadResourceRequest{
		TypeName: typeName, CurrentState: dynamic(p.object, prior.value), Private: prior.private, CurrentIdentity: p.identity(prior),
	})
	c.mark(&c.readEnded, addr)
	if c.failCall(addr, []pair{prior.pair()}, err) {
		return nil, false
	}
	failed := c.add(addr, []pair{prior.pair()}, resp.Diagnostics)
	var next *object
	if v := p.unmarshal(resp.NewState); !v.IsNull() {
		next = &object{value: v, private: resp.Private, identity: resp.NewIdentity, tainted: prior.tainted, attrs: attributes(v)}
	}
	if !failed {
		c.observe.read(addr, prior, next, began)
	}
	return next, !failed
}

func (p *process) plan(
	prior, config tftypes.Value, private []byte, identity *tfprotov6.ResourceIdentityData,
) (*tfprotov6.PlanResourceChangeResponse, tftypes.Value, error) {
	resp, err := p.server.PlanResourceChange(p.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, PriorState: dynamic(p.object, prior), ProposedNewState: dynamic(p.object, p.proposed(prior, config)),
		Config: dynamic(p.object, config), PriorPrivate: private, PriorIdentity: identity,
	})
	if err != nil {
		return nil, tftypes.Value{}, err
	}
	return resp, p.unmarshal(resp.PlannedState), nil
}

// importObject imports and reads an object, as an import block and terraform import do.
func (p *process) importObject(addr, id string) (*object, bool) {
	c := p.command
	resp, err := p.server.ImportResourceState(p.ctx, &tfprotov6.ImportResourceStateRequest{TypeName: typeName, ID: id})
	group, user, _ := strings.Cut(id, "/")
	pairs := []pair{{group, user}}
	if c.failCall(addr, pairs, err) || c.add(addr, pairs, resp.Diagnostics) {
		return nil, false
	}
	r := resp.ImportedResources[0]
	v := p.unmarshal(r.State)
	o, ok := p.read(addr, &object{value: v, private: r.Private, attrs: attributes(v)})
	if ok && o == nil {
		c.fail(addr, pairs, "Cannot import non-existent remote object")
		return nil, false
	}
	return o, ok
}

// listing is what was known when a list began: the time, and the IDs of what the run had created and removed.
type listing struct {
	began      time.Time
	made, gone map[string]bool
}

func (c *command) listing() listing {
	made, gone := c.observe.written()
	return listing{time.Now(), made, gone}
}

// list reads a data source that lists an access group, or the account if the group is "".
func (p *process) list(group string) bool {
	c := p.command
	t := schemas().DataSourceSchemas[listName].ValueType().(tftypes.Object)
	l := c.listing()
	resp, err := p.server.ReadDataSource(p.ctx, &tfprotov6.ReadDataSourceRequest{TypeName: listName, Config: filter(t, group)})
	if c.failCall("data "+group, nil, err) || c.add("data "+group, nil, resp.Diagnostics) {
		return false
	}
	v, err := resp.State.Unmarshal(t)
	must(err)
	var outer map[string]tftypes.Value
	must(v.As(&outer))
	var rows []tftypes.Value
	must(outer["memberships"].As(&rows))
	var ids []string
	for _, r := range rows {
		ids = append(ids, attributes(r)["id"])
	}
	c.observe.listed(group, ids, l)
	return true
}

// filter is the configuration of a list, with the group as its only filter.
func filter(t tftypes.Object, group string) *tfprotov6.DynamicValue {
	values := nulls(t)
	if group != "" {
		values["access_group_id"] = tftypes.NewValue(tftypes.String, group)
	}
	return dynamic(t, tftypes.NewValue(t, values))
}

// queryLimit is the most results of a list block.
const queryLimit = 10_000

// query reads a list block, as terraform query does.
func (p *process) query(group string) bool {
	c, addr := p.command, "list."+typeName+"."+listBlock(group)
	t := schemas().ListResourceSchemas[typeName].ValueType().(tftypes.Object)
	l := c.listing()
	stream, err := p.server.(tfprotov6.ListResourceServer).ListResource(p.ctx, &tfprotov6.ListResourceRequest{
		TypeName: typeName, Config: filter(t, group), IncludeResource: true, Limit: queryLimit,
	})
	if c.failCall(addr, nil, err) {
		return false
	}
	var ids, found []string
	for r := range stream.Results {
		if c.add(addr, nil, r.Diagnostics) {
			return false // and nothing that was found is printed
		}
		attrs := attributes(p.unmarshal(r.Resource))
		ids, found = append(ids, attrs["id"]), append(found, addr+" "+r.DisplayName+" "+attrs["user_id"])
	}
	c.observe.listed(group, ids, l)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(c.found, found...)
	return true
}
