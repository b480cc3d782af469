//go:build unix

// Command plugin is the provider as the benchmark runs it: the product, or a variant that reads each resource with one GET or not at all.
// It can also read a list without Terraform. When it ends, it writes its CPU time and its peak memory to a file.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/usage"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
	product "github.com/kantata-community/terraform-provider-kantata/internal/provider"
)

func main() {
	product.LimitMemory()
	product.OmitUnreadLogs()
	if err := run(os.Getenv(usage.ModeVariable)); err != nil {
		log.Fatal(err)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	u := usage.Usage{CPU: time.Duration(used.Utime.Nano() + used.Stime.Nano()), PeakBytes: peakBytes(used)}
	if err := u.Write(); err != nil {
		log.Fatal(err)
	}
}

// peakBytes returns the peak memory of this process. On Linux, that is not the one in used, which includes the memory of the process that
// started this one.
func peakBytes(used syscall.Rusage) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return used.Maxrss
	}
	var kib int64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			break
		}
	}
	return kib * 1024
}

func run(mode string) error {
	constructor := product.New("bench")
	switch mode {
	case usage.ReadList:
		return readList()
	case usage.OneGetEach:
		client, err := newClient()
		if err != nil {
			return err
		}
		constructor = func() provider.Provider { return &variant{Provider: product.New("bench")(), read: oneGet(client)} }
	case usage.ReadNothing:
		constructor = func() provider.Provider { return &variant{Provider: product.New("bench")(), read: nothing} }
	}
	options := providerserver.ServeOpts{Address: "bench.invalid/kantata-community/kantata"}
	return providerserver.Serve(context.Background(), constructor, options)
}

func newClient() (*kantata.Client, error) {
	return kantata.NewClient(kantata.Config{
		AccessToken: os.Getenv("KANTATA_ACCESS_TOKEN"), BaseURL: os.Getenv("KANTATA_BASE_URL"),
		MaxRetries: 4, RequestTimeout: time.Minute, UserAgent: "bench",
	})
}

// readList reads the list of all memberships as the product's resources and data sources do.
func readList() error {
	client, err := newClient()
	if err != nil {
		return err
	}
	_, err = memberships.New(client, 0).List(context.Background(), kantata.MembershipFilter{}, 0)
	return err
}

type readFunc func(context.Context, resource.ReadRequest, *resource.ReadResponse)

// variant is the product with another Read.
type variant struct {
	provider.Provider
	read readFunc
}

func (v *variant) Resources(ctx context.Context) []func() resource.Resource {
	var constructors []func() resource.Resource
	for _, constructor := range v.Provider.Resources(ctx) {
		constructors = append(constructors, func() resource.Resource {
			return &variantResource{membershipResource: constructor().(membershipResource), read: v.read}
		})
	}
	return constructors
}

type membershipResource interface {
	resource.ResourceWithConfigure
	resource.ResourceWithIdentity
	resource.ResourceWithImportState
	resource.ResourceWithModifyPlan
}

type variantResource struct {
	membershipResource
	read readFunc
}

func (r *variantResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	r.read(ctx, req, resp)
}

// nothing keeps the state as it is.
func nothing(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	for _, name := range []string{"access_group_id", "user_id"} {
		var value types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(name), &value)...)
		resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// oneGet reads each resource with a request of its own.
func oneGet(client *kantata.Client) readFunc {
	return func(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
		var id types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
		if _, err := client.GetAccessGroupMembership(ctx, kantata.ID(id.ValueString())); err != nil {
			resp.Diagnostics.AddError("Unable to Read Access Group Membership", err.Error())
			return
		}
		nothing(ctx, req, resp)
	}
}
