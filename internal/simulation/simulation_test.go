// Package simulation simulates whole Terraform runs in fake time, and searches for people who lose access.
//
// The real provider server and its HTTP client run in a testing/synctest bubble against the embedded Kantata of kantatatest. A model of
// Terraform's core makes the protocol calls. A history says what the user edits, what others change outside Terraform, and which requests
// fail. It comes from a seed or from a script. Invariants are checked after each run, and some after each call. A history that breaks one
// is made smaller and printed as a script, which can be kept in testdata.
//
// Read the files in this order:
//
//	history_test.go        a history as data
//	script_test.go         a history as text
//	random_test.go         a history from a seed
//	configuration_test.go  what the user has written
//	wire_test.go           requests in fake time
//	conditions_test.go     what a process sends in an outage, at a rate limit and after a 401
//	process_test.go        one process of the provider, and the protocol calls
//	terraform_test.go      the model of Terraform: state and plan
//	apply_test.go          the model of Terraform: apply
//	world_test.go          runs a history
//	invariants_test.go     what must hold
//	plans_test.go          what a plan must say
//	requests_test.go       how many requests a run may send
//	phrases_test.go        what errors may say, and how to follow their advice
//	settle_test.go         a user who follows the advice until nothing is left to do
//	shrink_test.go         makes a history smaller
//	model_test.go          compares the model with a real Terraform
//	recorder_test.go       records protocol calls for that comparison
//	simulation_test.go     the tests
package simulation

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	searchTime = flag.Duration("search", 0, "search random histories for this long")
	searchFrom = flag.Uint64("seed", 0, "run this seed only, and print what happens; with -search, the first seed")
)

// fixedSeeds is the number of random histories in every test run.
const fixedSeeds = 60

// TestSeeds runs a fixed set of random histories, or the one that -seed names.
func TestSeeds(t *testing.T) {
	if *searchTime > 0 {
		t.Skip("-search runs random histories")
	}
	if *searchFrom > 0 {
		h := random(*searchFrom)
		res := run(t, h, true, "")
		t.Logf("%s\n%s", h, res.trace)
		for _, v := range res.causes() {
			t.Errorf("step %d: %s: %s", v.step, v.kind, v.detail)
		}
		return
	}
	s := newSearch()
	s.run(t, 1, func(done int) bool { return done < fixedSeeds })
	s.report(t)
}

// TestSearch searches random histories for as long as -search says.
func TestSearch(t *testing.T) {
	if *searchTime == 0 {
		t.Skip("without -search, TestSeeds runs a fixed set")
	}
	s := newSearch()
	deadline := time.Now().Add(*searchTime)
	s.run(t, max(*searchFrom, 1), func(int) bool { return time.Now().Before(deadline) })
	s.report(t)
}

// search runs histories on all cores and collects what they find.
type search struct {
	known map[string]bool
	began time.Time

	mu        sync.Mutex // guards the rest
	next      uint64
	histories int
	runs      int
	aside     time.Duration       // spent by all workers on making histories smaller
	found     map[string]*finding // by kind
}

// finding describes one kind of violation: the first seed that has it, how long it took to find, and how many histories have it.
type finding struct {
	seed  uint64
	after time.Duration
	times int
}

func newSearch() *search {
	s := &search{known: map[string]bool{}, found: map[string]*finding{}}
	for _, h := range load("testdata/scripts") {
		if h.Known != "" {
			for _, kind := range h.Finds {
				s.known[kind] = true
			}
		}
	}
	return s
}

func (s *search) run(t *testing.T, from uint64, more func(done int) bool) {
	s.began, s.next = time.Now(), from
	t.Run("workers", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for {
					s.mu.Lock()
					seed, proceed := s.next, more(s.histories)
					if proceed {
						s.next++
						s.histories++
					}
					s.mu.Unlock()
					if !proceed {
						return
					}
					s.one(t, seed)
				}
			})
		}
	})
}

func (s *search) one(t *testing.T, seed uint64) {
	t.Helper()
	h := random(seed)
	res := run(t, h, false, "")
	for _, v := range s.add(h, res) {
		began := time.Now()
		small := shrink(t, h, v.kind, 15*time.Second)
		s.mu.Lock()
		s.aside += time.Since(began)
		s.mu.Unlock()
		t.Errorf("%s: %s\nrepeat it with: make simulate SEED=%d\n\n%s\n%s", v.kind, v.detail, seed, small, run(t, small, true, v.kind).trace)
	}
}

// add counts what a history found, and returns the violations whose kind is new and not known.
func (s *search) add(h history, res *result) (found []violation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs += res.runs
	for _, v := range res.causes() {
		f, ok := s.found[v.kind]
		if !ok {
			f = &finding{seed: h.Seed, after: time.Since(s.began)}
			s.found[v.kind] = f
			if !s.known[v.kind] {
				found = append(found, v)
			}
		}
		f.times++
	}
	return found
}

// report prints the rate and a table of what was found.
func (s *search) report(t *testing.T) {
	t.Helper()
	took := time.Since(s.began)
	cores := runtime.GOMAXPROCS(0)
	searched := took - s.aside/time.Duration(cores)
	t.Logf("%d histories, %d plans and applies in %s: %.0f a second on %d cores, without the time in which histories were made smaller",
		s.histories, s.runs, took.Round(time.Second), float64(s.runs)/searched.Seconds(), cores)
	first := func(a, b string) int { return cmp.Compare(s.found[a].after, s.found[b].after) }
	for _, kind := range slices.SortedFunc(maps.Keys(s.found), first) {
		f := s.found[kind]
		mark := ""
		if s.known[kind] {
			mark = "known: "
		}
		t.Logf("%6d times, first after %s with seed %d: %s%s", f.times, f.after.Round(time.Millisecond), f.seed, mark, kind)
	}
}

// load reads the scripts of a folder, by name.
func load(folder string) map[string]history {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	must(err)
	all := map[string]history{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(err)
		h, err := parse(string(text))
		if err != nil {
			panic(fmt.Sprintf("%s: %v", file, err))
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txt")] = h
	}
	return all
}

// scriptTries is how many times a known script may run until it fails, because the waits of the provider are random.
const scriptTries = 20

// TestScripts runs every script. A script with a known fault must fail. If it passes, the fault is repaired, and the mark must be removed.
func TestScripts(t *testing.T) {
	for name, h := range load("testdata/scripts") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h.Known == "" {
				for _, v := range run(t, h, false, "").causes() {
					t.Errorf("step %d: got %q, want no violation: %s\n%s\n%s", v.step, v.kind, v.detail, h, run(t, h, true, v.kind).trace)
				}
				return
			}
			missing := h.Finds
			for range scriptTries {
				res := run(t, h, false, "")
				missing = slices.DeleteFunc(slices.Clone(missing), res.has)
				if len(missing) == 0 {
					return
				}
			}
			t.Errorf("got no violation in %d tries, want %q: change the mark for %q in testdata/scripts/%s.txt", scriptTries, missing, h.Known, name)
		})
	}
}

// TestScriptText checks that a script says the same after it is read and written again.
func TestScriptText(t *testing.T) {
	for seed := range uint64(200) {
		h := random(seed)
		again, err := parse(h.String())
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, h)
		}
		if got, want := again.String(), h.String(); got != want {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
	}
}
