package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// countedUser is the first user of the count list. Keys use the users with lower numbers, and block n those from aliasedUser on if it has a
// provider configuration of its own.
const aliasedUser, countedUser = 8, 12

// random makes the history of a seed. Most first steps are quiet, so that memberships exist that later steps can lose.
func random(seed uint64) history {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), config: &configuration{}}
	g.config.begin()
	h := history{settings: g.settings(seed)}
	first := g.start()
	first.Command = commandApply
	switch {
	case g.outrun:
		g.addWhatIsCreated(&first)
	case g.lists && g.one(4):
		g.failPages(&first)
	case g.one(4):
		g.disturb(&first)
	}
	h.Steps = append(h.Steps, first)
	for range g.IntN(4) {
		s := step{Command: commandApply, Edits: g.edits()}
		g.disturb(&s)
		h.Steps = append(h.Steps, s)
	}
	return h
}

type generator struct {
	*rand.Rand
	config *configuration
	lists  bool // the history is about lists of several pages
	listed bool // data sources list memberships
	outrun bool // others add the people whom the first step is about to add
	alias  bool // block n has its own people
	hidden int  // the most rows that lists count and never show: no client can tell a page without rows from a fault
}

func (g *generator) one(of int) bool { return g.IntN(of) == 0 }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) settings(seed uint64) settings {
	s := settings{
		Seed: seed, Latency: pick(g, 5, 50, 400), CLI: pick(g, oldest, oldest, "Terraform-1.15", "OpenTofu-1.12"),
		DeleteStatus: pick(g, http.StatusOK, http.StatusNoContent), Parallelism: pick(g, 10, 10, 10, 1, 40), Duplicates: refusedDuplicate,
	}
	if g.one(4) {
		s.Duplicates = pick(g, "the-first-again", "a-second-is-made")
	}
	if g.one(2) {
		s.PageSize = 2 + g.IntN(5)
	}
	if g.one(4) {
		s.Lists = pick(g, "all", "0")
	}
	if g.one(3) {
		s.Reading = pick(g, slices.Sorted(maps.Keys(readings))...)
	}
	s.DefaultRows = g.one(5)
	s.Alias = g.one(8)
	g.alias = s.Alias
	if g.one(10) {
		s.Lag = pick(g, 100, 1000)
	}
	if g.lists = g.one(5); g.lists {
		s.PageSize = pick(g, 2, 3, 4, 12) // a response that shows a seam has 11 rows (package paging)
		if g.one(2) {
			s.Lists = pick(g, "all", "0")
		}
	}
	if g.outrun = g.one(12); g.outrun { // one create after the other, so that lists are the evidence for most of them
		s.Parallelism, s.Duplicates = 1, "the-first-again"
	}
	g.listed = s.Lists != ""
	if g.hidden = s.PageSize - 1; s.PageSize == 0 {
		g.hidden = people
	}
	return s
}

func (g *generator) edit(list *[]edit, e edit) {
	next := *g.config
	next.keys, next.removed = slices.Clone(next.keys), maps.Clone(next.removed)
	next.edit(e)
	mixed := func(k keyed) bool {
		return (block(k.addr) == aliased) != (k.User >= aliasedUser && k.User < countedUser)
	}
	if g.alias && slices.ContainsFunc(next.keys, mixed) {
		return
	}
	*list, *g.config = append(*list, e), next
}

