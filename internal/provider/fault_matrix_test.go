package provider

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// The fault matrix has a cell for each operation, fault and moment. A cell says what Kantata and the state contain afterward, how many
// writes were sent, and whether the user gets an error.

const (
	// attempts is how many times a request is sent that fails each time and may be repeated.
	attempts = 1 + defaultMaxRetries
	// attemptsOfOutage is how many times a request is sent that never gets a response. The first attempt takes the whole request_timeout
	// and begins an outage. Of the outage's 30 seconds, 27 are for probes of at most 10 seconds, with pauses of at most 0.5, 1 and 2
	// seconds before them: there is time for two whole probes, and for 3.5 seconds or more of a third.
	attemptsOfOutage = 1 + 3
)

// held is what the state contains after the operation.
type held int

const (
	absent held = iota // the state does not contain the resource
	kept               // the state contains the same membership as before
	holds              // the state contains the ID that Kantata has
)

type cell struct {
	name    string
	fault   func(fake *kantatatest.Server) // arranges the fault; nil for none
	kantata int                            // memberships of the pair that Kantata has afterward
	state   held
	writes  int    // POSTs or DELETEs that arrived; many for more than two
	says    string // part of the error; "" for success
	warns   string // part of the warning; "" for none
	dialect kantatatest.Dialect

	interrupt bool // the run is interrupted when the write has arrived
	twice     bool // a second resource of the configuration does the same
}

// many is a number of writes that depends on time.
const many = -1

// redirect redirects one request to a path of the API.
func redirect(method, to string) func(*kantatatest.Server) {
	return inject(kantatatest.Fault{
		Method: method, Effect: kantatatest.ReturnStatus, Status: 307, Header: http.Header{"Location": {"/api/v1" + to}}, Times: 1,
	})
}

// always404 returns the 404 page of a proxy.
func always404(method, path string) func(*kantatatest.Server) {
	return inject(kantatatest.Fault{
		Method: method, Path: path, Effect: kantatatest.ReturnStatus, Status: 404, Body: html, Header: http.Header{"Content-Type": {"text/html"}},
	})
}

