package kantatatest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestWithoutListener(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithoutListener())
	s.AddMembership(340001, 12000001)
	if got := serveDirectly(t, s, http.MethodGet, memberships, ""); summarize(t, got).count != 1 {
		t.Errorf("got %+v, want one membership", got)
	}
	s.Close()
}

func TestMaxPerPage(t *testing.T) {
	t.Parallel()
	s := start(t, kantatatest.WithMaxPerPage(2))
	s.SeedMemberships(1, 5, 5)
	got := summarize(t, get(t, s, memberships+"?per_page=200&page=3"))
	if got.size != 2 || got.pages != 3 || !slices.Equal(got.ids, []string{"56000105"}) {
		t.Errorf("got %+v, want the third page of three with one row", got)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	s := company(t, kantatatest.WithAddress("127.0.0.1:0"))
	if got := get(t, s, "/users"); got.status != 200 {
		t.Errorf("got %d, want 200", got.status)
	}
	// An address is not free for long after a server is closed, so the test uses one that is taken.
	defer func() {
		if p := recover(); p == nil {
			t.Error("got a server at an address that is taken, want a panic")
		}
	}()
	kantatatest.New(kantatatest.WithAddress(strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/api/v1")))
}

// TestManyMemberships reads 20,000 memberships in 100 pages. It is slow if a page costs as much as the list.
func TestManyMemberships(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SeedMemberships(200, 100, 20_000)
	seen := map[string]bool{}
	for page := 1; page <= 100; page++ {
		for _, id := range summarize(t, get(t, s, fmt.Sprintf("%s?per_page=200&page=%d", memberships, page))).ids {
			seen[id] = true
		}
	}
	if len(seen) != 20_000 {
		t.Errorf("got %d memberships, want 20000", len(seen))
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := company(t)
	var callers sync.WaitGroup
	for user := 12000001; user <= 12000008; user++ {
		callers.Go(func() {
			id := s.AddMembership(340003, int64(user))
			if got := post(t, s, fmt.Sprint(user)); got.status != 200 {
				t.Errorf("POST: got %d, want 200", got.status)
			}
			if got := call(t, s, http.MethodDelete, fmt.Sprintf("%s/%d", memberships, id), ""); got.status != 200 {
				t.Errorf("DELETE: got %d, want 200", got.status)
			}
			_, _ = s.Memberships(), s.Requests()
		})
	}
	callers.Wait()
	if held, log := s.Memberships(), s.Requests(); len(held) != 8 || len(log) != 16 {
		t.Errorf("got %d memberships and %d requests, want 8 and 16", len(held), len(log))
	}
}