// start is the first configuration, and memberships that others have added.
func (g *generator) start() (s step) {
	// Most faults need few people, and small histories are fast. Lists need many.
	size := pick(g, 4, 4, 8, 13)
	switch {
	case g.lists:
		size = 13
	case g.outrun:
		size = 8
	}
	for i := range g.IntN(size) {
		addr := fmt.Sprintf("%s[\"k%d\"]", pick(g, "m", "m", "n", byEmail, deferred), i)
		g.edit(&s.Edits, edit{What: editAdd, Addr: addr, Who: g.keyedPerson()})
	}
	for range g.IntN(size) {
		g.edit(&s.Edits, edit{What: editAppend, Who: person{User: g.countedUser()}})
	}
	for range g.IntN(size) {
		p := person{g.IntN(people), g.IntN(groups)}
		if !g.config.has(p) {
			s.Events = append(s.Events, event{Phase: phasePlan, What: eventAdd, Who: p})
		}
	}
	for n := 0; n < g.hidden && g.one(4); n++ {
		e := eventAt(pick(g, phasePlan, phaseApply), g.IntN(8), eventHidden)
		e.Who.Group = g.IntN(groups)
		s.Events = append(s.Events, e)
	}
	return s
}

func (g *generator) keyedPerson() person { return person{g.IntN(countedUser), g.IntN(groups)} }
func (g *generator) countedUser() int    { return countedUser + g.IntN(people-countedUser) }

// anyone returns a person in a group. In most cases, the configuration names this person.
func (g *generator) anyone() person {
	keys, n := len(g.config.keys), len(g.config.keys)+len(g.config.counted)
	if n == 0 || g.one(4) {
		return person{g.IntN(people), g.IntN(groups)}
	}
	if i := g.IntN(n); i < keys {
		return g.config.keys[i].person
	} else {
		return person{User: g.config.counted[i-keys]}
	}
}

func (g *generator) outside(phase string, at int, what ...string) event {
	return event{Phase: phase, At: at, What: pick(g, what...), Who: g.anyone()}
}

// disturb adds changes outside Terraform, faults and interrupts to a step.
func (g *generator) disturb(s *step) {
	switch {
	case g.one(4):
		g.incident(s)
		return
	case g.lists && g.one(4):
		g.removeEnds(s)
		return
	}
	any := []string{eventAdd, eventRemove, eventAgain}
	phase := func() string { return pick(g, phasePlan, phaseApply) }
	add := func(e event) { s.Events = append(s.Events, e) }
	if g.one(3) {
		for range 1 + g.IntN(4) {
			add(g.outside(phasePlan, 0, any...))
		}
	}
	if g.lists {
		g.disturbLists(s)
	}
	if g.one(5) {
		add(g.outside(phaseApply, 0, any...))
	}
	for g.one(3) {
		e := g.outside(phase(), 0, any...)
		g.moment(&e)
		add(e)
	}
	if g.one(8) {
		add(g.outside(phase(), g.IntN(10), eventLeave))
	}
	if g.one(6) {
		e := event{Phase: phase(), What: eventInterrupt}
		g.moment(&e)
		add(e)
	}
	if g.one(12) {
		e := event{Phase: phaseApply, What: eventKill}
		g.moment(&e)
		add(e)
	}
	if g.one(12) {
		e := event{Phase: phase(), What: eventOutage, Secs: pick(g, 1, 10, 100)}
		g.moment(&e)
		add(e)
	}
	for g.one(2) {
		s.Faults = append(s.Faults, g.fault())
	}
	s.NoRefresh = g.one(6)
	if g.one(5) {
		s.Command = pick(g, commandPlan, commandDestroy, commandRefreshOnly, commandQuery)
	}
}

