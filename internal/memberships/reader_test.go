package memberships

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// TestReadBound holds the reader to what rent-or-buy promises: at most a quarter of a walk in small requests before the
// walk, so within one and a half walks + 4; and never more than one GET each would cost, + 4.
func TestReadBound(t *testing.T) {
	for _, managed := range []int{1, 10, 200, 1000, 5000} {
		for _, total := range []int{managed, 100000} {
			t.Run(fmt.Sprintf("%d of %d", managed, total), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := newFake(total)
					reader, rows := NewReader(api), api.all()
					inParallel(t, managed, func(i int) error {
						want := rows[i*(total/managed)]
						got, err := reader.Get(t.Context(), want.ID, want.Pair())
						if err == nil && got != want {
							err = fmt.Errorf("got %v, want %v", got, want)
						}
						return err
					})
					walk := (total + 199) / 200
					if most := min(walk*3/2, managed) + 4; api.count() > most {
						t.Errorf("%d requests, at most %d expected: %v", api.count(), most, api.counts)
					}
				})
			})
		}
	}
}

func TestReadTargets(t *testing.T) {
	for _, c := range []struct{ managed, total, most int }{{1000, 1600, 12}, {1, 100000, 2}, {20, 100000, 8}} {
		t.Run(fmt.Sprintf("%d of %d", c.managed, c.total), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(c.total)
				reader, rows := NewReader(api), api.all()
				inParallel(t, c.managed, func(i int) error {
					_, err := reader.Get(t.Context(), rows[i].ID, rows[i].Pair())
					return err
				})
				if api.count() > c.most {
					t.Errorf("%d requests, at most %d expected: %v", api.count(), c.most, api.counts)
				}
			})
		})
	}
}

func TestFindManyPairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(1600)
		reader := NewReader(api)
		inParallel(t, 1000, func(i int) error {
			m, err := reader.Find(t.Context(), testPair(i))
			if err == nil && m.Pair() != testPair(i) {
				err = fmt.Errorf("got %s", m.Pair())
			}
			return err
		})
		if api.count() > 20 {
			t.Errorf("%d requests: %v", api.count(), api.counts)
		}
		if _, err := reader.Find(t.Context(), testPair(1700)); !errors.Is(err, ErrGone) {
			t.Errorf("an absent pair: %v", err)
		}
	})
}

func TestGroupRemovedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(2000)
		var group []kantata.Membership
		for _, m := range api.all() {
			if m.AccessGroupID == "7" {
				group = append(group, m)
				api.remove(m.ID)
			}
		}
		reader := NewReader(api)
		inParallel(t, len(group), func(i int) error {
			if _, err := reader.Get(t.Context(), group[i].ID, group[i].Pair()); !errors.Is(err, ErrGone) {
				return fmt.Errorf("want ErrGone, got %w", err)
			}
			return nil
		})
		if got := api.count(opGet); got != len(group) {
			t.Errorf("%d GETs for %d memberships: rule 1 takes a 404 for each", got, len(group))
		}
		if api.count() > 2*len(group) {
			t.Errorf("%d requests for %d memberships: %v", api.count(), len(group), api.counts)
		}
	})
}