func createCells() []cell {
	post, get := http.MethodPost, http.MethodGet
	late := func(status, looks int) func(*kantatatest.Server) {
		return inject(kantatatest.Fault{Method: post, Effect: kantatatest.LateCommit, Status: status, Looks: looks, Times: 1})
	}
	race := func(fake *kantatatest.Server) {
		var done atomic.Bool
		fake.OnRequest(func(r kantatatest.Request) {
			if r.Method == post && done.CompareAndSwap(false, true) {
				fake.AddMembership(group, user)
			}
		})
	}
	cells := []cell{
		{name: "no fault", kantata: 1, state: holds, writes: 1},
		{name: "429 once", fault: once(post, kantatatest.ReturnStatus, 429), kantata: 1, state: holds, writes: 2},
		{name: "504 before, once", fault: once(post, kantatatest.ReturnStatus, 504), state: absent, writes: 1, says: "may still appear"},
		{name: "timeout before", fault: once(post, kantatatest.HangBefore, 0), state: absent, writes: 1, says: "may still appear"},
		{name: "reset before, once", fault: once(post, kantatatest.ResetBefore, 0), kantata: 1, state: holds, writes: 2},
		{
			name: "reset before, always", fault: always(post, kantatatest.ResetBefore, 0), state: absent, writes: attempts,
			says: "Unable to Create",
		},
		{name: "503 before, always", fault: always(post, kantatatest.ReturnStatus, 503), state: absent, writes: attempts, says: "503"},
		{name: "504 with late commit", fault: late(504, 2), kantata: 1, state: holds, writes: 1},
		{name: "502 with late commit, second refused", fault: late(502, 2), kantata: 1, state: holds, writes: 2},
		{name: "another run at the same moment", fault: race, kantata: 1, state: absent, writes: 1, says: "import {"},
		{
			name: "another run at the same moment, 200", fault: race, kantata: 1, state: holds, writes: 1,
			dialect: kantatatest.Dialect{Duplicates: kantatatest.DuplicateReturnsExisting},
		},
		{
			name:  "502 after, then the lookup fails",
			fault: all(afterWrite(kantatatest.ReturnStatus, 503), once(post, kantatatest.ReturnStatusAfter, 502)), kantata: 1, state: absent,
			writes: 1, says: "340001",
		},
		{
			name:  "502 before, then the lookup is a login page",
			fault: all(afterWrite(kantatatest.LoginPage, 0), once(post, kantatatest.ReturnStatus, 502)), state: absent, writes: 1, says: "340001",
		},
		{
			name:  "reset after, then the lookup is refused",
			fault: all(afterWrite(kantatatest.ReturnStatus, 403), once(post, kantatatest.ResetAfter, 0)), kantata: 1, state: absent, writes: 1,
			says: "340001",
		},
		{
			name:  "redirect",
			fault: redirect(post, "/access_group_memberships"),
			state: absent, writes: 1, says: "redirect",
		},
		{
			name: "422 that repeats the token",
			fault: inject(kantatatest.Fault{
				Method: post, Effect: kantatatest.ReturnStatus, Status: 422, Body: `{"errors":[{"message":"` + kantatatest.Token + `"}]}`,
			}),
			state: absent, writes: 1, says: "[redacted]",
		},
		{name: "interrupt, done", fault: once(post, kantatatest.HangAfter, 0), interrupt: true, kantata: 1, state: holds, writes: 1},
		{
			name: "interrupt, not done", fault: once(post, kantatatest.HangBefore, 0), interrupt: true, state: absent, writes: 1,
			says: "may still appear",
		},
		{name: "lookup before: 401", fault: always(get, kantatatest.ReturnStatus, 401), state: absent, writes: 0, says: "401"},
		{name: "lookup before: 503 always", fault: always(get, kantatatest.ReturnStatus, 503), state: absent, writes: 0, says: "503"},
		{name: "lookup before: 503 once", fault: once(get, kantatatest.ReturnStatus, 503), kantata: 1, state: holds, writes: 1},
		{
			name: "lookup before: login page always", fault: always(get, kantatatest.LoginPage, 0), state: absent, writes: 0,
			says: "Unable to Create",
		},
	}
	for _, status := range []int{500, 502, 503} {
		cells = append(cells,
			cell{
				name: fmt.Sprintf("%d before, once", status), fault: once(post, kantatatest.ReturnStatus, status), kantata: 1, state: holds,
				writes: 2,
			},
			cell{
				name: fmt.Sprintf("%d after, once", status), fault: once(post, kantatatest.ReturnStatusAfter, status), kantata: 1, state: holds,
				writes: 1,
			},
		)
	}
	for name, effect := range map[string]kantatatest.Effect{
		"reset after": kantatatest.ResetAfter, "timeout after": kantatatest.HangAfter, "body cut": kantatatest.CutBody,
		"half the JSON": kantatatest.TruncateJSON, "login page": kantatatest.LoginPage, "no results": kantatatest.NoResults,
	} {
		cells = append(cells, cell{name: name, fault: once(post, effect, 0), kantata: 1, state: holds, writes: 1})
	}
	cells = append(cells, cell{name: "504 after", fault: once(post, kantatatest.ReturnStatusAfter, 504), kantata: 1, state: holds, writes: 1})
	for _, status := range []int{400, 401, 403, 404, 422} {
		cells = append(cells, cell{
			name: fmt.Sprintf("%d", status), fault: always(post, kantatatest.ReturnStatus, status), state: absent, writes: 1,
			says: fmt.Sprint(status),
		})
	}
	for name, style := range map[string]kantatatest.DuplicateStyle{
		"refused": kantatatest.DuplicateRefused, "returned as the first": kantatatest.DuplicateReturnsExisting,
		"doubled": kantatatest.DuplicateCreatesSecond,
	} {
		cells = append(cells, cell{
			name: "exists, duplicates are " + name, fault: func(fake *kantatatest.Server) { fake.AddMembership(group, user) },
			kantata: 1, state: absent, writes: 0, says: "import {", dialect: kantatatest.Dialect{Duplicates: style},
		}, cell{
			name: "two resources, duplicates are " + name, twice: true,
			kantata: 1, state: absent, writes: 1, says: "Two resources", dialect: kantatatest.Dialect{Duplicates: style},
		})
	}
	return cells
}

