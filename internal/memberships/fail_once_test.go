package memberships

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// The tests in this file are about writes that get no usable response while Kantata responds to other requests (rule 12).

// writesOf is a run of creates in an empty account, or of the deletes of all memberships.
type writesOf struct {
	*fake
	store *Store
	op    string
	rows  []kantata.Membership // what the deletes delete
	pairs []kantata.Pair       // what the creates create
}

func newWrites(op string, n int) *writesOf {
	w := &writesOf{fake: newFake(0), op: op}
	for i := range n {
		w.pairs = append(w.pairs, testPair(i))
	}
	if op == opDelete {
		w.fake = newFake(n)
		w.rows = w.all()
	}
	w.store = newStore(w.fake)
	return w
}

// write makes the i-th call.
func (w *writesOf) write(ctx context.Context, i int) (err error) {
	if w.op == opDelete {
		return w.store.Delete(ctx, w.rows[i].ID, w.rows[i].Pair())
	}
	_, err = w.store.Create(ctx, w.pairs[i], false)
	return err
}

// run makes n calls and returns their errors.
func (w *writesOf) run(t *testing.T, parallelism, n int) []error {
	t.Helper()
	errs := make([]error, n)
	inParallel(t, parallelism, n, func(i int) error {
		errs[i] = w.write(t.Context(), i)
		return nil
	})
	return errs
}

// hangs makes requests of the kind end without a response after three minutes.
func hangs(op string) func(string, int) error {
	return func(got string, _ int) error {
		if got != op {
			return nil
		}
		time.Sleep(3 * time.Minute)
		return errTimeout
	}
}

// isRefused reports the short error about all writes of one kind.
func isRefused(err error) bool {
	var e *kantata.Error
	return errors.As(err, &e) && e.Condition != nil && e.Condition.Kind == kantata.NoEffect && e.Outcome == kantata.OutcomeNotDone
}

// TestWritesInVain expects that any number of writes without a response takes at most twice as long as one of them, or half a minute longer
// if one does not take that long, and that only those that were not sent are refused.
func TestWritesInVain(t *testing.T) {
	t.Parallel()
	faults := map[string]func(op string) func(string, int) error{
		"no response":          hangs,
		"connections that end": func(op string) func(string, int) error { return fail(apiError(0, kantata.OutcomeUnknown), op) },
		"503":                  func(op string) func(string, int) error { return fail(errUnavailable, op) },
		"502 after a minute": func(op string) func(string, int) error {
			return func(got string, _ int) error {
				if got != op {
					return nil
				}
				time.Sleep(time.Minute)
				return apiError(502, kantata.OutcomeUnknown)
			}
		},
	}
	for name, fault := range faults {
		for _, op := range []string{opPost, opDelete} {
			const half = 30 * time.Second
			alone := map[int]time.Duration{} // how long one write takes, and how many requests it sends
			writes := map[int]int{}
			for _, parallelism := range []int{1, 10, 40} {
				for _, n := range []int{1, 40, 100} {
					bubble(t, fmt.Sprintf("%s/%s/%d, parallelism %d", op, name, n, parallelism), func(t *testing.T) {
						w := newWrites(op, n)
						w.before = fault(op)
						began := time.Now()
						errs := w.run(t, parallelism, n)
						took := time.Since(began)
						refused, conditions := 0, map[*kantata.Condition]bool{}
						for i, err := range errs {
							var uncertain *UncertainError
							var notDeleted *NotDeletedError
							switch {
							case isRefused(err):
								refused++
								var e *kantata.Error
								errors.As(err, &e)
								conditions[e.Condition] = true
							case errors.As(err, &uncertain) && uncertain.Pair != testPair(i):
								t.Errorf("got an error about %s, want one about %s", uncertain.Pair, testPair(i))
							case err == nil, op == opDelete && !errors.As(err, &notDeleted):
								t.Errorf("got the error %v, want one of the write", err)
							}
						}
						if n == 1 {
							alone[parallelism], writes[parallelism] = took, w.count(op)
							return
						}
						lookups := time.Duration(n/parallelism) * w.latency
						slow := alone[parallelism] >= half
						if most := alone[parallelism] + max(alone[parallelism], half) + lookups; took > most {
							t.Errorf("got a duration of %v, want at most %v, because one write takes %v", took, most, alone[parallelism])
						}
						sent := min(n, parallelism+1) // those that began together, and one probe
						if !slow {
							sent = max(sent, n-refused) // and more probes
						}
						if got := w.count(op); got != sent*writes[parallelism] || refused != n-sent || len(conditions) > 1 {
							t.Errorf("got %d requests, %d refused writes and %d conditions, want %d, %d and at most 1",
								got, refused, len(conditions), sent*writes[parallelism], n-sent)
						}
					})
				}
			}
		}
	}
}