// incident adds faults and events that show something only together.
func (g *generator) incident(s *step) {
	limited := func(phase, method string, times int) fault {
		return fault{Phase: phase, Method: method, Times: times, Effect: kantatatest.ReturnStatus, Status: 429, RetryAfter: 30}
	}
	get := fault{Phase: phasePlan, Method: http.MethodGet, Effect: kantatatest.ReturnStatus}
	switch g.IntN(8) {
	case 0: // a Ctrl-C while requests wait
		f := limited(phaseApply, pick(g, http.MethodPost, http.MethodDelete), 40)
		if f.Status = pick(g, 429, 503); g.one(4) {
			f.Phase, f.Method = phasePlan, http.MethodGet
		}
		s.Faults = append(s.Faults, f)
		s.Events = append(s.Events, event{Phase: f.Phase, After: 1 + g.IntN(30_000), What: eventInterrupt})
	case 1: // creates that may still be running, and a Ctrl-C while they are looked up
		s.Faults = append(s.Faults, fault{
			Phase: phaseApply, Method: http.MethodPost, Times: 40, Effect: kantatatest.ReturnStatus, Status: 504,
		})
		if g.one(2) {
			s.Events = append(s.Events, event{Phase: phaseApply, After: 1 + g.IntN(30_000), What: eventInterrupt})
		}
	case 2: // someone adds a membership while its create waits
		s.Faults = append(s.Faults, limited(phaseApply, http.MethodPost, 1))
		e := g.outside(phaseApply, 0, eventAdd)
		e.After = 1 + g.IntN(10_000)
		s.Events = append(s.Events, e)
	case 3: // deletes whose outcome is not known
		get.Phase, get.Times, get.ByID, get.Status = phaseApply, 40, true, 503
		s.Faults = append(s.Faults, get, fault{
			Phase: phaseApply, Method: http.MethodDelete, Times: pick(g, 5, 10, 40), Skip: g.IntN(6),
			Effect: kantatatest.ReturnStatusAfter, Status: 502,
		})
	case 4: // a few lookups fail
		get.Times, get.Skip, get.Status = 1+g.IntN(3), g.IntN(3), pick(g, 400, 404, 503)
		s.Faults = append(s.Faults, get)
	case 5: // a rate limit that does not end
		phase := pick(g, phasePlan, phaseApply)
		s.Faults = append(s.Faults, limited(phase, http.MethodGet, 40), limited(phase, http.MethodPost, 40))
	case 6:
		g.removeEnds(s)
	case 7: // the token has lost a permission, so lists are empty; no client can detect that in the list of a data source
		if !g.listed {
			s.Command = commandRefreshOnly
			get.Times = 40
			list := get
			get.ByID, get.Status, list.Effect = true, 403, kantatatest.NoResults
			s.Faults = append(s.Faults, get, list)
		}
	}
}

// failPages lets requests fail while creates are planned, most likely those of the list of the first group, which lookups wait for. If a
// quick reading of the list fails, another one follows.
func (g *generator) failPages(s *step) {
	for u := range countedUser {
		if p := (person{User: u}); !g.config.has(p) {
			s.Events = append(s.Events, event{Phase: phasePlan, What: eventAdd, Who: p})
		}
	}
	s.Faults = append(s.Faults, fault{
		Phase: phasePlan, Method: http.MethodGet, Times: 1 + g.IntN(10), Skip: 11 + g.IntN(8),
		Effect: kantatatest.ReturnStatus, Status: pick(g, 400, 404),
	})
}

// removeEnds lets lists change while they are read. No row of them comes twice if the last page has only one row. The first four requests
// are those of the first pages, and the next four those of the last pages.
func (g *generator) removeEnds(s *step) {
	s.Command = commandQuery
	for group := range groups {
		s.Events = append(s.Events, event{Phase: phasePlan, At: 5 + g.IntN(6), What: eventEnds, Who: person{Group: group}})
	}
}

// addWhatIsCreated lets someone else add people while the apply adds them.
func (g *generator) addWhatIsCreated(s *step) {
	for range 5 {
		s.Events = append(s.Events, g.outside(phaseApply, 1+g.IntN(25), eventAdd))
	}
	for range 1 + g.IntN(5) {
		s.Faults = append(s.Faults, fault{
			Phase: phaseApply, Method: http.MethodPost, Times: 1, Skip: g.IntN(8), Effect: kantatatest.ReturnStatus, Status: 502,
		})
	}
}

// moment puts an event at a request, or at a time that does not depend on one.
func (g *generator) moment(e *event) {
	if g.one(2) {
		e.At = 1 + g.IntN(25)
	} else {
		e.After = 1 + g.IntN(pick(g, 20, 200, 2000))
	}
}

