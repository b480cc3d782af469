package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

var _ function.Function = (*membershipsFunction)(nil)

func newMembershipsFunction() function.Function { return &membershipsFunction{} }

type membershipsFunction struct{}

// teamMemberType is one value of the function's result. Either user_email_address or user_id is null.
var teamMemberType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"access_group_id": types.StringType, "user_email_address": types.StringType, "user_id": types.StringType,
}}

func (f *membershipsFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "memberships"
}

func (f *membershipsFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Turns lists of team members into memberships for for_each",
		MarkdownDescription: "Turns teams into a map for the `for_each` of `kantata_access_group_membership`. Each key of the map consists of " +
			"the access group ID, a slash, and the e-mail address in lower case or the user ID: `340002/jane@example.com` or " +
			"`340002/12000001`. Each value is an object with `access_group_id`, `user_email_address`, and " +
			"`user_id`; one of the last two is null. Listing a member of a group twice, in any spelling, causes an error. The function sends no " +
			"requests to Kantata. It requires Terraform 1.8 or newer, or OpenTofu 1.7 or newer.",
		// A dynamic parameter accepts what yamldecode returns: objects of tuples that mix strings and numbers.
		Parameters: []function.Parameter{function.DynamicParameter{
			Name: "teams",
			MarkdownDescription: "A map of access group IDs to lists of members, for example " +
				"`{ \"340002\" = [\"jane@example.com\", 12000002] }` or the result of `yamldecode`. A member is an e-mail address or a user ID.",
		}},
		Return: function.MapReturn{ElementType: teamMemberType},
	}
}

func (f *membershipsFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var teams types.Dynamic
	resp.Error = req.Arguments.Get(ctx, &teams)
	if resp.Error != nil {
		return
	}
	members, problems := teamMembers(teams.UnderlyingValue())
	if len(problems) > 0 {
		// Terraform inserts the text into a sentence and adds a period.
		resp.Error = function.NewArgumentFuncError(0, strings.Join(problems, ";\n"))
		return
	}
	// Terraform calls the function for every instance of a resource. Structs would be converted by reflection, which takes three times as
	// long.
	resp.Error = resp.Result.Set(ctx, types.MapValueMust(teamMemberType, members))
}

// teamMembers returns the members of all teams by key, and a text for each entry that is not a member.
func teamMembers(teams attr.Value) (members map[string]attr.Value, problems []string) {
	lists, ok := attributesOf(teams)
	if !ok {
		return nil, []string{`it must be a map of access group IDs to lists of members, for example { "340002" = ["jane@example.com"] }`}
	}
	members = map[string]attr.Value{}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		group, err := kantata.ParseID(name)
		if err != nil {
			problems = append(problems, fmt.Sprintf(
				"the key %q is not an access group ID: write the number of the group, for example \"340002\"", name))
			continue
		}
		list, ok := elementsOf(lists[name])
		if !ok {
			problems = append(problems, fmt.Sprintf("access group %s needs a list of members: write %s", group, listInsteadOf(lists[name])))
			continue
		}
		team := team{group: group, members: members, positions: map[string]int{}}
		for i, element := range list {
			if err := team.add(i+1, element); err != nil {
				problems = append(problems, fmt.Sprintf("member %d of access group %s: %s", i+1, group, err))
			}
		}
	}
	return members, problems
}

// listInsteadOf returns what to write in the place of a value that is not a list.
func listInsteadOf(value attr.Value) string {
	written, err := memberText(value)
	switch {
	case errors.Is(err, errNullMember):
		return "[] if it has none"
	case err != nil:
		return `one, for example ["jane@example.com"]`
	}
	return fmt.Sprintf("[%q]", written)
}

// team adds the members of one access group to the members of all.
type team struct {
	group     kantata.ID
	members   map[string]attr.Value
	positions map[string]int // of the members of this group in their list, by key
}

// add adds an e-mail address or a user ID. Only the key has the address in lower case, because Kantata's comparison may be
// case-sensitive.
func (t team) add(position int, element attr.Value) error {
	written, err := memberText(element)
	if err != nil {
		return err
	}
	address, user := types.StringNull(), types.StringNull()
	key := kantata.FoldEmailAddress(written)
	if emailAddress.MatchString(key) {
		address = types.StringValue(written)
	} else if _, err := kantata.ParseID(key); err == nil {
		user = types.StringValue(key)
	} else {
		return fmt.Errorf("%q is neither an e-mail address nor a user ID", written)
	}
	key = t.group.String() + "/" + key
	if first, twice := t.positions[key]; twice {
		return fmt.Errorf("%q is in the list twice: remove it, or remove member %d", written, first)
	}
	t.positions[key] = position
	t.members[key] = types.ObjectValueMust(teamMemberType.AttrTypes, map[string]attr.Value{
		"access_group_id": types.StringValue(t.group.String()), "user_email_address": address, "user_id": user,
	})
	return nil
}

// memberText returns the member as it is written in the configuration. A number keeps all of its digits.
func memberText(element attr.Value) (string, error) {
	switch v := element.(type) {
	case types.Dynamic:
		return memberText(v.UnderlyingValue())
	case types.String:
		switch {
		case v.IsNull():
			return "", errNullMember
		case strings.TrimSpace(v.ValueString()) == "":
			return "", errors.New("it is an empty string: remove it, or write an e-mail address or a user ID")
		}
		return v.ValueString(), nil
	case types.Number:
		if v.IsNull() {
			return "", errNullMember
		}
		return v.ValueBigFloat().Text('f', -1), nil
	case nil:
		return "", errNullMember
	}
	if element.IsNull() {
		return "", errNullMember
	}
	return "", fmt.Errorf("%s is neither an e-mail address nor a user ID", element)
}

var errNullMember = errors.New("it is null: remove it, or write an e-mail address or a user ID")

// attributesOf returns the entries of an object or a map.
func attributesOf(value attr.Value) (map[string]attr.Value, bool) {
	switch v := value.(type) {
	case types.Object:
		return v.Attributes(), !v.IsNull()
	case types.Map:
		return v.Elements(), !v.IsNull()
	}
	return nil, false
}

// elementsOf returns the elements of a tuple, a list or a set.
func elementsOf(value attr.Value) ([]attr.Value, bool) {
	switch v := value.(type) {
	case types.Tuple:
		return v.Elements(), !v.IsNull()
	case types.List:
		return v.Elements(), !v.IsNull()
	case types.Set:
		return v.Elements(), !v.IsNull()
	}
	return nil, false
}
