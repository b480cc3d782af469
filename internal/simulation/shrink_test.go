package simulation

import (
	"slices"
	"testing"
	"time"
)

// shrink searches for the given time, and returns the smallest history that still breaks the same invariant. The waits of the provider are
// random and not seeded, so each candidate gets a few tries.
func shrink(t *testing.T, h history, kind string, within time.Duration) history {
	t.Helper()
	deadline := time.Now().Add(within)
	late := func() bool { return time.Now().After(deadline) }
	breaks := func(h history, tries int) bool {
		for range tries {
			if late() {
				return false
			}
			if run(t, h, false, kind).has(kind) {
				return true
			}
		}
		return false
	}
	// Large cuts come first, with one try each. Then everything is tried again, more often.
	for _, tries := range []int{1, 3} {
		for at, found := 0, true; found && !late(); {
			found = false
			list := smaller(h)
			for n := range list {
				if i := (at + n) % len(list); breaks(list[i], tries) {
					h, at, found = list[i], i, true
					break
				}
			}
		}
	}
	return h
}

// smaller returns histories that are a little simpler, the simplest first.
func smaller(h history) (list []history) {
	add := func(change func(*history)) {
		next := h
		next.Steps = slices.Clone(h.Steps)
		change(&next)
		list = append(list, next)
	}
	for i := range h.Steps {
		if i > 0 {
			add(func(h *history) { h.Steps = h.Steps[:i] })
		}
		add(func(h *history) { h.Steps = without(h.Steps, i, 1) })
	}
	for i, s := range h.Steps {
		each := func(change func(s *step)) {
			add(func(h *history) { change(&h.Steps[i]) })
		}
		cuts(len(s.Faults), func(at, n int) { each(func(s *step) { s.Faults = without(s.Faults, at, n) }) })
		cuts(len(s.Events), func(at, n int) { each(func(s *step) { s.Events = without(s.Events, at, n) }) })
		cuts(len(s.Edits), func(at, n int) { each(func(s *step) { s.Edits = without(s.Edits, at, n) }) })
		if s.NoRefresh {
			each(func(s *step) { s.NoRefresh = false })
		}
		if s.Command != commandApply {
			each(func(s *step) { s.Command = commandApply })
		}
		for j, f := range s.Faults {
			for _, simple := range f.simpler() {
				each(func(s *step) { s.Faults = with(s.Faults, j, simple) })
			}
		}
		for j, e := range s.Events {
			for _, at := range []int{1, e.At / 2, e.At - 1} {
				if at > 0 && at < e.At {
					earlier := e
					earlier.At = at
					each(func(s *step) { s.Events = with(s.Events, j, earlier) })
				}
			}
			if e.After > 1 {
				earlier := e
				earlier.After /= 2
				each(func(s *step) { s.Events = with(s.Events, j, earlier) })
			}
		}
	}
	for _, simple := range h.simpler() {
		add(func(h *history) { h.settings = simple })
	}
	return list
}

func (f fault) simpler() (list []fault) {
	add := func(applies bool, change func(f *fault)) {
		if applies {
			next := f
			change(&next)
			list = append(list, next)
		}
	}
	add(f.Times > 1, func(f *fault) { f.Times /= 2 })
	add(f.Times > 1, func(f *fault) { f.Times-- })
	add(f.Skip > 0, func(f *fault) { f.Skip = 0 })
	add(f.Skip > 0, func(f *fault) { f.Skip-- })
	add(f.ByID, func(f *fault) { f.ByID = false })
	add(f.HTML, func(f *fault) { f.HTML = false })
	add(f.RetryAfter > 0, func(f *fault) { f.RetryAfter = 0 })
	add(f.Later > 0, func(f *fault) { f.Later-- })
	return list
}

func (s settings) simpler() (list []settings) {
	add := func(applies bool, change func(s *settings)) {
		if applies {
			next := s
			change(&next)
			list = append(list, next)
		}
	}
	add(s.PageSize > 0, func(s *settings) { s.PageSize = 0 })
	add(s.Duplicates != refusedDuplicate, func(s *settings) { s.Duplicates = refusedDuplicate })
	add(s.Reading != "", func(s *settings) { s.Reading = "" })
	add(s.Alias, func(s *settings) { s.Alias = false })
	add(s.DefaultRows, func(s *settings) { s.DefaultRows = false })
	add(s.Lag > 0, func(s *settings) { s.Lag = 0 })
	add(s.Lists != "", func(s *settings) { s.Lists = "" })
	add(s.CLI != oldest, func(s *settings) { s.CLI = oldest })
	add(s.Parallelism != 10, func(s *settings) { s.Parallelism = 10 })
	add(s.Latency > 5, func(s *settings) { s.Latency = 5 })
	return list
}

// cuts calls cut for every half, quarter and so on of n elements.
func cuts(n int, cut func(at, n int)) {
	for size := n; size >= 1; size /= 2 {
		for at := 0; at < n; at += size {
			cut(at, size)
		}
	}
}

func without[T any](list []T, at, n int) []T {
	return slices.Delete(slices.Clone(list), at, min(at+n, len(list)))
}

func with[T any](list []T, at int, v T) []T {
	next := slices.Clone(list)
	next[at] = v
	return next
}