func eventAt(phase string, at int, what string) event { return event{Phase: phase, At: at, What: what} }

// disturbLists changes what lists of several pages show while they are read.
func (g *generator) disturbLists(s *step) {
	for range 2 + g.IntN(6) {
		s.Events = append(s.Events, g.outside(phasePlan, 0, eventAgain, eventAgain, eventRemove))
	}
	if g.one(2) { // the whole count list was removed and added again: every ID in the state is wrong
		s.Events = nil
		for _, u := range g.config.counted {
			s.Events = append(s.Events, event{Phase: phasePlan, What: eventAgain, Who: person{User: u}})
		}
		// A row of the first page is removed while the others are read.
		s.Events = append(s.Events, event{Phase: phasePlan, At: 3 + g.IntN(3), What: eventEnds})
	}
	for range 1 + g.IntN(4) {
		s.Events = append(s.Events, g.outside(phasePlan, 1+g.IntN(25), eventAgain))
	}
}

// edits changes the configuration of a later step.
func (g *generator) edits() (list []edit) {
	for range 1 + g.IntN(3) {
		addr := fmt.Sprintf("m[%q]", "none")
		if len(g.config.keys) > 0 {
			addr = g.config.keys[g.IntN(len(g.config.keys))].addr
		}
		g.editKeys(&list, addr)
		g.editCounts(&list)
	}
	for _, what := range []string{editTarget, editReplace, editTaint, editImport, editStateRemove} {
		if g.one(12) {
			for range 1 + g.IntN(2) {
				list = append(list, edit{What: what, Addr: g.address()})
			}
		}
	}
	if slices.ContainsFunc(list, func(e edit) bool { return e.What == editStateRemove }) {
		list = append(list, edit{What: editImport, Addr: list[len(list)-1].Addr})
	}
	g.config.begin()
	return list
}

// address returns a random address of the configuration.
func (g *generator) address() string {
	var all []string
	for _, k := range g.config.keys {
		all = append(all, k.addr)
	}
	for i := range g.config.counted {
		all = append(all, countAddr(i))
	}
	return pick(g, append(all, `m["none"]`)...)
}

func (g *generator) editKeys(list *[]edit, addr string) {
	fresh := fmt.Sprintf("%s[\"n%d\"]", pick(g, "m", "n", byEmail, deferred), g.IntN(1000))
	switch g.IntN(15) {
	case 0:
		g.edit(list, edit{What: editAdd, Addr: fresh, Who: g.keyedPerson()})
	case 1:
		g.edit(list, edit{What: editRemove, Addr: addr})
	case 2:
		g.renameSome(list)
	case 3:
		if n := len(g.config.keys); n > 1 {
			g.edit(list, edit{What: editSwap, Addr: addr, To: g.config.keys[g.IntN(n)].addr})
		}
	case 4:
		g.edit(list, edit{What: editUser, Addr: addr, Who: person{User: g.IntN(countedUser)}})
	case 5:
		g.edit(list, edit{What: editGroup, Who: person{Group: g.IntN(groups)}})
	case 6: // to another resource block
		to := pick(g, "m", "n", byEmail, deferred) + strings.TrimPrefix(addr, block(addr))
		g.edit(list, edit{What: pick(g, editRename, editMove), Addr: addr, To: to})
	case 7:
		if g.one(3) && len(g.config.keys) > 0 {
			g.edit(list, edit{What: editDuplicate, Addr: fresh, Who: g.anyone()})
			if g.one(2) { // two addresses hold the membership
				*list = append(*list, edit{What: editImport, Addr: fresh})
			}
		}
	case 8:
		if g.one(3) {
			g.edit(list, edit{What: pick(g, editForget, editDestroy), Addr: "n"})
		}
	case 9:
		g.edit(list, edit{What: pick(g, editCreateFirst, editAdopt)})
	case 10:
		if i := g.config.find(addr); i >= 0 && g.one(3) {
			g.importElsewhere(list, addr, fresh, g.config.keys[i].person)
		}
	}
}