func TestGetRules(t *testing.T) {
	fault := &kantata.Error{StatusCode: http.StatusServiceUnavailable}
	failing := func(op string) func(*fake) {
		return func(f *fake) {
			f.before = func(got string, _ int) error {
				if got == op {
					return fault
				}
				return nil
			}
		}
	}
	remove := func(f *fake) { f.remove("1003") }
	for name, c := range map[string]struct {
		arrange []func(*fake)
		id      kantata.ID
		pair    kantata.Pair
		want    error
		wantID  kantata.ID
	}{
		"there":                              {id: "1003", pair: testPair(2), wantID: "1003"},
		"gone":                               {arrange: []func(*fake){remove}, id: "1003", pair: testPair(2), want: ErrGone},
		"under a new id":                     {arrange: []func(*fake){remove, func(f *fake) { f.add(testPair(2)) }}, id: "1003", pair: testPair(2), wantID: "1011"},
		"somebody else's row under the id":   {id: "1003", pair: testPair(3), wantID: "1004"},
		"another pair's id, own pair absent": {id: "1003", pair: testPair(99), want: errContradiction},
		"the batch fails":                    {arrange: []func(*fake){remove, failing(opOnly)}, id: "1003", pair: testPair(2), want: fault},
		"the GET fails":                      {arrange: []func(*fake){remove, failing(opGet)}, id: "1003", pair: testPair(2), want: fault},
		"the look at the pair fails":         {arrange: []func(*fake){remove, failing(opLook)}, id: "1003", pair: testPair(2), want: fault},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(10)
				for _, arrange := range c.arrange {
					arrange(api)
				}
				m, err := NewReader(api).Get(t.Context(), c.id, c.pair)
				if !errors.Is(err, c.want) || c.want == nil && (err != nil || m.ID != c.wantID || m.Pair() != c.pair) {
					t.Errorf("got %v, %v; want %s, %v", m, err, c.wantID, c.want)
				}
			})
		})
	}
}

// blind hides a row from batches and pages: what they lack is not gone.
type blind struct {
	*fake
	id kantata.ID
}

func (b blind) without(rows []kantata.Membership) []kantata.Membership {
	return slices.DeleteFunc(rows, func(m kantata.Membership) bool { return m.ID == b.id })
}

func (b blind) AccessGroupMembershipsByID(ctx context.Context, ids []kantata.ID) ([]kantata.Membership, error) {
	rows, err := b.fake.AccessGroupMembershipsByID(ctx, ids)
	return b.without(rows), err
}

func (b blind) AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, page, perPage int) (kantata.Page[kantata.Membership], error) {
	answer, err := b.fake.AccessGroupMembershipsPage(ctx, filter, page, perPage)
	answer.Items = b.without(answer.Items)
	return answer, err
}

func TestMissingRowIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(400)
		reader, rows := NewReader(blind{api, "1050"}), api.all()
		inParallel(t, 400, func(i int) error {
			m, err := reader.Get(t.Context(), rows[i].ID, rows[i].Pair())
			if err == nil && m != rows[i] {
				err = fmt.Errorf("got %v", m)
			}
			return err
		})
	})
}

func TestGetByID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(3)
		reader := NewReader(api)
		if m, err := reader.GetByID(t.Context(), "1002"); err != nil || m.ID != "1002" {
			t.Errorf("got %v, %v", m, err)
		}
		if _, err := reader.GetByID(t.Context(), "9"); !errors.Is(err, ErrGone) || api.count(opGet) != 1 {
			t.Errorf("got %v after %d GETs, want ErrGone after one", err, api.count(opGet))
		}
	})
}

func TestSnapshotAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(100)
		reader, rows := NewReader(api), api.all()
		listAll(t, reader)
		api.remove(rows[0].ID)
		if _, err := reader.Get(t.Context(), rows[0].ID, rows[0].Pair()); err != nil || api.count() != 1 {
			t.Errorf("a fresh snapshot: %v after %d requests", err, api.count())
		}
		_ = sleep(t.Context(), maxAge)
		if _, err := reader.Get(t.Context(), rows[0].ID, rows[0].Pair()); !errors.Is(err, ErrGone) {
			t.Errorf("an old snapshot: %v", err)
		}
	})
}

func TestIdenticalLookupsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		reader := NewReader(api)
		inParallel(t, 10, func(int) error {
			_, err := reader.Get(t.Context(), "1001", testPair(0))
			return err
		})
		if api.count() != 1 {
			t.Errorf("%d requests: %v", api.count(), api.counts)
		}
	})
}

func TestCancellationIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		reader := NewReader(api)
		ctx, cancel := context.WithCancel(t.Context())
		errs := map[string]chan error{}
		get := func(name string, ctx context.Context, id kantata.ID, i int) {
			done := make(chan error, 1)
			errs[name] = done
			go func() {
				_, err := reader.Get(ctx, id, testPair(i))
				done <- err
			}()
			synctest.Wait()
		}
		get("canceled, in flight", ctx, "1001", 0)
		get("same look-up", t.Context(), "1001", 0)
		get("canceled, queued", ctx, "1002", 1)
		get("queued", t.Context(), "1003", 2)
		began := time.Now()
		cancel()
		for _, name := range []string{"canceled, in flight", "canceled, queued"} {
			if err := <-errs[name]; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the canceled waited %s", waited)
		}
		for _, name := range []string{"same look-up", "queued"} {
			if err := <-errs[name]; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// One who leaves a batch under way, be it the one whose context the batch began with, does not end it for the rest.
func TestLeavingABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(2000)
		reader := NewReader(api)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed := make([]error, 3)
		var wg sync.WaitGroup
		for i, ctx := range []context.Context{t.Context(), ctx, t.Context()} {
			wg.Go(func() { _, failed[i] = reader.Get(ctx, testID(int64(1001+i)), testPair(i)) })
			synctest.Wait()
		}
		// The first batch takes 200 ms; the other two are in the next.
		_ = sleep(t.Context(), 250*time.Millisecond)
		cancel()
		wg.Wait()
		if failed[0] != nil || !errors.Is(failed[1], context.Canceled) || failed[2] != nil {
			t.Errorf("got %v", failed)
		}
	})
}

// A request that nobody waits for any more must not hold up those who queue behind it.
func TestAbandonedRequestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake(10)
		api.latency = 10 * time.Second
		reader := NewReader(api)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := reader.Get(ctx, "1001", testPair(0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := reader.Get(t.Context(), "1002", testPair(1)); err != nil || time.Since(began) != 11*time.Second {
			t.Errorf("got %v after %s, want it 10 s after the first one left", err, time.Since(began))
		}
	})
}

func TestList(t *testing.T) {
	collect := func(t *testing.T, reader *Reader, filter kantata.MembershipFilter) (ids []kantata.ID, err error) {
		for m, e := range reader.List(t.Context(), filter) {
			if e != nil {
				return ids, e
			}
			ids = append(ids, m.ID)
		}
		return ids, nil
	}
	expect := func(t *testing.T, api *fake, got []kantata.ID) {
		var want []kantata.ID
		for _, m := range api.all() {
			want = append(want, m.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %d ids, want %d, in order", len(got), len(want))
		}
	}
	t.Run("941 in five requests, twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := newFake(941)
			reader := NewReader(api)
			for range 2 {
				ids, err := collect(t, reader, kantata.MembershipFilter{})
				if err != nil {
					t.Fatal(err)
				}
				expect(t, api, ids)
			}
			if api.count() != 5 {
				t.Errorf("%d requests", api.count())
			}
		})
	})
	t.Run("shifted once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := newFake(941)
			api.after = func(op string, n int) error {
				if op == opPage && n == 1 {
					api.remove("1005")
				}
				return nil
			}
			ids, err := collect(t, NewReader(api), kantata.MembershipFilter{})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, api, ids)
		})
	})
	t.Run("shifting all the time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := newFake(941)
			api.after = func(op string, n int) error {
				if op == opPage {
					api.remove(testID(int64(1000 + n)))
				}
				return nil
			}
			if ids, err := collect(t, NewReader(api), kantata.MembershipFilter{}); !errors.Is(err, errShifting) || len(ids) > 0 {
				t.Errorf("%d ids, %v", len(ids), err)
			}
		})
	})
	t.Run("our own writes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := newFake(400)
			reader := NewReader(api)
			writer := NewWriter(api, reader)
			for range 2 {
				if _, err := collect(t, reader, kantata.MembershipFilter{}); err != nil {
					t.Fatal(err)
				}
				if _, err := writer.Create(t.Context(), testPair(500+api.count(opPost))); err != nil {
					t.Fatal(err)
				}
				victim := api.all()[3]
				if err := writer.Delete(t.Context(), victim.ID, victim.Pair()); err != nil {
					t.Fatal(err)
				}
				ids, err := collect(t, reader, kantata.MembershipFilter{})
				if err != nil {
					t.Fatal(err)
				}
				expect(t, api, ids)
			}
			if api.count(opPage) != 2 {
				t.Errorf("%d pages: the snapshot was not kept", api.count(opPage))
			}
		})
	})
	t.Run("a filter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ids, err := collect(t, NewReader(newFake(400)), kantata.MembershipFilter{AccessGroupID: "7"})
			if err != nil || len(ids) != 20 {
				t.Errorf("%d ids, %v", len(ids), err)
			}
		})
	})
}

