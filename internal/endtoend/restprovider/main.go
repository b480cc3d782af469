// Command restprovider stands in for the generic REST providers in the tests of moved blocks. Terraform starts the provider of every
// resource in the state, but a move itself needs only the state.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

func main() {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	standIn := func() provider.Provider { return restProvider{name: strings.TrimPrefix(name, "terraform-provider-")} }
	err := providerserver.Serve(context.Background(), standIn, providerserver.ServeOpts{Address: "example.com/test/rest"})
	if err != nil {
		log.Fatal(err)
	}
}

// restProvider is the provider restapi or restful, depending on the name of the executable.
type restProvider struct{ name string }

func (p restProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = p.name
}

func (restProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (restProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

func (restProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (restProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return restResource{} }}
}

type restResource struct{}

func (restResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = map[string]string{"restapi": "restapi_object", "restful": "restful_resource"}[req.ProviderTypeName]
}

func (restResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{"id": schema.StringAttribute{Computed: true}}}
}

func (restResource) Create(_ context.Context, _ resource.CreateRequest, resp *resource.CreateResponse) {
	resp.Diagnostics.AddError("Create", "a moved resource is not created")
}

func (restResource) Read(_ context.Context, _ resource.ReadRequest, resp *resource.ReadResponse) {
	resp.Diagnostics.AddError("Read", "a moved resource is not read")
}

func (restResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Update", "a moved resource is not updated")
}

func (restResource) Delete(_ context.Context, _ resource.DeleteRequest, resp *resource.DeleteResponse) {
	resp.Diagnostics.AddError("Delete", "a moved resource is not deleted")
}