func deleteCells() []cell {
	del := http.MethodDelete
	removed := func(fake *kantatatest.Server) { fake.RemoveMembership(fake.Memberships()[0].ID) }
	readded := func(fake *kantatatest.Server) { removed(fake); fake.AddMembership(group, user) }
	cells := []cell{
		{name: "no fault, 200", state: absent, writes: 1},
		{name: "no fault, 204", state: absent, writes: 1, dialect: kantatatest.Dialect{DeleteStatus: 204}},
		{name: "429 once", fault: once(del, kantatatest.ReturnStatus, 429), state: absent, writes: 2},
		{name: "removed outside Terraform", fault: removed, state: absent, writes: 1},
		{name: "added again outside Terraform", fault: readded, state: absent, writes: 2},
		{
			name: "removed outside Terraform, lookup refused", fault: all(removed, lists(kantatatest.ReturnStatus, 403)), state: kept, writes: 1,
			says: "403",
		},
		{
			name: "removed outside Terraform, lookup unavailable", fault: all(removed, lists(kantatatest.ReturnStatus, 503)), state: kept,
			writes: 1, says: "503",
		},
		{
			name:  "login page before, once",
			fault: inject(kantatatest.Fault{Method: del, Effect: kantatatest.ReturnStatus, Status: 200, Body: html, Times: 1}), state: absent,
			writes: 2,
		},
		{
			name:  "login page before, always",
			fault: inject(kantatatest.Fault{Method: del, Effect: kantatatest.ReturnStatus, Status: 200, Body: html}), kantata: 1, state: kept,
			writes: attempts, says: "Unable to Delete",
		},
		{
			name:    "redirect",
			fault:   redirect(del, "/access_group_memberships/56000101"),
			kantata: 1, state: kept, writes: 1, says: "redirect",
		},
		{
			name:    "404 of a proxy",
			fault:   always404(del, ""),
			kantata: 1, state: kept, writes: 1, says: "404",
		},
	}
	for _, status := range []int{400, 401, 403, 422} {
		cells = append(cells, cell{
			name: fmt.Sprint(status), fault: always(del, kantatatest.ReturnStatus, status), kantata: 1, state: kept, writes: 1,
			says: fmt.Sprint(status),
		})
	}
	for _, status := range []int{500, 502, 503, 504} {
		cells = append(cells,
			cell{name: fmt.Sprintf("%d before, once", status), fault: once(del, kantatatest.ReturnStatus, status), state: absent, writes: 2},
			cell{name: fmt.Sprintf("%d after, once", status), fault: once(del, kantatatest.ReturnStatusAfter, status), state: absent, writes: 2},
			cell{
				name: fmt.Sprintf("%d before, always", status), fault: always(del, kantatatest.ReturnStatus, status), kantata: 1, state: kept,
				writes: attempts, says: fmt.Sprint(status),
			},
		)
	}
	cells = append(cells,
		cell{name: "reset before, once", fault: once(del, kantatatest.ResetBefore, 0), state: absent, writes: 2},
		cell{
			name: "reset before, always", fault: always(del, kantatatest.ResetBefore, 0), kantata: 1, state: kept, writes: many,
			says: "Unable to Delete",
		},
		cell{name: "timeout before, once", fault: once(del, kantatatest.HangBefore, 0), state: absent, writes: 2},
		cell{
			name: "timeout before, always", fault: always(del, kantatatest.HangBefore, 0), kantata: 1, state: kept, writes: attemptsOfOutage,
			says: "Unable to Delete",
		},
	)
	for name, effect := range map[string]kantatatest.Effect{
		"reset": kantatatest.ResetAfter, "timeout": kantatatest.HangAfter, "login page": kantatatest.LoginPage,
	} {
		cells = append(cells, cell{name: name + " after, once", fault: once(del, effect, 0), state: absent, writes: 2})
	}
	return cells
}

func readCells() []cell {
	get := http.MethodGet
	removed := func(fake *kantatatest.Server) { fake.RemoveMembership(fake.Memberships()[0].ID) }
	readded := func(fake *kantatatest.Server) { removed(fake); fake.AddMembership(group, user) }
	cells := []cell{
		{name: "no fault", kantata: 1, state: kept},
		{name: "removed outside Terraform", fault: removed, state: absent},
		{name: "added again outside Terraform", fault: readded, kantata: 1, state: holds},
		{name: "empty lists", fault: lists(kantatatest.EmptyList, 0), kantata: 1, state: kept},
		{
			name: "empty lists and a GET without results", fault: always(get, kantatatest.EmptyList, 0), kantata: 1, state: kept,
			says: "Unable to Read",
		},
		{name: "lists without results", fault: lists(kantatatest.NoResults, 0), kantata: 1, state: kept},
		{
			name: "removed outside Terraform, the GET fails", fault: all(removed, shows(kantatatest.ReturnStatus, 503, 0)), state: kept,
			says: "503",
		},
		{
			name:    "removed outside Terraform, the GET is a 404 of a proxy",
			fault:   all(lists(kantatatest.EmptyList, 0), always404(get, "/access_group_memberships/")),
			kantata: 1, state: kept, says: "404",
		},
		{name: "removed outside Terraform, the lists fail", fault: all(removed, lists(kantatatest.ReturnStatus, 503)), state: kept, says: "503"},
		{
			name: "removed outside Terraform, every GET is a login page", fault: all(removed, always(get, kantatatest.LoginPage, 0)), state: kept,
			says: "Unable to Read",
		},
		{name: "429 once", fault: once(get, kantatatest.ReturnStatus, 429), kantata: 1, state: kept},
	}
	for _, status := range []int{500, 502, 503, 504} {
		cells = append(cells,
			cell{name: fmt.Sprintf("%d once", status), fault: once(get, kantatatest.ReturnStatus, status), kantata: 1, state: kept},
			cell{
				name: fmt.Sprintf("%d always", status), fault: always(get, kantatatest.ReturnStatus, status), kantata: 1, state: kept,
				says: fmt.Sprint(status),
			},
		)
	}
	for _, status := range []int{400, 401, 403, 422} {
		cells = append(cells, cell{
			name: fmt.Sprint(status), fault: always(get, kantatatest.ReturnStatus, status), kantata: 1, state: kept, says: fmt.Sprint(status),
		})
	}
	for name, effect := range map[string]kantatatest.Effect{
		"reset": kantatatest.ResetBefore, "timeout": kantatatest.HangBefore, "body cut": kantatatest.CutBody,
		"half the JSON": kantatatest.TruncateJSON, "login page": kantatatest.LoginPage,
	} {
		summary := "Unable to Read"
		if effect == kantatatest.HangBefore {
			summary = "Kantata Not Reachable"
		}
		cells = append(cells, cell{name: name + ", always", fault: always(get, effect, 0), kantata: 1, state: kept, says: summary})
		if effect != kantatatest.LoginPage && effect != kantatatest.TruncateJSON {
			cells = append(cells, cell{name: name + ", once", fault: once(get, effect, 0), kantata: 1, state: kept})
		}
	}
	return cells
}

