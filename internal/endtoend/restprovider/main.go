// Command restprovider stands in for the generic REST providers in the tests of moved blocks. Terraform starts the provider of every
// resource in the state, but a move itself needs only the state. A restapi_object can also be created, as the guide does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
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

// restModel has those attributes of a restapi_object that the guide uses.
type restModel struct {
	ID          types.String `tfsdk:"id"`
	Path        types.String `tfsdk:"path"`
	IDAttribute types.String `tfsdk:"id_attribute"`
	Data        types.String `tfsdk:"data"`
	APIResponse types.String `tfsdk:"api_response"`
}

func (restResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = map[string]string{"restapi": "restapi_object", "restful": "restful_resource"}[req.ProviderTypeName]
}

func (restResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":           schema.StringAttribute{Computed: true},
		"path":         schema.StringAttribute{Optional: true},
		"id_attribute": schema.StringAttribute{Optional: true},
		"data":         schema.StringAttribute{Optional: true},
		"api_response": schema.StringAttribute{Computed: true},
	}}
}

func (restResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model restModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	body, err := post(ctx, model.Path.ValueString(), model.Data.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("Create", err.Error())
		return
	}
	model.APIResponse = types.StringValue(string(body))
	model.ID = types.StringValue(valueAt(body, model.IDAttribute.ValueString()))
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}

func post(ctx context.Context, path, data string) ([]byte, error) {
	url := os.Getenv("KANTATA_BASE_URL") + path
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(data)) //nolint:gosec // a test
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("KANTATA_ACCESS_TOKEN"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // a test
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("POST %s: got %s, want 200", path, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// valueAt returns a value of a document by its path, such as results/0/id.
func valueAt(document []byte, path string) string {
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		return ""
	}
	for step := range strings.SplitSeq(path, "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(v) {
				value = v[i]
			}
		}
	}
	return fmt.Sprint(value)
}

func (restResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (restResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Update", "a moved resource is not updated")
}

func (restResource) Delete(_ context.Context, _ resource.DeleteRequest, resp *resource.DeleteResponse) {
	resp.Diagnostics.AddError("Delete", "a moved resource is not deleted")
}
