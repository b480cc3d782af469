// Package provider is the Terraform side: schemas, state, identity and diagnostics.
package provider

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
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
	"github.com/kantata-community/terraform-provider-kantata/internal/people"
)

const (
	envAccessToken    = "KANTATA_ACCESS_TOKEN" //nolint:gosec // the name of a variable, not a token
	envBaseURL        = "KANTATA_BASE_URL"
	envMaxRetries     = "KANTATA_MAX_RETRIES"
	envRequestTimeout = "KANTATA_REQUEST_TIMEOUT"

	defaultMaxRetries, maxMaxRetries = 4, 20
	// Kantata itself ends a request after 3 minutes.
	defaultRequestTimeout, maxRequestTimeout = 180, 600
)

var (
	_ provider.Provider                  = (*kantataProvider)(nil)
	_ provider.ProviderWithFunctions     = (*kantataProvider)(nil)
	_ provider.ProviderWithListResources = (*kantataProvider)(nil)
)

// New returns the provider's constructor. The release build sets version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &kantataProvider{version: version} }
}

// LimitMemory sets a soft memory limit of 160 MiB, so that garbage is collected earlier if an account is huge: Terraform runs other
// providers at the same time. Below the limit, garbage is collected less often than by default, because that took a third of the CPU time
// of a plan. GOMEMLIMIT and GOGC override this.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

const memoryLimit = 160 << 20

// allowRows raises the limit by 1 KiB for each row of a data source: the plugin framework makes several copies of them. If what is in use
// does not fit in the limit, the collector runs all the time. A data source with fewer rows does not lower the limit again.
func allowRows(rows int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(debug.SetMemoryLimit(-1), memoryLimit+int64(rows)<<10))
	}
}

// OmitUnreadLogs turns off the logs of the plugin framework, several lines for each call, unless Terraform writes a log: Terraform would
// parse and discard them. TF_LOG_SDK and the variables of its subsystems override it.
func OmitUnreadLogs() {
	// TF_LOG_SDK alone does not keep the subsystems from assembling each line.
	sdk := []string{"TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"}
	for _, name := range append([]string{"TF_LOG", "TF_LOG_PROVIDER"}, sdk...) {
		if os.Getenv(name) != "" {
			return
		}
	}
	for _, name := range sdk {
		_ = os.Setenv(name, "OFF") // fails only for names that are not valid
	}
}

type kantataProvider struct {
	version string
}

// providerData is what all resources and data sources of one configured provider share (rule 10).
type providerData struct {
	store  *memberships.Store
	people *people.Directory
	plans  *planRegistry
	// swapChecks is how many failed creates have checked whether their IDs are swapped.
	swapChecks atomic.Int32
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
		MarkdownDescription: "Manages the members of access groups in Kantata OX (formerly Mavenlink).",
		Attributes: map[string]schema.Attribute{
			"access_token": schema.StringAttribute{
				MarkdownDescription: "The OAuth 2.0 access token of a Kantata user with permission to manage access groups. Prefer the environment " +
					"variable `" + envAccessToken + "` or an ephemeral variable, so that no file contains the token: a saved plan contains the " +
					"value of a sensitive variable in clear text. Surrounding whitespace is removed. The provider needs no token until it sends a " +
					"request.",
				Optional:  true,
				Sensitive: true,
			},
			"base_url": schema.StringAttribute{
				MarkdownDescription: "The root of Kantata's API, an `https` URL. Also read from `" + envBaseURL + "`. Defaults to `" +
					kantata.DefaultBaseURL + "`. Plain `http` is accepted for loopback addresses only.",
				Optional: true,
			},
			"max_retries": schema.Int64Attribute{
				MarkdownDescription: fmt.Sprintf("How many times a failed request is sent again, from 0 to %d, for example `6`. "+
					"Also read from `%s`. Defaults to `%d`. Two conditions have their own limits: if Kantata does not respond, requests wait "+
					"for up to 30 seconds; if it limits the rate of requests, they wait for up to 5 minutes. A request that creates a membership "+
					"is sent again only if this cannot create the membership twice.", maxMaxRetries, envMaxRetries, defaultMaxRetries),
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(0, maxMaxRetries)},
			},
			"request_timeout": schema.Int64Attribute{
				MarkdownDescription: fmt.Sprintf("The time limit for each attempt of a request, in seconds, from 1 to %d, for example `60`. "+
					"Also read from `%s`. Defaults to `%d`, which is Kantata's own limit.", maxRequestTimeout, envRequestTimeout, defaultRequestTimeout),
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(1, maxRequestTimeout)},
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
	if names := unknownSettings(model); len(names) > 0 {
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
			return
		}
		for _, name := range names {
			resp.Diagnostics.AddAttributeError(path.Root(name), "Unknown Kantata Provider Setting", fmt.Sprintf(
				"The value of %s is not known until apply, but the provider needs it to plan. Set it to a known value, first apply what it "+
					"depends on (with -target), or remove it and set the environment variable %s.", name, envOf(name)))
		}
		return
	}
	config := clientConfig(model, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	config.UserAgent = userAgent(p.version, req.TerraformVersion)
	config.Observe = logAttempt(config.AccessToken)
	client, err := kantata.NewClient(config)
	if err != nil {
		resp.Diagnostics.AddError("Unable to Configure the Kantata Client", sentence(err.Error()))
		return
	}
	data := &providerData{
		store:  memberships.New(client, client.MaxRetries()),
		people: people.New(client),
		plans:  newPlanRegistry(),
	}
	resp.ResourceData, resp.DataSourceData, resp.ListResourceData = data, data, data
}