func TestFaultMatrix(t *testing.T) {
	for operation, cells := range map[string][]cell{"create": createCells(), "delete": deleteCells(), "read": readCells()} {
		for _, c := range cells {
			runInFakeTime(t, operation+"/"+c.name, func(t *testing.T, fake *kantatatest.Server) {
				playCell(t, fake, operation, c)
			}, kantatatest.WithDialect(c.dialect))
		}
	}
}

func playCell(t *testing.T, fake *kantatatest.Server, operation string, c cell) {
	t.Helper()
	pair := fmt.Sprint(group)
	person := fmt.Sprint(user)

	var before state
	if operation != "create" {
		fake.AddMembership(group, user)
		s, text := newRun(t, fake).importID(t.Context(), pair+"/"+person)
		if text != "" {
			t.Fatalf("got the error %q, want none", text)
		}
		before = s
	}
	if c.fault != nil {
		c.fault(fake)
	}
	fake.ResetRequests()

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	if c.interrupt {
		fake.OnRequest(func(r kantatatest.Request) {
			if r.Method != http.MethodGet {
				interrupt()
			}
		})
	}
	r := newRun(t, fake)
	var after state
	var said string
	method := ""
	switch operation {
	case "create":
		method = http.MethodPost
		if c.twice {
			if _, said := r.create(ctx, pair, person); said != "" {
				t.Fatalf("got the error %q, want none", said)
			}
		}
		after, said = r.create(ctx, pair, person)
	case "delete":
		method = http.MethodDelete
		after, said = r.delete(ctx, before)
	case "read":
		after, said = r.read(ctx, before)
	}

	if failed := strings.Contains(said, "ERROR"); failed != (c.says != "") || !strings.Contains(said, c.says) {
		t.Errorf("got %q, want an error with %q", said, c.says)
	}
	if warned := strings.Contains(said, "WARNING"); warned != (c.warns != "") || !strings.Contains(said, c.warns) {
		t.Errorf("got %q, want a warning with %q", said, c.warns)
	}
	if strings.Contains(said, kantatatest.Token) {
		t.Errorf("got the token in %q, want it redacted", said)
	}
	if got := len(fake.Memberships()); got != c.kantata {
		t.Errorf("got %d memberships in Kantata, want %d", got, c.kantata)
	}
	if got := writes(fake, method); got != c.writes && (c.writes != many || got <= 2) {
		t.Errorf("got %d writes, want %d: %v", got, c.writes, fake.Requests())
	}
	switch c.state {
	case absent:
		if after != nil {
			t.Errorf("got the state %v, want none", after)
		}
	case kept:
		if after["id"] != before["id"] || after == nil {
			t.Errorf("got the state %v, want %v", after, before)
		}
	case holds:
		if id := fmt.Sprint(fake.Memberships()[0].ID); after["id"] != id {
			t.Errorf("got the state %v, want the ID %s", after, id)
		}
	}

	if c.says == "" && after != nil {
		fake.ClearFaults()
		again, said := newRun(t, fake).read(t.Context(), after)
		if said != "" || again["id"] != after["id"] {
			t.Errorf("read of the next plan: got %v and the error %q, want %v", again, said, after)
		}
	}
}
