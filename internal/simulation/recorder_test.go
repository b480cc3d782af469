package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

func TestMain(m *testing.M) {
	must(os.Unsetenv("KANTATA_MAX_RETRIES")) // histories set everything else
	dialWires()
	// What a history leaves behind is small and lives as long as its bubble, so frequent collections cost a third of the time.
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// reattach serves providers by their addresses until the test ends, and returns the variable that makes a real Terraform use them instead
// of starting processes. A provider makes new data for itself whenever it is configured, as a new process does.
func reattach(t *testing.T, providers map[string]tfprotov6.ProviderServer) string {
	t.Helper()
	all := map[string]any{}
	for address, p := range providers {
		ctx, cancel := context.WithCancel(context.Background())
		configs, closed := make(chan *plugin.ReattachConfig, 1), make(chan struct{})
		go func() {
			must(tf6server.Serve(address, func() tfprotov6.ProviderServer { return p },
				tf6server.WithDebug(ctx, configs, closed), tf6server.WithGoPluginLogger(hclog.NewNullLogger()), tf6server.WithLoggingSink(t)))
		}()
		t.Cleanup(func() {
			cancel()
			<-closed
		})
		config := <-configs
		all[address] = map[string]any{
			"Protocol": config.Protocol, "ProtocolVersion": config.ProtocolVersion, "Pid": config.Pid, "Test": config.Test,
			"Addr": map[string]string{"Network": config.Addr.Network(), "String": config.Addr.String()},
		}
	}
	text, err := json.Marshal(all)
	must(err)
	return "TF_REATTACH_PROVIDERS=" + string(text)
}

// recorder notes the calls of Terraform in front of the provider, in a form that does not depend on membership IDs or on their order.
type recorder struct {
	tfprotov6.ProviderServer
	note func(line string)

	mu      sync.Mutex      // guards the rest
	read    map[string]bool // IDs that reads returned
	refresh map[string]bool // IDs that reads received
}

// age says whether an ID was returned by a read of this process, was passed to a read and not returned, or came from elsewhere. It shows
// whether Terraform passes on what it read.
func (r *recorder) age(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.read[id]:
		return "read"
	case r.refresh[id]:
		return "stale"
	}
	return "set"
}

func (r *recorder) attributes(d *tfprotov6.DynamicValue) map[string]string {
	if d == nil {
		return nil
	}
	v, err := d.Unmarshal(schemas().ResourceSchemas[typeName].ValueType())
	must(err)
	return attributes(v)
}

func (r *recorder) text(d *tfprotov6.DynamicValue) string {
	attrs := r.attributes(d)
	if attrs == nil {
		return "null"
	}
	var parts []string
	for name, text := range attrs {
		switch {
		case text == unknown:
		case name == "id":
			text = r.age(text)
		case name == "created_at" || name == "creator_id":
			text = "set"
		}
		parts = append(parts, name+"="+text)
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, " ") + "}"
}

func (r *recorder) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	// The age of the ID is left out: it would depend on the order of reads if two addresses hold one membership.
	prior := strings.NewReplacer("id=read ", "id=set ", "id=stale ", "id=set ").Replace(r.text(req.CurrentState))
	r.note(fmt.Sprintf("read %s private=%t identity=%t", prior, len(req.Private) > 0, req.CurrentIdentity != nil))
	resp, err := r.ProviderServer.ReadResource(ctx, req)
	if err != nil {
		return nil, err
	}
	asked, got := r.attributes(req.CurrentState)["id"], r.attributes(resp.NewState)["id"]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refresh[asked], r.read[got] = true, true
	return resp, nil
}

func (r *recorder) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	r.note(fmt.Sprintf("plan prior %s proposed %s config %s private=%t identity=%t",
		r.text(req.PriorState), r.text(req.ProposedNewState), r.text(req.Config), len(req.PriorPrivate) > 0, req.PriorIdentity != nil))
	return r.ProviderServer.PlanResourceChange(ctx, req)
}

func (r *recorder) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	r.note(fmt.Sprintf("apply prior %s planned %s config %s private=%t identity=%t",
		r.text(req.PriorState), r.text(req.PlannedState), r.text(req.Config), len(req.PlannedPrivate) > 0, req.PlannedIdentity != nil))
	return r.ProviderServer.ApplyResourceChange(ctx, req)
}

func (r *recorder) ImportResourceState(
	ctx context.Context, req *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	r.note("import " + req.ID)
	return r.ProviderServer.ImportResourceState(ctx, req)
}

// configureCall is what the recorder writes when a process is configured.
const configureCall = "configure"

func (r *recorder) ConfigureProvider(
	ctx context.Context, req *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	r.mu.Lock()
	r.read, r.refresh = map[string]bool{}, map[string]bool{}
	r.mu.Unlock()
	r.note(configureCall)
	return r.ProviderServer.ConfigureProvider(ctx, req)
}

// A recorder also makes the calls of terraform query possible, which are not yet part of ProviderServer.
func (r *recorder) lists() tfprotov6.ListResourceServer {
	return r.ProviderServer.(tfprotov6.ListResourceServer)
}

func (r *recorder) ValidateListResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateListResourceConfigRequest,
) (*tfprotov6.ValidateListResourceConfigResponse, error) {
	return r.lists().ValidateListResourceConfig(ctx, req)
}

func (r *recorder) ListResource(ctx context.Context, req *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error) {
	r.note(fmt.Sprintf("list %s resource=%t limit=%d", req.TypeName, req.IncludeResource, req.Limit))
	return r.lists().ListResource(ctx, req)
}

func (r *recorder) ReadDataSource(
	ctx context.Context, req *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	r.note("data " + req.TypeName)
	return r.ProviderServer.ReadDataSource(ctx, req)
}
