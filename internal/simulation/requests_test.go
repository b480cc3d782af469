package simulation

import (
	"cmp"
	"slices"
)

// judgeRequests checks how many requests a run sends. Two bounds follow from how the provider reads and writes (DESIGN.md).
func (v *verdict) judgeRequests(f *facts) {
	if most := v.mostRequests(); len(v.requests()) > most {
		v.broke(kindManyRequests, "got %d, want at most %d", len(v.requests()), most)
	}
	if n, most := v.planRequests, v.mostForQuietPlan(f); most > 0 && n > most {
		v.broke(kindManyRequests, "got %d to plan %d memberships that have not changed, want at most %d", n, len(v.before.current), most)
	}
}

// mostRequests bounds any run. An entry of the state costs at most 3 requests in the plan (a batch, a GET of its ID, a lookup of its pair)
// and 3 in the apply (a DELETE, and the two that check a 404). An address of the configuration costs at most 2 in the plan (lookups of the
// person and of the pair) and 4 in the apply (both again, the lookup before the POST, and the POST). Lists cost at most as much as the
// small requests that they replace, so each of the four numbers grows by 1 at most. A process requests 3 first pages at most before it
// knows what lists cost, and a run has 3 processes at most. A fault costs repeated requests, and 10 lookups if it hits a write. A data
// source or a list block reads its list 3 times at most, in the plan and again in the apply, and each time the last page twice. So does a
// process with the list of people that shows an address in another case, if Kantata compares addresses exactly.
func (v *verdict) mostRequests() int {
	most := 3*3 + 8*(len(v.before.all())+len(v.cfg.instances()))
	for _, fault := range v.s.Faults {
		most += 10 * fault.Times
	}
	for _, e := range v.s.Events {
		if e.What == eventOutage {
			most += 10 + e.Secs
		}
	}
	lists := len(v.config.listed()) // terraform destroy reads data sources, too
	if v.s.Command == commandQuery {
		lists = groups + 1
	}
	if v.history.Reading == "addresses-are-compared-exactly" {
		most += 3 * 3 * (v.pages(people) + 2)
	}
	return most + 2*3*lists*(v.pagesOf("")+2)
}

// mostForQuietPlan bounds a plan that finds every membership as the state has it and wants nothing else. Ten reads share a request, or a
// list that is read instead: best is the least that could be sent. The provider finds out what a list costs while it sends small requests,
// so it may send several times as many, but never more than one GET each. 0 means that the run is none of these.
func (v *verdict) mostForQuietPlan(f *facts) int {
	n := len(v.before.current)
	switch {
	case len(v.s.Events)+len(v.s.Faults) > 0, v.s.NoRefresh, v.s.Command == commandDestroy, v.c.halted(), len(v.before.deposed) > 0,
		v.c.parallelism < 10, v.plan == nil, !v.plan.empty(), len(v.cfg.targets)+len(v.cfg.imports)+len(v.cfg.listed()) > 0:
		return 0
	}
	groups := map[string]bool{}
	for _, o := range v.before.current {
		groups[o.pair().group] = true
		if !slices.Contains(f.rows[o.pair()], o.id()) {
			return 0
		}
	}
	pages := 0
	for group := range groups {
		pages += v.pagesOf(group)
	}
	pages = min(pages, v.pagesOf(""))
	factor := 2
	if pages > 10 {
		factor = 5
	}
	best := min((n+9)/10, pages)
	return min(max(n, 3), factor*best+3)
}

// pagesOf returns the number of pages of a group's list, or of the account's if the group is "".
func (v *verdict) pagesOf(group string) int {
	rows := 0
	for _, m := range v.kantata.Memberships() {
		if group == "" || pairOf(m).group == group {
			rows++
		}
	}
	return v.pages(rows)
}

func (v *verdict) pages(rows int) int {
	size := cmp.Or(v.history.PageSize, 200)
	return (rows + size - 1) / size
}
