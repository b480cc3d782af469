package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestMembershipLookupNeedsIDOrPair(t *testing.T) {
	id, group, user := text("56000101"), text("340002"), text("12000001")
	for name, c := range map[string]struct {
		config map[string]tftypes.Value
		valid  bool
	}{
		"ID":            {map[string]tftypes.Value{"id": id}, true},
		"pair":          {map[string]tftypes.Value{"access_group_id": group, "user_id": user}, true},
		"nothing":       {nil, false},
		"group only":    {map[string]tftypes.Value{"access_group_id": group}, false},
		"user only":     {map[string]tftypes.Value{"user_id": user}, false},
		"ID and group":  {map[string]tftypes.Value{"id": id, "access_group_id": group}, false},
		"ID and user":   {map[string]tftypes.Value{"id": id, "user_id": user}, false},
		"ID and a pair": {map[string]tftypes.Value{"id": id, "access_group_id": group, "user_id": user}, false},
	} {
		runInFakeTime(t, name, func(t *testing.T, fake *kantatatest.Server) {
			added := fake.AddMembership(kantatatest.ResourceManagers, kantatatest.FirstUser)
			r := newRun(t, fake)
			got, said := r.data(membershipType, c.config)
			switch {
			case c.valid && (said != "" || got["id"] != "56000101"):
				t.Errorf("got %v and %q, want membership %d", got, said, added)
			case !c.valid && strings.Count(said, "ERROR") != 1, !c.valid && !strings.Contains(said, "Set id, or both access_group_id and user_id."):
				t.Errorf("got %q, want one error that names both ways", said)
			}
		})
	}
}
