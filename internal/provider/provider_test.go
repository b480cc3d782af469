package provider

import (
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// TestProviderSettings is not parallel, because it sets environment variables.
func TestProviderSettings(t *testing.T) {
	good := map[string]tftypes.Value{"access_token": text("good-token")}
	with := func(name string, value tftypes.Value) map[string]tftypes.Value {
		return map[string]tftypes.Value{"access_token": text("good-token"), name: value}
	}
	for name, c := range map[string]struct {
		settings map[string]tftypes.Value
		env      map[string]string
		at       string // the attribute that the error is on; "" for success
		says     string
	}{
		"token only":                  {settings: good},
		"token from the environment":  {env: map[string]string{"KANTATA_ACCESS_TOKEN": "good-token"}},
		"trailing newline":            {settings: map[string]tftypes.Value{"access_token": text("good-token\n")}},
		"trailing newline in the env": {env: map[string]string{"KANTATA_ACCESS_TOKEN": "good-token\r\n"}},
		"everything": {
			settings: map[string]tftypes.Value{
				"access_token": text("t"), "base_url": text("https://kantata.example/api/v1/"), "max_retries": number(0), "request_timeout": number(1),
			},
		},
		"everything from the environment": {env: map[string]string{
			"KANTATA_ACCESS_TOKEN": "t", "KANTATA_BASE_URL": "http://localhost:8080/api/v1",
			"KANTATA_MAX_RETRIES": "20", "KANTATA_REQUEST_TIMEOUT": "600",
		}},
		"an attribute beats a bad variable": {settings: with("max_retries", number(1)), env: map[string]string{"KANTATA_MAX_RETRIES": "many"}},

		// Only requests need a token. A blank variable counts as not set.
		"no token": {},
		"blank variables": {
			env: map[string]string{"KANTATA_ACCESS_TOKEN": " ", "KANTATA_BASE_URL": "", "KANTATA_MAX_RETRIES": "\t", "KANTATA_REQUEST_TIMEOUT": " "},
		},

		"blank token": {settings: map[string]tftypes.Value{"access_token": text(" ")}, at: "access_token", says: "blank"},
		"empty token": {settings: map[string]tftypes.Value{"access_token": text("")}, at: "access_token", says: "blank"},
		"token in quotes": {
			env: map[string]string{"KANTATA_ACCESS_TOKEN": `"s3cret"`}, at: "access_token",
			says: "variable KANTATA_ACCESS_TOKEN cannot be used: it contains quotation marks",
		},
		"token with a space": {
			settings: map[string]tftypes.Value{"access_token": text("s3cret s3cret")}, at: "access_token", says: "whitespace",
		},
		"token with a line break": {
			settings: map[string]tftypes.Value{"access_token": text("s3cret\ns3cret")}, at: "access_token", says: "control character",
		},
		"token with a NUL": {
			settings: map[string]tftypes.Value{"access_token": text("s3cret\x00")}, at: "access_token", says: "control character",
		},
		"unknown token": {
			settings: map[string]tftypes.Value{"access_token": unknown(tftypes.String)}, at: "access_token", says: "KANTATA_ACCESS_TOKEN",
		},
		"unknown base_url":    {settings: with("base_url", unknown(tftypes.String)), at: "base_url", says: "KANTATA_BASE_URL"},
		"unknown max_retries": {settings: with("max_retries", unknown(tftypes.Number)), at: "max_retries", says: "KANTATA_MAX_RETRIES"},
		"unknown request_timeout": {
			settings: with("request_timeout", unknown(tftypes.Number)), at: "request_timeout", says: "KANTATA_REQUEST_TIMEOUT",
		},
		"malformed base_url": {settings: with("base_url", text("kantata")), at: "base_url", says: "must start with https://"},
		"empty base_url":     {settings: with("base_url", text("")), at: "base_url", says: "https://"},
		"malformed variable": {
			settings: good, env: map[string]string{"KANTATA_BASE_URL": "://"}, at: "base_url", says: "environment variable KANTATA_BASE_URL",
		},
		"plain http":           {settings: with("base_url", text("http://kantata.example/api/v1")), at: "base_url", says: "unencrypted"},
		"password in base_url": {settings: with("base_url", text("https://me:s3cret@kantata.example")), at: "base_url", says: "password"},
		"negative max_retries": {settings: with("max_retries", number(-1)), at: "max_retries", says: "between 0 and 20"},
		"too many retries":     {settings: with("max_retries", number(21)), at: "max_retries", says: "21"},
		"no time":              {settings: with("request_timeout", number(0)), at: "request_timeout", says: "between 1 and 600"},
		"max_retries that is a word": {
			settings: good, env: map[string]string{"KANTATA_MAX_RETRIES": "many"}, at: "max_retries",
			says: "KANTATA_MAX_RETRIES must be a whole number from 0 to 20",
		},
		"request_timeout out of range": {
			settings: good, env: map[string]string{"KANTATA_REQUEST_TIMEOUT": "601"}, at: "request_timeout", says: "from 1 to 600",
		},
		"token and base_url swapped": {
			settings: map[string]tftypes.Value{"access_token": text("s3cret"), "base_url": text("s3cret-token")}, at: "base_url",
			says: "must start with https://",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{envAccessToken, envBaseURL, envMaxRetries, envRequestTimeout} {
				t.Setenv(variable, c.env[variable])
			}
			diagnostics := newServer(t, New("test")()).configure(c.settings)
			said := diagnosticText(diagnostics)
			if c.at == "" {
				if said != "" {
					t.Errorf("got the error %q, want none", said)
				}
				return
			}
			at := fmt.Sprintf("AttributeName(%q)", c.at)
			if len(diagnostics) != 1 || diagnostics[0].Attribute == nil || diagnostics[0].Attribute.String() != at ||
				!strings.Contains(said, c.says) {
				t.Errorf("got %q at %v, want %q at %s", said, diagnostics, c.says, c.at)
			}
			if strings.Contains(said, "s3cret") {
				t.Errorf("got the secret in %q, want it left out", said)
			}
		})
	}
}

