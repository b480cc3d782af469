//go:build unix

// Command plugin is the provider as the benchmark runs it: as it is, with one GET for each resource, or reading nothing.
// It leaves what it used of the machine in a file.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/usage"
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	product "github.com/kantata-community/terraform-provider-kantata/internal/provider"
)

func main() {
	constructor := product.New("bench")
	switch os.Getenv(usage.ModeVariable) {
	case usage.OneGetEach:
		constructor = func() provider.Provider { return &variant{Provider: product.New("bench")(), read: oneGet()} }
	case usage.ReadNothing:
		constructor = func() provider.Provider { return &variant{Provider: product.New("bench")(), read: nothing} }
	}
	product.LimitMemory()
	err := providerserver.Serve(context.Background(), constructor, providerserver.ServeOpts{Address: "bench.invalid/kantata-community/kantata"})
	if err != nil {
		log.Fatal(err)
	}
	if err := leaveUsage(); err != nil {
		log.Fatal(err)
	}
}

func leaveUsage() error {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	content, err := json.Marshal(usage.Usage{
		CPU: time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		// Linux counts in KiB.
		PeakBytes: used.Maxrss * 1024,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(os.Getenv(usage.DirVariable), strconv.Itoa(os.Getpid())+".json"), content, 0o600) //nolint:gosec // the benchmark names the folder
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

// oneGet reads each resource by a request of its own.
func oneGet() readFunc {
	client, err := kantata.NewClient(kantata.Config{
		AccessToken: os.Getenv("KANTATA_ACCESS_TOKEN"), BaseURL: os.Getenv("KANTATA_BASE_URL"),
		MaxRetries: 4, RequestTimeout: time.Minute, UserAgent: "bench",
	})
	if err != nil {
		log.Fatal(err)
	}
	return func(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
		var id types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
		if _, err := client.GetAccessGroupMembership(ctx, kantata.ID(id.ValueString())); err != nil {
			resp.Diagnostics.AddError("Unable to Read", fmt.Sprint(err))
			return
		}
		nothing(ctx, req, resp)
	}
}