// importElsewhere imports the membership of an address at another one. The first address gets another person, and may be tainted.
func (g *generator) importElsewhere(list *[]edit, addr, to string, who person) {
	g.edit(list, edit{What: editUser, Addr: addr, Who: person{User: g.IntN(countedUser)}})
	g.edit(list, edit{What: editAdd, Addr: to, Who: who})
	*list = append(*list, edit{What: editImport, Addr: to})
	if g.one(2) {
		*list = append(*list, edit{What: editTaint, Addr: addr})
	}
}

func (g *generator) renameSome(list *[]edit) {
	what := pick(g, editRename, editRename, editMove)
	for _, k := range slices.Clone(g.config.keys) {
		if g.one(2) {
			g.edit(list, edit{What: what, Addr: k.addr, To: strings.TrimSuffix(k.addr, `"]`) + `x"]`})
		}
	}
}

func (g *generator) editCounts(list *[]edit) {
	switch g.IntN(8) {
	case 0, 1:
		g.edit(list, edit{What: editDrop})
	case 2:
		g.edit(list, edit{What: editAppend, Who: person{User: g.countedUser()}})
	case 3:
		g.edit(list, edit{What: editInsert, Who: person{User: g.countedUser()}})
	case 4:
		if n := len(g.config.counted); n > 0 {
			g.edit(list, edit{What: editDrop, Index: g.IntN(n)})
		}
	}
}

// fault returns a random fault of the embedded Kantata, except for two that no client can detect: an empty list that claims to be complete,
// and a membership that is never found by its ID while lists are empty.
func (g *generator) fault() fault {
	f := fault{
		Phase: pick(g, phasePlan, phaseApply), Method: pick(g, http.MethodGet, http.MethodPost, http.MethodDelete),
		Skip: g.IntN(6), Times: 1 + g.IntN(5),
	}
	if f.Phase == phasePlan {
		f.Method = http.MethodGet
	}
	if g.one(8) {
		f.Times = 40
	}
	get := f.Method == http.MethodGet
	f.ByID = get && g.one(3)
	switch g.IntN(10) {
	case 0:
		f.Effect, f.Status = kantatatest.ReturnStatus, pick(g, 500, 502, 503, 504)
	case 1:
		f.Effect, f.Status, f.RetryAfter = kantatatest.ReturnStatus, http.StatusTooManyRequests, pick(g, 0, 1, 30)
	case 2:
		f.Effect, f.Status, f.HTML = kantatatest.ReturnStatusAfter, pick(g, 502, 503, 504), g.one(2)
	case 3:
		f.Effect = pick(g, kantatatest.ResetBefore, kantatatest.ResetAfter)
	case 4:
		f.Effect = pick(g, kantatatest.HangBefore, kantatatest.HangAfter)
	case 5:
		f.Effect = pick(g, kantatatest.CutBody, kantatatest.TruncateJSON)
	case 6:
		f.Effect = kantatatest.LoginPage
		if g.one(2) {
			f.Effect, f.Status, f.HTML = kantatatest.ReturnStatus, http.StatusOK, true
		}
	case 7:
		f.Effect = kantatatest.NoResults
		if get {
			f.Effect = kantatatest.ResetAfter
		}
	case 8:
		f.Effect, f.Later = kantatatest.LateCommit, g.IntN(6)
		if f.Method != http.MethodPost {
			f.Effect, f.Status, f.Later = kantatatest.ReturnStatusAfter, 504, 0
		}
	case 9:
		f.Effect, f.Status = kantatatest.ReturnStatus, pick(g, 401, 403, 404, 422)
		if get && f.Status == http.StatusUnprocessableEntity {
			f.Status = http.StatusBadRequest
		}
		f.ByID = f.ByID || get && f.Status == http.StatusNotFound
	}
	return f
}