// unknownSettings returns the names of the attributes whose values are unknown, in the order of the schema.
func unknownSettings(model providerModel) (names []string) {
	for _, setting := range []struct {
		name  string
		value attr.Value
	}{
		{"access_token", model.AccessToken}, {"base_url", model.BaseURL},
		{"max_retries", model.MaxRetries}, {"request_timeout", model.RequestTimeout},
	} {
		if setting.value.IsUnknown() {
			names = append(names, setting.name)
		}
	}
	return names
}

// clientConfig reads each setting from its attribute or, if that is null, from its environment variable. Errors come in the order of
// the schema, and contain neither the token nor the base URL: the two may be swapped (rule 8).
func clientConfig(model providerModel, diags *diag.Diagnostics) (config kantata.Config) {
	if token, from, ok := stringSetting(model.AccessToken, "access_token"); ok {
		normalized, err := kantata.NormalizeAccessToken(token)
		if err != nil {
			diags.AddAttributeError(path.Root("access_token"), "Invalid Kantata Access Token",
				fmt.Sprintf("The value of %s cannot be used: %s.", from, err))
		}
		config.AccessToken = normalized
	}
	config.BaseURL = kantata.DefaultBaseURL
	if base, from, ok := stringSetting(model.BaseURL, "base_url"); ok {
		normalized, err := kantata.NormalizeBaseURL(base)
		if err != nil {
			diags.AddAttributeError(path.Root("base_url"), "Invalid Kantata Base URL",
				fmt.Sprintf("The value of %s cannot be used: %s. An example of a valid URL is %s.", from, err, kantata.DefaultBaseURL))
		}
		config.BaseURL = normalized
	}
	config.MaxRetries = intSetting(model.MaxRetries, "max_retries", defaultMaxRetries, 0, maxMaxRetries, diags)
	seconds := intSetting(model.RequestTimeout, "request_timeout", defaultRequestTimeout, 1, maxRequestTimeout, diags)
	config.RequestTimeout = time.Duration(seconds) * time.Second
	return config
}

func envOf(attribute string) string { return "KANTATA_" + strings.ToUpper(attribute) }

// envSetting returns the value of the attribute's environment variable. A blank one is not set.
func envSetting(attribute string) (value string, ok bool) {
	value = strings.TrimSpace(os.Getenv(envOf(attribute)))
	return value, value != ""
}

// stringSetting returns the value and, for the text of an error, where it comes from.
func stringSetting(value types.String, attribute string) (setting, from string, ok bool) {
	if !value.IsNull() {
		return value.ValueString(), attribute, true
	}
	setting, ok = envSetting(attribute)
	return setting, "the environment variable " + envOf(attribute), ok
}

func intSetting(value types.Int64, attribute string, fallback, low, high int, diags *diag.Diagnostics) int {
	if !value.IsNull() {
		return int(value.ValueInt64())
	}
	env, ok := envSetting(attribute)
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(env)
	if err != nil || n < low || n > high {
		diags.AddAttributeError(path.Root(attribute), "Invalid Kantata Provider Setting",
			fmt.Sprintf("The environment variable %s must be a whole number from %d to %d.", envOf(attribute), low, high))
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

// logAttempt logs each attempt without headers or bodies. The client redacts what it reports, and the mask is a second guard. It is set
// here because each call of Terraform has its own logger.
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

// shared returns the provider data, or nil before Configure: Terraform validates without it.
func shared(data any) *providerData {
	d, _ := data.(*providerData)
	return d
}