func TestStream(t *testing.T) {
	for _, c := range []struct{ limit, stop, rows, requests int }{{0, 0, 450, 3}, {10, 0, 10, 1}, {250, 0, 250, 2}, {0, 5, 5, 1}} {
		t.Run(fmt.Sprintf("limit %d stop %d", c.limit, c.stop), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake(450)
				seen := map[kantata.ID]bool{}
				for m, err := range NewReader(api).Stream(t.Context(), kantata.MembershipFilter{}, c.limit) {
					if err != nil || seen[m.ID] {
						t.Fatalf("%v, %v", m, err)
					}
					seen[m.ID] = true
					if len(seen) == c.stop {
						break
					}
				}
				if len(seen) != c.rows || api.count() != c.requests {
					t.Errorf("%d rows in %d requests, want %d in %d", len(seen), api.count(), c.rows, c.requests)
				}
			})
		})
	}
	t.Run("shifted once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := newFake(450)
			api.after = func(_ string, n int) error {
				if n == 1 {
					api.remove("1005")
				}
				return nil
			}
			seen := map[kantata.ID]int{}
			for m, err := range NewReader(api).Stream(t.Context(), kantata.MembershipFilter{}, 0) {
				if err != nil {
					t.Fatal(err)
				}
				seen[m.ID]++
			}
			for _, m := range api.all() {
				if seen[m.ID] != 1 {
					t.Errorf("%s was yielded %d times", m.ID, seen[m.ID])
				}
			}
		})
	})
	t.Run("an error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := newFake(450)
			api.before = func(_ string, n int) error {
				if n == 2 {
					return notFound
				}
				return nil
			}
			rows, last := 0, error(nil)
			for _, err := range NewReader(api).Stream(t.Context(), kantata.MembershipFilter{}, 0) {
				rows, last = rows+1, err
			}
			if rows != 201 || !errors.Is(last, notFound) {
				t.Errorf("%d rows, %v", rows, last)
			}
		})
	})
}

// A page count beyond reason must end in an error, not in memory.
func TestHostilePageCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := hostile{newFake(10)}
		for _, err := range NewReader(api).List(t.Context(), kantata.MembershipFilter{}) {
			if err != nil {
				return
			}
		}
		t.Error("no error")
	})
}

type hostile struct{ *fake }

func (h hostile) AccessGroupMembershipsPage(ctx context.Context, filter kantata.MembershipFilter, page, perPage int) (kantata.Page[kantata.Membership], error) {
	answer, err := h.fake.AccessGroupMembershipsPage(ctx, filter, page, perPage)
	answer.PageCount, answer.Count = 1<<50, 1<<58
	return answer, err
}

func BenchmarkReader(b *testing.B) {
	api := newFake(1600)
	api.latency = 0
	rows := api.all()
	b.ReportAllocs()
	for b.Loop() {
		reader := NewReader(api)
		inParallel(b, 1000, func(i int) error {
			_, err := reader.Get(b.Context(), rows[i].ID, rows[i].Pair())
			return err
		})
	}
}
