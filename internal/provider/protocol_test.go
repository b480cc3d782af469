package provider

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
)

const membershipType = "kantata_access_group_membership"

// run is one provider process at the protocol's level: what Terraform would call, without Terraform. Each
// run has a provider of its own, as each plan and each apply has.
type run struct {
	t       *testing.T
	server  tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
	object  tftypes.Object // the resource's
}

func newRun(t *testing.T, fake *kantatatest.Server, maxRetries int, requestTimeout time.Duration) *run {
	t.Helper()

	r := newServer(t, &kantataProvider{version: "test", waits: impatient(requestTimeout)})
	diagnostics := r.configure(map[string]tftypes.Value{
		"access_token": tftypes.NewValue(tftypes.String, kantatatest.Token),
		"base_url":     tftypes.NewValue(tftypes.String, fake.URL()),
		"max_retries":  tftypes.NewValue(tftypes.Number, int64(maxRetries)),
	})
	if text := diagnosticText(diagnostics); text != "" {
		t.Fatal(text)
	}
	return r
}

// newServer returns a provider that is not configured yet.
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

// configure validates and configures the provider, as Terraform does, with the settings that are given.
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
	configured, err := r.server.ConfigureProvider(r.t.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.14.0", Config: &config})
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

// state is what Terraform would store: the attributes by name, nil when there is no resource.
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

// config returns a configuration of the resource; what is not given is null.
func (r *run) config(attributes map[string]tftypes.Value) map[string]tftypes.Value {
	config := nulls(r.object)
	maps.Copy(config, attributes)
	return config
}

// plan makes the plan call for a resource whose state is prior, nil for none, and whose configuration is config, nil for none.
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
		TypeName: membershipType, PriorState: r.dynamic(priorValues), ProposedNewState: r.dynamic(proposed), Config: r.dynamic(config), PriorPrivate: private,
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

// validate returns what the provider says of a configuration of the resource.
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
		TypeName: membershipType, PriorState: r.dynamic(priorValues), PlannedState: r.dynamic(p.values), Config: r.dynamic(config), PlannedPrivate: p.private,
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

// importID imports by a string id and reads the result, as Terraform does.
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
	read, err := r.server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: membershipType, CurrentState: imported.State, Private: imported.Private, CurrentIdentity: imported.Identity})
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
	validated, err := r.server.ValidateDataResourceConfig(r.t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: name, Config: &dynamic})
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

func impatient(requestTimeout time.Duration) *waits {
	store := memberships.DefaultWaits()
	store.Delete, store.Repeat, store.Pending, store.Canceled = 20*time.Millisecond, 10*time.Millisecond, time.Second, time.Second
	store.Lag = 30 * time.Millisecond
	return &waits{retryMin: time.Millisecond, retryMax: 10 * time.Millisecond, requestTimeout: requestTimeout, store: store}
}
