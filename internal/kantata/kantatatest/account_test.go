package kantatatest_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestAccountAdministrators(t *testing.T) {
	t.Parallel()
	s := company(t)
	id := s.AddMembership(kantatatest.AccountAdministrators, 12000001)
	shown := s.AddMembership(340001, 12000001)
	for _, query := range []string{"", "?user_id=12000001", fmt.Sprintf("?only=%d,%d", id, shown)} {
		if got := summarize(t, get(t, s, memberships+query)); got.count != 1 || !slices.Equal(got.ids, []string{fmt.Sprint(shown)}) {
			t.Errorf("%q: got %+v, want only membership %d", query, got, shown)
		}
	}
	path := fmt.Sprintf("%s/%d", memberships, id)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if got := call(t, s, method, path, ""); got.status != 404 {
			t.Errorf("%s: got %d, want 404", method, got.status)
		}
	}
	if got := s.Memberships(); len(got) != 2 || got[0].ID != id {
		t.Errorf("got memberships %v, want two, first %d", got, id)
	}
}

func TestChangesWithoutRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	seeded := s.SeedMemberships(2, 2, 4)
	kept := slices.Clone(seeded)
	s.RemoveMembership(seeded[1].ID)
	if !slices.Equal(seeded, kept) {
		t.Errorf("got the seed %v after a removal, want it unchanged: %v", seeded, kept)
	}
	want := []kantatatest.Membership{kept[0], kept[2], kept[3]}
	if got := s.Memberships(); !slices.Equal(got, want) {
		t.Errorf("got memberships %v, want %v", got, want)
	}
	if got := get(t, s, fmt.Sprintf("%s/%d", memberships, kept[1].ID)); got.status != 404 {
		t.Errorf("GET of the removed membership: got %d, want 404", got.status)
	}
	if got := summarize(t, get(t, s, memberships+"?access_group_id=340002")); got.count != 1 {
		t.Errorf("got %+v, want one membership", got)
	}
}

func TestDefaultGroups(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithDefaultGroups())
	s.AddUser(12000009, "Late Comer", "late@example.com")
	s.AddUser(12000009, "Late Comer", "renamed@example.com")
	s.AddMembership(340001, 12000001)
	people := map[int64]int{}
	for _, m := range s.Memberships() {
		group := m.AccessGroupID - kantatatest.FirstDefaultGroup
		if group >= 0 && group < 6 && m.AccessGroupName != "" {
			people[m.UserID]++
		}
	}
	for user := int64(12000001); user <= 12000009; user++ {
		if people[user] != 1 {
			t.Errorf("got %d default rows of user %d, want 1", people[user], user)
		}
	}
	if got := summarize(t, get(t, s, memberships)); got.count != 10 {
		t.Errorf("got %d memberships on the account, want 10", got.count)
	}
}

func TestDeactivatedPerson(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.AddMembership(340001, 12000001)
	s.DeactivateUser(12000001)
	s.DeactivateUser(99)
	for _, query := range []string{
		"only=12000001", "on_my_account=true&only=12000001", "on_my_account=true&by_email_addresses=jane@example.com",
	} {
		if got := summarize(t, get(t, s, "/users?"+query)); got.count != 0 {
			t.Errorf("%s: got %+v, want no one", query, got)
		}
	}
	if got := summarize(t, get(t, s, memberships+"?user_id=12000001")); got.count != 1 {
		t.Errorf("got %+v, want the membership that remains", got)
	}
	if got := call(t, s, http.MethodPost, memberships, newBody("340002", "12000001")); got.status != 422 {
		t.Errorf("POST: got %d, want 422", got.status)
	}
	if got := call(t, s, http.MethodDelete, memberships+"/56000101", ""); got.status != 200 {
		t.Errorf("DELETE: got %d, want 200", got.status)
	}
}

func TestRefusedChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ dialect, want int }{"default": {0, 403}, "422": {422, 422}, "404": {404, 404}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(kantatatest.Dialect{RefusedDeleteStatus: test.dialect}))
			s.AddMembership(340001, 12000001)
			s.RefuseChanges(340001)
			if got := call(t, s, http.MethodDelete, memberships+"/56000101", ""); got.status != test.want {
				t.Errorf("DELETE: got %d, want %d", got.status, test.want)
			}
			if got := post(t, s, "12000002"); got.status != 422 {
				t.Errorf("POST: got %d, want 422", got.status)
			}
			if got := get(t, s, memberships+"/56000101"); got.status != 200 {
				t.Errorf("GET after the refused DELETE: got %d, want 200", got.status)
			}
		})
	}
}
