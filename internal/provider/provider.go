// Package provider is the Terraform side: schemas, state, identity and diagnostics.
package provider

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
)

const (
	envAccessToken    = "KANTATA_ACCESS_TOKEN" //nolint:gosec // the name of a variable, not a token
	envBaseURL        = "KANTATA_BASE_URL"
	envMaxRetries     = "KANTATA_MAX_RETRIES"
	envRequestTimeout = "KANTATA_REQUEST_TIMEOUT"

	defaultMaxRetries = 4
	// Kantata gives a request up after 3 minutes by itself.
	defaultRequestTimeout = 180
	maxMaxRetries         = 20
	maxRequestTimeout     = 600
)

var (
	_ provider.Provider                  = (*kantataProvider)(nil)
	_ provider.ProviderWithFunctions     = (*kantataProvider)(nil)
	_ provider.ProviderWithListResources = (*kantataProvider)(nil)
)

// New returns the provider's constructor; version is what the release build set.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &kantataProvider{version: version} }
}

// LimitMemory makes the process collect its garbage earlier where an account is huge: Terraform runs it beside other providers. The
// limit is soft, 160 MiB, and GOMEMLIMIT overrides it. Listing 100,000 memberships takes some 235 MiB with it and 430 MiB without.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(160 << 20)
	}
}

type kantataProvider struct {
	version string
	// waits is set by tests only, which need not wait as long as the product.
	waits *waits
}

type waits struct {
	retryMin, retryMax, requestTimeout time.Duration
	store                              memberships.Waits
}

// providerData is what all resources and data sources of one configured provider share (rule 10).
type providerData struct {
	client *kantata.Client
	store  *memberships.Store
}

type providerModel struct {
	AccessToken    types.String `tfsdk:"access_token"`
	BaseURL        types.String `tfsdk:"base_url"`
	MaxRetries     types.Int64  `tfsdk:"max_retries"`
	RequestTimeout types.Int64  `tfsdk:"request_timeout"`
}

func (p *kantataProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "kantata"
	resp.Version = p.version
}

func (p *kantataProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages who is in which access group of Kantata OX (formerly Mavenlink).",
		Attributes: map[string]schema.Attribute{
			"access_token": schema.StringAttribute{
				MarkdownDescription: "The OAuth 2.0 access token of a Kantata user who may manage access groups. Prefer the environment variable `" + envAccessToken + "`, so that the token is in no file. Surrounding white space is trimmed.",
				Optional:            true,
				Sensitive:           true,
			},
			"base_url": schema.StringAttribute{
				MarkdownDescription: "The root of Kantata's API, an `https` URL. Also read from `" + envBaseURL + "`. Defaults to `" + kantata.DefaultBaseURL + "`. Plain `http` is accepted for loopback addresses only.",
				Optional:            true,
			},
			"max_retries": schema.Int64Attribute{
				MarkdownDescription: "How many times a request that failed is sent again, 0 to 20, for example `6`. Also read from `" + envMaxRetries + "`. Defaults to `4`. Rate limiting is not counted: the provider waits as Kantata asks. A creation is never repeated blindly.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, maxMaxRetries)},
			},
			"request_timeout": schema.Int64Attribute{
				MarkdownDescription: "How long one attempt of one request may take, in seconds, 1 to 600, for example `60`. Also read from `" + envRequestTimeout + "`. Defaults to `180`, which is Kantata's own limit.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(1, maxRequestTimeout)},
			},
		},
	}
}

