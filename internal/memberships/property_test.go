package memberships

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// TestNothingThereIsEverGone runs random reads, creates, deletes and changes by hand, ten at a time. Half of the memberships
// are never touched: no read may call one of these gone, and none of our own creates either until we delete it.
func TestNothingThereIsEverGone(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				total := 20 + random.IntN(1500)
				api := newFake(total)
				reader, rows := NewReader(api), api.all()
				writer := NewWriter(api, reader)
				var wg sync.WaitGroup
				for worker := range 10 {
					seed := random.Uint64()
					wg.Go(func() {
						act(t, rand.New(rand.NewPCG(seed, 2)), worker, api, reader, writer, rows)
					})
				}
				wg.Wait()
			})
		})
	}
}

func act(t *testing.T, random *rand.Rand, worker int, api *fake, reader *Reader, writer *Writer, rows []kantata.Membership) {
	var own []kantata.Membership
	kept := func() kantata.Membership { return rows[2*random.IntN(len(rows)/2)] }
	touched := func() kantata.Membership { return rows[2*random.IntN(len(rows)/2)+1] }
	for step := range 60 {
		switch random.IntN(8) {
		case 0, 1, 2:
			want := kept()
			if m, err := reader.Get(t.Context(), want.ID, want.Pair()); err != nil || m != want {
				t.Errorf("Get of %s: %v, %v", want.ID, m, err)
			}
		case 3:
			want := kept()
			if m, err := reader.Find(t.Context(), want.Pair()); err != nil || m != want {
				t.Errorf("Find of %s: %v, %v", want.Pair(), m, err)
			}
		case 4:
			created, err := writer.Create(t.Context(), testPair(100000+1000*worker+step))
			if err != nil {
				t.Errorf("Create: %v", err)
				continue
			}
			m := created.Membership
			own = append(own, m)
			if got, err := reader.Get(t.Context(), m.ID, m.Pair()); err != nil || got != m {
				t.Errorf("Get of the created %s: %v, %v", m.ID, got, err)
			}
		case 5:
			if len(own) == 0 {
				continue
			}
			m := own[0]
			own = own[1:]
			if err := writer.Delete(t.Context(), m.ID, m.Pair()); err != nil {
				t.Errorf("Delete: %v", err)
			}
			if _, err := reader.Get(t.Context(), m.ID, m.Pair()); !errors.Is(err, ErrGone) {
				t.Errorf("Get of the deleted %s: %v", m.ID, err)
			}
		case 6:
			api.remove(touched().ID)
		case 7:
			_ = sleep(t.Context(), time.Duration(random.IntN(20))*time.Second)
			m := touched()
			if _, err := reader.Get(t.Context(), m.ID, m.Pair()); err != nil && !errors.Is(err, ErrGone) {
				t.Errorf("Get of %s: %v", m.ID, err)
			}
		}
	}
}

// TestRandomReadsAreCheap holds reads of what is there, in any number and with any parallelism, within one and a half walks
// + 4 for as long as a snapshot lasts.
func TestRandomReadsAreCheap(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 3))
				total := 1 + random.IntN(6000)
				api := newFake(total)
				api.latency = 10 * time.Millisecond
				reader, rows := NewReader(api), api.all()
				reads, workers := 1+random.IntN(800), 1+random.IntN(20)
				queue := make(chan int, reads)
				for range reads {
					queue <- random.IntN(total)
				}
				close(queue)
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for i := range queue {
							var err error
							if i%3 == 0 {
								_, err = reader.Find(t.Context(), rows[i].Pair())
							} else {
								_, err = reader.Get(t.Context(), rows[i].ID, rows[i].Pair())
							}
							if err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
				if walk := (total + 199) / 200; 2*api.count() > 3*walk+8 {
					t.Errorf("%d requests for %d reads of %d, a walk takes %d: %v", api.count(), reads, total, walk, api.counts)
				}
			})
		})
	}
}