// A create that is found by its lookup has worked: if only the responses are lost, every create succeeds. So does every delete.
func TestLostResponses(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opPost, opDelete} {
		for _, parallelism := range []int{1, 10, 40} {
			bubble(t, fmt.Sprintf("%s, parallelism %d", op, parallelism), func(t *testing.T) {
				const n = 100
				w := newWrites(op, n)
				w.randomly(uint64(parallelism)).after = hangs(op)
				for i, err := range w.run(t, parallelism, n) {
					if err != nil {
						t.Errorf("%d: got the error %v, want none", i, err)
					}
				}
				if got, want := w.count(op), n; got != want {
					t.Errorf("got %d requests, want %d", got, want)
				}
			})
		}
	}
}

// A write without a response that concerns only its own pair fails no other write.
func TestOneWriteInVain(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opPost, opDelete} {
		for _, parallelism := range []int{1, 10, 40} {
			for _, in := range []int{0, 7, 49} {
				bubble(t, fmt.Sprintf("%s, parallelism %d, number %d", op, parallelism, in), func(t *testing.T) {
					const n = 50
					w := newWrites(op, n)
					s := w.store
					s.api = &inVain{fake: w.fake, concerns: func(pair kantata.Pair) bool { return pair == testPair(in) }}
					for i, err := range w.run(t, parallelism, n) {
						if (err != nil) != (i == in) || isRefused(err) {
							t.Errorf("%d: got the error %v, want one of number %d only", i, err, in)
						}
					}
				})
			}
		}
	}
}

// The writes of one group, or of one user, that get no response fail no other write, in whichever order they come.
func TestWritesOfOneGroupInVain(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opPost, opDelete} {
		for _, parallelism := range []int{1, 10, 40} {
			for _, bad := range []kantata.MembershipFilter{{AccessGroupID: "7"}, {UserID: "7"}} {
				bubble(t, fmt.Sprintf("%s of %+v, parallelism %d", op, bad, parallelism), func(t *testing.T) {
					// First come 30 writes of what is bad, then 30 others.
					f, pairs := newFake(0), make([]kantata.Pair, 60)
					for i := range pairs {
						pairs[i] = kantata.Pair{AccessGroupID: testID(100 + i), UserID: testID(50000 + i)}
						if i < 30 {
							pairs[i].AccessGroupID = cmp.Or(bad.AccessGroupID, pairs[i].AccessGroupID)
							pairs[i].UserID = cmp.Or(bad.UserID, pairs[i].UserID)
						}
						if op == opDelete {
							f.add(pairs[i])
						}
					}
					w := &writesOf{fake: f, op: op, rows: f.all(), pairs: pairs, store: newStore(f)}
					w.store.api = &inVain{fake: f, concerns: bad.Matches}
					for i, err := range w.run(t, parallelism, len(pairs)) {
						if (err != nil) != (i < 30) {
							t.Errorf("%d: got the error %v, want one of the first 30 only", i, err)
						}
					}
				})
			}
		}
	}
}

// inVain is an API whose writes of some pairs hang.
type inVain struct {
	*fake
	concerns func(pair kantata.Pair) bool
}

func (a *inVain) CreateAccessGroupMembership(ctx context.Context, pair kantata.Pair, sendBy time.Time) (kantata.Membership, error) {
	if a.concerns(pair) {
		time.Sleep(3 * time.Minute)
		return kantata.Membership{}, errTimeout
	}
	return a.fake.CreateAccessGroupMembership(ctx, pair, sendBy)
}

