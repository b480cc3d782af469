package kantatatest_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.RemoveMembership(s.AddMembership(340001, 12000001))
	s.RemoveMembership(99)
	post(t, s, "12000002")
	post(t, s, "12000002")
	call(t, s, http.MethodDelete, memberships+"/56000102", "")
	call(t, s, http.MethodDelete, memberships+"/56000102", "")

	type change struct {
		id             int64
		added, outside bool
	}
	var got []change
	for _, c := range s.Changes() {
		got = append(got, change{c.Membership.ID, c.Added, c.Outside})
	}
	want := []change{{56000101, true, true}, {56000101, false, true}, {56000102, true, false}, {56000102, false, false}}
	if !slices.Equal(got, want) {
		t.Errorf("got changes %v, want %v", got, want)
	}
}

// TestLateCommit creates other memberships while the late one waits. Its ID is lower than theirs.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Method: http.MethodPost, Looks: 2, Times: 1})
	if got := post(t, s, "12000001"); got.status != 504 {
		t.Errorf("got %d, want 504", got.status)
	}
	s.AddMembership(340001, 12000002)
	s.AddMembership(340001, 12000003)
	for _, want := range []int{2, 2, 3} {
		if got := summarize(t, get(t, s, memberships)); got.count != want {
			t.Errorf("got %d memberships, want %d", got.count, want)
		}
	}
	if got := summarize(t, get(t, s, memberships)).ids; !slices.Equal(got, []string{"56000101", "56000102", "56000103"}) {
		t.Errorf("got %v, want the IDs in ascending order", got)
	}
	for _, id := range []string{"56000101", "56000102", "56000103"} {
		if got := get(t, s, memberships+"/"+id); got.status != 200 {
			t.Errorf("%s: got %d, want 200", id, got.status)
		}
	}
}

func TestLateRowOfAPairThatExists(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		style kantatatest.DuplicateStyle
		rows  int
	}{
		"refused":  {kantatatest.DuplicateRefused, 1},
		"existing": {kantatatest.DuplicateReturnsExisting, 1},
		"second":   {kantatatest.DuplicateCreatesSecond, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := company(t, kantatatest.WithDialect(kantatatest.Dialect{Duplicates: test.style}))
			s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Times: 1})
			post(t, s, "12000001")
			s.AddMembership(340001, 12000001)
			if got := summarize(t, get(t, s, memberships)); got.count != test.rows {
				t.Errorf("got %d rows, want %d", got.count, test.rows)
			}
			if got := len(s.Changes()); got != test.rows {
				t.Errorf("got %d changes, want %d", got, test.rows)
			}
		})
	}
}

func TestLateCommitByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.AddMembership(340001, 12000002)
		s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Later: time.Minute, Times: 2})
		began := time.Now()
		serveDirectly(t, s, http.MethodPost, memberships, newBody("340001", "12000001"))
		serveDirectly(t, s, http.MethodDelete, memberships+"/56000101", "")
		time.Sleep(time.Minute - time.Nanosecond)
		if got := s.Memberships(); len(got) != 1 || got[0].ID != 56000101 {
			t.Errorf("before the time: got %v, want only membership 56000101", got)
		}
		time.Sleep(time.Nanosecond)
		if got := s.Memberships(); len(got) != 1 || got[0].ID != 56000102 {
			t.Errorf("after the time: got %v, want only membership 56000102", got)
		}
		changes := s.Changes()
		if last := changes[len(changes)-1]; last.Outside || last.At.Sub(began) != time.Minute {
			t.Errorf("got last change %+v, want one by request a minute after the start", last)
		}
	})
}

func TestLateDelete(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.AddMembership(340001, 12000001)
	s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Method: http.MethodDelete, Looks: 1})
	if got := call(t, s, http.MethodDelete, memberships+"/56000101", ""); got.status != 504 {
		t.Errorf("got %d, want 504", got.status)
	}
	for i, want := range []int{200, 404} {
		if got := get(t, s, memberships+"/56000101"); got.status != want {
			t.Errorf("GET %d: got %d, want %d", i+1, got.status, want)
		}
	}
}

func TestLateCommitWithoutResponse(t *testing.T) {
	t.Parallel()
	s := company(t)
	s.Inject(kantatatest.Fault{Effect: kantatatest.LateCommit, Also: []kantatatest.Effect{kantatatest.ResetAfter}, Times: 1})
	_, err := send(t.Context(), http.MethodPost, s.URL()+memberships, newBody("340001", "12000001"))
	if err == nil || errors.Is(err, t.Context().Err()) {
		t.Errorf("got error %v, want a cut connection", err)
	}
	if got := len(s.Memberships()); got != 0 {
		t.Errorf("got %d memberships at once, want 0", got)
	}
	if got := summarize(t, get(t, s, memberships)); got.count != 1 {
		t.Errorf("got %d memberships later, want 1", got.count)
	}
}

func TestListLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := company(t, kantatatest.WithoutListener())
		s.AddMembership(340001, 12000001)
		s.AddMembership(340001, 12000002)
		s.SetListLag(10 * time.Second)
		time.Sleep(time.Second)
		serveDirectly(t, s, http.MethodPost, memberships, newBody("340001", "12000003"))
		serveDirectly(t, s, http.MethodDelete, memberships+"/56000101", "")
		lists := []string{"", "?access_group_id=340001", "?only=56000101,56000102,56000103"}
		check := func(when string, want ...string) {
			t.Helper()
			for _, query := range lists {
				got := summarize(t, serveDirectly(t, s, http.MethodGet, memberships+query, ""))
				if !slices.Equal(got.ids, want) || got.count != len(want) {
					t.Errorf("%s, %q: got %+v, want %v", when, query, got, want)
				}
			}
		}
		check("at once", "56000101", "56000102")
		for path, want := range map[string]int{"/56000101": 404, "/56000103": 200} {
			if got := serveDirectly(t, s, http.MethodGet, memberships+path, ""); got.status != want {
				t.Errorf("GET %s: got %d, want %d", path, got.status, want)
			}
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		check("just before", "56000101", "56000102")
		time.Sleep(time.Nanosecond)
		check("in time", "56000102", "56000103")
		serveDirectly(t, s, http.MethodDelete, memberships+"/56000102", "")
		s.SetListLag(0)
		check("without lag", "56000103")
	})
}