// TestSeveralWrongSettings expects errors in the order of the schema that quote no value, because settings may be swapped.
func TestSeveralWrongSettings(t *testing.T) {
	for _, variable := range []string{envAccessToken, envBaseURL, envMaxRetries, envRequestTimeout} {
		t.Setenv(variable, "")
	}
	names := []string{"access_token", "base_url", "max_retries", "request_timeout"}
	t.Setenv(envMaxRetries, "s3cret")
	t.Setenv(envRequestTimeout, "s3cret")
	wrong := map[string]tftypes.Value{"access_token": text("https://s3cret.example/api/v1"), "base_url": text("s3cret-token")}
	unknowns := map[string]tftypes.Value{
		"access_token": unknown(tftypes.String), "base_url": unknown(tftypes.String),
		"max_retries": unknown(tftypes.Number), "request_timeout": unknown(tftypes.Number),
	}
	for range 20 {
		for _, settings := range []map[string]tftypes.Value{wrong, unknowns} {
			diagnostics := newServer(t, New("test")()).configure(settings)
			var at []string
			for _, d := range diagnostics {
				at = append(at, d.Attribute.String())
			}
			for i, name := range names {
				if len(at) != len(names) || at[i] != fmt.Sprintf("AttributeName(%q)", name) {
					t.Fatalf("got errors at %v, want %v", at, names)
				}
			}
			if said := diagnosticText(diagnostics); strings.Contains(said, "s3cret") {
				t.Fatalf("got a setting in %q, want it left out", said)
			}
		}
	}
}

// TestDeferral expects the provider to defer if settings are unknown and Terraform allows it.
func TestDeferral(t *testing.T) {
	r := newServer(t, New("test")())
	object := r.schemas.Provider.ValueType().(tftypes.Object)
	values := nulls(object)
	values["base_url"] = unknown(tftypes.String)
	config, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	if err != nil {
		t.Fatal(err)
	}
	configured, err := r.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0", Config: &config, ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: true},
	})
	if err != nil || len(configured.Diagnostics) > 0 {
		t.Fatalf("got the error %v and %v, want none", err, configured)
	}
	read, err := r.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: "kantata_access_groups", ClientCapabilities: &tfprotov6.ReadDataSourceClientCapabilities{DeferralAllowed: true},
		Config: dynamicNulls(t, r.schemas.DataSourceSchemas["kantata_access_groups"].ValueType().(tftypes.Object)),
	})
	if err != nil || len(read.Diagnostics) > 0 || read.Deferred == nil ||
		read.Deferred.Reason != tfprotov6.DeferredReasonProviderConfigUnknown {
		t.Errorf("got %+v and the error %v, want a deferral", read, err)
	}
}

// TestNoTokenIsNeededUntilARequest expects a provider without a token to work until it sends a request, and then an error with advice.
func TestNoTokenIsNeededUntilARequest(t *testing.T) {
	t.Setenv(envAccessToken, "")
	fake := newFake(t, kantatatest.Dialect{})
	config := func(count int) string {
		return fmt.Sprintf(`
provider "kantata" { base_url = %q }
resource "kantata_access_group_membership" "test" {
  count           = %d
  access_group_id = "340002"
  user_id         = "12000001"
}`, fake.URL(), count)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config(0)},
			{Config: config(1), ExpectError: regexp.MustCompile(`(?s)Missing Kantata Access Token.*KANTATA_ACCESS_TOKEN.*ephemeral\s+variable`)},
		},
	})
	if n := len(fake.Requests()); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

func TestUserAgent(t *testing.T) {
	t.Setenv("TF_APPEND_USER_AGENT", "ci/42\nägent")
	inFakeTime(t, func(t *testing.T, fake *kantatatest.Server) {
		r := newRun(t, fake)
		if n := len(fake.Requests()); n != 0 {
			t.Errorf("got %d requests from Configure, want none", n)
		}
		r.create(t.Context(), "340001", "12000001")
		for _, request := range fake.Requests() {
			want := "terraform-provider-kantata/test Terraform/1.14.0 ci/42 gent"
			if got := request.Header.Get("User-Agent"); got != want {
				t.Errorf("got the user agent %q, want %q", got, want)
			}
		}
	})
}