func (a *inVain) DeleteAccessGroupMembership(ctx context.Context, id kantata.ID) error {
	if i, ok := index(a.all(), id); ok && a.concerns(a.all()[i].Pair()) {
		time.Sleep(3 * time.Minute)
		return errTimeout
	}
	return a.fake.DeleteAccessGroupMembership(ctx, id)
}

// Writes that begin when the condition is over work, also those that waited for the probe.
func TestWritesAfterTheCondition(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opPost, opDelete} {
		bubble(t, op+", over before the probe", func(t *testing.T) {
			const n, parallelism = 100, 10
			w := newWrites(op, n)
			began := time.Now()
			hang := hangs(op)
			w.before = func(got string, n int) error {
				if time.Since(began) > time.Minute {
					return nil
				}
				return hang(got, n)
			}
			failed := 0
			for _, err := range w.run(t, parallelism, n) {
				if isRefused(err) {
					t.Errorf("got the error %v, want none about all writes", err)
				}
				if err != nil {
					failed++
				}
			}
			if failed != parallelism {
				t.Errorf("got %d errors, want %d", failed, parallelism)
			}
		})
		bubble(t, op+", over after the probe", func(t *testing.T) {
			const n = 20
			w := newWrites(op, n)
			w.before = hangs(op)
			for i := range 3 {
				if err := w.write(t.Context(), i); isRefused(err) != (i == 2) || err == nil {
					t.Errorf("%d: got the error %v, want the third write refused", i, err)
				}
			}
			w.before = nil
			time.Sleep(30 * time.Second)
			for i := 3; i < n; i++ {
				checkError(t, w.write(t.Context(), i), nil)
			}
			// A write that was refused loses nothing.
			if op == opPost {
				checkError(t, w.write(t.Context(), 2), nil)
			}
		})
	}
}

// A write that waits for the probe ends with its context (rule 9).
func TestCanceledWhileAnotherWriteIsTheProbe(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opPost, opDelete} {
		bubble(t, op, func(t *testing.T) {
			w := newWrites(op, 3)
			w.before = hangs(op)
			if err := w.write(t.Context(), 0); err == nil || isRefused(err) {
				t.Errorf("got the error %v, want one of the write", err)
			}
			probe := make(chan error)
			go func() { probe <- w.write(t.Context(), 1) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			checkError(t, w.write(ctx, 2), context.DeadlineExceeded)
			if took := time.Since(began); took != time.Second {
				t.Errorf("got a duration of %v, want 1 s", took)
			}
			if err := <-probe; err == nil || isRefused(err) {
				t.Errorf("got the error %v, want one of the probe", err)
			}
			if got := w.count(op); got != 2 {
				t.Errorf("got %d requests, want 2", got)
			}
		})
	}
}

// Renamed keys, while no write of one kind gets a response: no call waits for another forever, and each person is in the group or an error
// names the pair (rule 11).
func TestRenamedKeysInVain(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opPost, opDelete} {
		for _, parallelism := range []int{1, 10, 40} {
			bubble(t, fmt.Sprintf("%s, parallelism %d", op, parallelism), func(t *testing.T) {
				const keys = 40
				f := newFake(keys)
				f.before = hangs(op)
				rows, s, errs := f.all(), newStore(f), make([]error, 2*keys)
				calls := rand.New(rand.NewPCG(1, uint64(parallelism))).Perm(2 * keys)
				began := time.Now()
				inParallel(t, parallelism, len(calls), func(i int) error {
					call := calls[i]
					m := rows[call%keys]
					if call < keys {
						_, errs[call] = s.Create(t.Context(), m.Pair(), false)
					} else {
						errs[call] = s.Delete(t.Context(), m.ID, m.Pair())
					}
					return nil
				})
				if took := time.Since(began); took > 9*time.Minute {
					t.Errorf("got a duration of %v, want at most twice the four and a half minutes of one write", took)
				}
				for i, m := range rows {
					if in := len(f.of(m.Pair())); in != 1 && (in > 1 || errs[i] == nil) {
						t.Errorf("got %d memberships of %s and the error %v of its create, want one of both", in, m.Pair(), errs[i])
					}
				}
			})
		}
	}
}
