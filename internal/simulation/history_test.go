package simulation

import (
	"fmt"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// A history is everything that happens in one simulation, as plain data. It is made from a seed, printed and read as a script
// (script_test.go), and made smaller by leaving parts out (shrink_test.go). A part that no longer fits after others were left out has
// no effect, so every history can be run.
type history struct {
	// About says in a sentence or two what the script shows.
	About string
	// Known names the change that will repair what Finds names. A script with Known must fail.
	Known string
	// Finds are the kinds of violations that a known script must find.
	Finds []string

	settings
	Steps []step
}

// settings hold for a whole history.
type settings struct {
	// Seed decides how long each request takes and in which order Terraform starts what is ready.
	Seed        uint64
	CLI         string // one of products
	Parallelism int
	// PageSize is the most rows that Kantata puts on a page; 0 means 200.
	PageSize     int
	Latency      int // the longest time that a request or a response takes on the network, in ms
	Duplicates   string
	DeleteStatus int
	Reading      string // one of readings, or "" for the likely one
	// Alias says that a second provider configuration manages block n, for people whom no other block names: rule 11 ends at a process.
	Alias       bool
	DefaultRows bool // every person has a row in a group that no one manages here
	// Lag is the time, in ms, after which lists show a change. A GET of one membership shows it at once.
	Lag int
	// Lists is the access group that data sources list: a number, "all" or "". One is read in each plan, and one depends on block m, so it
	// is read in the apply if the plan creates or updates memberships of that block.
	Lists string
}

// person is one person in one access group, both given by small numbers.
type person struct{ User, Group int }

func (p person) pair() pair {
	return pair{fmt.Sprint(firstGroup + p.Group), fmt.Sprint(firstUser + p.User)}
}

// step is one run of Terraform with what happens before it and during it.
type step struct {
	// Command is apply (a plan and an apply), plan, destroy, refresh-only (a plan and an apply with -refresh-only), or query.
	Command   string
	NoRefresh bool
	Edits     []edit
	Events    []event
	Faults    []fault
}

// edit changes the configuration, adds an option to the command, or changes the state with a command of its own.
type edit struct {
	What  string
	Addr  string
	To    string
	Who   person
	Index int
}

// event happens once: when the At-th request of a phase arrives, so many milliseconds after the phase began, or before it if both are 0.
type event struct {
	Phase string // plan or apply
	At    int
	After int
	What  string
	Who   person
	Secs  int
}

// before reports whether the event happens before its phase.
func (e event) before() bool { return e.At == 0 && e.After == 0 }

// fault is what Kantata, or something in front of it, does to some requests of a phase.
type fault struct {
	Phase       string
	Times, Skip int
	Method      string
	ByID        bool // of GETs, only those of one membership
	Effect      kantatatest.Effect
	Status      int
	HTML        bool
	RetryAfter  int
	Later       int // for a late commit: the number of requests after which the membership appears
}

// block returns the resource block of an address such as m["jane"].
func block(addr string) string {
	name, _, _ := strings.Cut(addr, "[")
	return name
}

const (
	counted  = "c" // the block with count
	aliased  = "n" // the block that a second provider configuration may manage
	byEmail  = "e" // the block that names people by their e-mail address
	deferred = "d" // the block whose user_id comes from a terraform_data that may be unknown until apply
)

// quiet reports whether nothing goes wrong during the run itself.
func (s step) quiet() bool {
	for _, e := range s.Events {
		if !e.before() || e.Phase == phaseApply || s.NoRefresh {
			return false
		}
	}
	return len(s.Faults) == 0
}