func (p *kantataProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	config := p.clientConfig(model, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	config.UserAgent = userAgent(p.version, req.TerraformVersion)
	config.Observe = logAttempt(config.AccessToken)
	if p.waits != nil {
		config.RetryWaitMin, config.RetryWaitMax = p.waits.retryMin, p.waits.retryMax
		config.RequestTimeout = p.waits.requestTimeout
	}
	client, err := kantata.NewClient(config)
	if err != nil {
		resp.Diagnostics.AddError("Unable to Configure the Kantata Client", sentence(err.Error()))
		return
	}
	options := memberships.Options{MaxRetries: client.MaxRetries()}
	if p.waits != nil {
		options.Waits = p.waits.store
	}
	data := &providerData{client: client, store: memberships.New(client, options)}
	resp.ResourceData, resp.DataSourceData, resp.ListResourceData = data, data, data
}

// clientConfig reads each attribute, else its environment variable, else its default.
func (p *kantataProvider) clientConfig(model providerModel, diags *diag.Diagnostics) kantata.Config {
	known := true
	for name, value := range map[string]interface{ IsUnknown() bool }{
		"access_token": model.AccessToken, "base_url": model.BaseURL, "max_retries": model.MaxRetries, "request_timeout": model.RequestTimeout,
	} {
		if value.IsUnknown() {
			known = false
			diags.AddAttributeError(path.Root(name), "Unknown Kantata Provider Setting",
				fmt.Sprintf("The value of %s is known only after apply, but the provider needs it to plan. Set it to a value that is known beforehand, apply first what it depends on with -target, or leave it out and set the environment variable %s.", name, envOf(name)))
		}
	}
	if !known {
		return kantata.Config{}
	}

	config := kantata.Config{
		MaxRetries:     intSetting(model.MaxRetries, "max_retries", defaultMaxRetries, 0, maxMaxRetries, diags),
		RequestTimeout: time.Duration(intSetting(model.RequestTimeout, "request_timeout", defaultRequestTimeout, 1, maxRequestTimeout, diags)) * time.Second,
	}

	token, from := stringSetting(model.AccessToken, "access_token", "")
	if token == "" && model.AccessToken.IsNull() {
		diags.AddAttributeError(path.Root("access_token"), "Missing Kantata Access Token",
			"The provider needs an access token. Set the environment variable "+envAccessToken+", or access_token in the provider block from a sensitive variable. An account administrator gets a token under Settings in Kantata, on the page of a registered application.")
	} else if normalized, err := kantata.NormalizeAccessToken(token); err != nil {
		diags.AddAttributeError(path.Root("access_token"), "Invalid Kantata Access Token", fmt.Sprintf("The value of %s cannot be used: %s.", from, err))
	} else {
		config.AccessToken = normalized
	}

	base, from := stringSetting(model.BaseURL, "base_url", kantata.DefaultBaseURL)
	normalized, err := kantata.NormalizeBaseURL(base)
	if err != nil {
		diags.AddAttributeError(path.Root("base_url"), "Invalid Kantata Base URL", fmt.Sprintf("The value of %s cannot be used: %s.", from, err))
	}
	config.BaseURL = normalized
	return config
}

func envOf(attribute string) string { return "KANTATA_" + strings.ToUpper(attribute) }

// stringSetting returns the value and where it is from, for an error's text.
func stringSetting(value types.String, attribute, fallback string) (setting, from string) {
	if !value.IsNull() {
		return value.ValueString(), attribute
	}
	if env, ok := os.LookupEnv(envOf(attribute)); ok && env != "" {
		return env, "the environment variable " + envOf(attribute)
	}
	return fallback, attribute
}

func intSetting(value types.Int64, attribute string, fallback, low, high int, diags *diag.Diagnostics) int {
	if !value.IsNull() {
		return int(value.ValueInt64())
	}
	env := strings.TrimSpace(os.Getenv(envOf(attribute)))
	if env == "" {
		return fallback
	}
	n, err := strconv.Atoi(env)
	if err != nil || n < low || n > high {
		diags.AddAttributeError(path.Root(attribute), "Invalid Kantata Provider Setting",
			fmt.Sprintf("The environment variable %s is %q; it must be a whole number from %d to %d.", envOf(attribute), env, low, high))
	}
	return n
}

func userAgent(version, terraformVersion string) string {
	agent := fmt.Sprintf("terraform-provider-kantata/%s Terraform/%s", version, terraformVersion)
	if more := strings.TrimSpace(os.Getenv("TF_APPEND_USER_AGENT")); more != "" {
		agent += " " + more
	}
	return agent
}

// logAttempt logs what was asked and answered, never headers or bodies. The mask is set here because each call of
// Terraform's brings a logger of its own.
func logAttempt(token string) func(context.Context, kantata.Attempt) {
	return func(ctx context.Context, a kantata.Attempt) {
		fields := map[string]any{
			"method": a.Method, "path": a.Path, "attempt": a.Number, "duration_ms": a.Duration.Milliseconds(),
		}
		if a.Err != nil {
			fields["error"] = a.Err.Error()
		} else {
			fields["status"], fields["request_id"] = a.Status, a.RequestID
		}
		tflog.Debug(tflog.MaskLogStrings(ctx, token), "Kantata API request", fields)
	}
}

func (p *kantataProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newAccessGroupMembershipResource}
}

func (p *kantataProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newAccessGroupMembershipDataSource, newAccessGroupMembershipsDataSource, newAccessGroupsDataSource, newUsersDataSource,
	}
}

func (p *kantataProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newMembershipsFunction}
}

func (p *kantataProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{newAccessGroupMembershipListResource}
}

// shared returns the provider data; nil before Configure, as when Terraform only validates.
func shared(data any) *providerData {
	d, _ := data.(*providerData)
	return d
}
