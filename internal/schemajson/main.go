// Command schemajson prints the provider's schemas as `terraform providers schema -json` of the newest Terraform does. The documentation
// and the schema snapshot are made from it. So they do not depend on the version of Terraform, which prints no list resources before 1.14
// and no identities before 1.12.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/kantata-community/terraform-provider-kantata/internal/provider"
)

// providerName is the key that the documentation generator looks for.
const providerName = "kantata"

type object = map[string]any

func main() {
	schemas, err := dump(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schemas); err != nil {
		log.Fatal(err)
	}
}

func dump(ctx context.Context) (object, error) {
	server, err := providerserver.NewProtocol6WithError(provider.New("schema")())()
	if err != nil {
		return nil, err
	}
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return nil, err
	}
	identitySchemas := object{}
	for name, identity := range identities.IdentitySchemas {
		identitySchemas[name] = identitySchema(identity)
	}
	return object{
		"format_version": "1.0",
		"provider_schemas": object{providerName: object{
			"provider":                  schema(schemas.Provider),
			"resource_schemas":          all(schemas.ResourceSchemas),
			"data_source_schemas":       all(schemas.DataSourceSchemas),
			"list_resource_schemas":     all(schemas.ListResourceSchemas),
			"functions":                 functions(schemas.Functions),
			"resource_identity_schemas": identitySchemas,
		}},
	}, nil
}

func all(schemas map[string]*tfprotov6.Schema) object {
	dumped := object{}
	for name, s := range schemas {
		dumped[name] = schema(s)
	}
	return dumped
}

func schema(s *tfprotov6.Schema) object {
	block := object{"attributes": attributes(s.Block.Attributes)}
	describe(block, s.Block.Description, s.Block.DescriptionKind)
	return object{"version": s.Version, "block": block}
}

// functions prints the parts of a signature that this provider uses. Every parameter is required and positional.
func functions(signatures map[string]*tfprotov6.Function) object {
	dumped := object{}
	for name, f := range signatures {
		parameters := []object{}
		for _, p := range f.Parameters {
			parameters = append(parameters, object{"name": p.Name, "description": p.Description, "type": p.Type})
		}
		dumped[name] = object{"summary": f.Summary, "description": f.Description, "return_type": f.Return.Type, "parameters": parameters}
	}
	return dumped
}

func attributes(list []*tfprotov6.SchemaAttribute) object {
	dumped := object{}
	for _, a := range list {
		attribute := object{}
		if a.NestedType != nil {
			attribute["nested_type"] = object{
				"attributes":   attributes(a.NestedType.Attributes),
				"nesting_mode": strings.ToLower(a.NestedType.Nesting.String()),
			}
		} else {
			attribute["type"] = a.Type
		}
		describe(attribute, a.Description, a.DescriptionKind)
		for name, set := range map[string]bool{
			"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive, "deprecated": a.Deprecated,
		} {
			if set {
				attribute[name] = true
			}
		}
		dumped[a.Name] = attribute
	}
	return dumped
}

func describe(dumped object, description string, kind tfprotov6.StringKind) {
	if description == "" {
		return
	}
	dumped["description"] = description
	dumped["description_kind"] = "plain"
	if kind == tfprotov6.StringKindMarkdown {
		dumped["description_kind"] = "markdown"
	}
}

func identitySchema(s *tfprotov6.ResourceIdentitySchema) object {
	dumped := object{}
	for _, a := range s.IdentityAttributes {
		attribute := object{"type": a.Type, "description": a.Description}
		if a.RequiredForImport {
			attribute["required_for_import"] = true
		}
		if a.OptionalForImport {
			attribute["optional_for_import"] = true
		}
		dumped[a.Name] = attribute
	}
	return object{"version": s.Version, "attributes": dumped}
}