// TestSchemasAreDocumented expects each description, from which the documentation is generated, to end as a sentence.
func TestSchemasAreDocumented(t *testing.T) {
	t.Parallel()

	schemas := newServer(t, New("test")()).schemas
	check := func(name string, s *tfprotov6.Schema) {
		if name != "provider" && !strings.HasSuffix(s.Block.Description, ".") {
			t.Errorf("%s: got the description %q, want a sentence", name, s.Block.Description)
		}
		var attributes func(where string, list []*tfprotov6.SchemaAttribute)
		attributes = func(where string, list []*tfprotov6.SchemaAttribute) {
			for _, a := range list {
				if !strings.HasSuffix(a.Description, ".") {
					t.Errorf("%s.%s: got the description %q, want a sentence", where, a.Name, a.Description)
				}
				if a.NestedType != nil {
					attributes(where+"."+a.Name, a.NestedType.Attributes)
				}
			}
		}
		attributes(name, s.Block.Attributes)
	}
	check("provider", schemas.Provider)
	for _, kind := range []map[string]*tfprotov6.Schema{schemas.ResourceSchemas, schemas.DataSourceSchemas, schemas.ListResourceSchemas} {
		if len(kind) == 0 {
			t.Error("got no schemas of a kind, want at least one")
		}
		for name, s := range kind {
			check(name, s)
		}
	}
}

func TestValuesKnownOnlyAfterApply(t *testing.T) {
	t.Parallel()

	fake := newFake(t, kantatatest.Dialect{})
	const ids = `
resource "terraform_data" "ids" { input = { group = "340002", user = 12000001 } }
resource "kantata_access_group_membership" "test" {
  access_group_id = terraform_data.ids.output.group
  user_id         = terraform_data.ids.output.user
}`
	terraformData := []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_4_0)}
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   terraformData,
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             destroyed(fake),
		Steps: []resource.TestStep{
			{Config: configure(fake, ids), Check: resource.TestCheckResourceAttr("kantata_access_group_membership.test", "user_name", "Jane Doe")},
			{Config: configure(fake, ids), ConfigPlanChecks: noop},
		},
	})
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   terraformData,
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: fmt.Sprintf(`
resource "terraform_data" "url" { input = %q }
provider "kantata" {
  access_token = "t"
  base_url     = terraform_data.url.output
}
resource "kantata_access_group_membership" "test" {
  access_group_id = "340002"
  user_id         = "12000001"
}`, fake.URL()),
			ExpectError: regexp.MustCompile(`(?s)Unknown Kantata Provider Setting.*base_url.*KANTATA_BASE_URL`),
		}},
	})
}

func TestRejectedToken(t *testing.T) {
	t.Parallel()

	fake := newFake(t, kantatatest.Dialect{})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: strings.Replace(membershipConfig(fake, `"340002"`, "12000001"), kantatatest.Token, "revoked-token", 1),
			ExpectError: regexp.MustCompile(`(?s)401 Unauthorized.*Invalid\s+OAuth\s+2\s+Request.*request\s+ID.*` +
				`Check\s+that\s+KANTATA_ACCESS_TOKEN`),
		}},
	})
	if n := count(fake, "POST"); n != 0 {
		t.Errorf("got %d POSTs after a 401, want none", n)
	}
}

func TestFrameworkLogIsOmittedOnlyIfTerraformWritesNoLog(t *testing.T) {
	sdk := []string{"TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"}
	for _, tt := range []struct {
		name, value string // of the variable that is set
		want        []string
	}{
		{"TF_LOG_CORE", "TRACE", []string{"OFF", "OFF", "OFF"}},
		{"TF_LOG", "DEBUG", []string{"", "", ""}},
		{"TF_LOG_PROVIDER", "TRACE", []string{"", "", ""}},
		{"TF_LOG_SDK", "INFO", []string{"INFO", "", ""}},
		{"TF_LOG_SDK_PROTO", "TRACE", []string{"", "", "TRACE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range append([]string{"TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER"}, sdk...) {
				t.Setenv(name, "")
			}
			t.Setenv(tt.name, tt.value)
			OmitUnreadLogs()
			for i, name := range sdk {
				if got := os.Getenv(name); got != tt.want[i] {
					t.Errorf("%s with %s=%s: got %q, want %q", name, tt.name, tt.value, got, tt.want[i])
				}
			}
		})
	}
}

func TestMemoryLimit(t *testing.T) {
	limit := debug.SetMemoryLimit(-1)
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
	t.Setenv("GOMEMLIMIT", "")
	LimitMemory()
	for _, c := range []struct {
		variable string
		rows     int
		want     int64
	}{{"", 100_000, memoryLimit + 100_000<<10}, {"", 10, memoryLimit + 100_000<<10}, {"1GiB", 200_000, memoryLimit + 100_000<<10}} {
		t.Setenv("GOMEMLIMIT", c.variable)
		allowRows(c.rows)
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("limit after %d rows with GOMEMLIMIT=%q: got %d bytes, want %d", c.rows, c.variable, got, c.want)
		}
	}
}
