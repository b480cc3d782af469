package simulation

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// form is one line of a script: a format for fmt.Sprintf and fmt.Sscanf, and the fields of a T that it shows.
type form[T any] struct {
	format string
	fields func(*T) []any
	// is reports whether the line applies to a value when it is printed; set fills in what the text implies.
	is  func(*T) bool
	set func(*T)
}

func (f form[T]) print(v *T) string {
	var values []any
	for _, field := range f.fields(v) {
		values = append(values, reflect.ValueOf(field).Elem().Interface())
	}
	return fmt.Sprintf(f.format, values...)
}

// scan reads the line into v. Nothing but the line that print would write is accepted.
func (f form[T]) scan(line string, v *T) bool {
	next := *v
	if f.set != nil {
		f.set(&next)
	}
	fields := f.fields(&next)
	if n, _ := fmt.Sscanf(line, f.format, fields...); n != len(fields) || f.print(&next) != line {
		return false
	}
	*v = next
	return true
}

func scanAny[T any](forms []form[T], line string, v *T) error {
	for _, f := range forms {
		if f.scan(line, v) {
			return nil
		}
	}
	return fmt.Errorf("not understood: %q", line)
}

func printOne[T any](forms []form[T], v *T) string {
	for _, f := range forms {
		if f.is(v) {
			return f.print(v)
		}
	}
	panic(fmt.Sprintf("no form for %+v", *v))
}

// settingForms are the lines before the first step.
var settingForms = []form[settings]{
	settingForm("seed %d", func(s *settings) []any { return []any{&s.Seed} }),
	settingForm("%s runs %d operations at a time", func(s *settings) []any { return []any{&s.CLI, &s.Parallelism} }),
	settingForm("Kantata puts at most %d rows on a page", func(s *settings) []any { return []any{&s.PageSize} }).
		with(func(s *settings) bool { return s.PageSize > 0 }, func(*settings) {}),
	settingForm("Kantata responds to a second POST of a pair like this: %s", func(s *settings) []any { return []any{&s.Duplicates} }).
		with(func(s *settings) bool { return s.Duplicates != refusedDuplicate }, func(*settings) {}),
	settingForm("Kantata responds to a DELETE with %d", func(s *settings) []any { return []any{&s.DeleteStatus} }),
	settingForm("Kantata's responses differ from what is likely: %s", func(s *settings) []any { return []any{&s.Reading} }).
		with(func(s *settings) bool { return s.Reading != "" }, func(*settings) {}),
	settingForm("block n has a provider configuration of its own", func(*settings) []any { return nil }).
		with(func(s *settings) bool { return s.Alias }, func(s *settings) { s.Alias = true }),
	settingForm("every person has a row in a default group", func(*settings) []any { return nil }).
		with(func(s *settings) bool { return s.DefaultRows }, func(s *settings) { s.DefaultRows = true }),
	settingForm("a request takes up to %d ms each way", func(s *settings) []any { return []any{&s.Latency} }),
	settingForm("lists show a change after %d ms", func(s *settings) []any { return []any{&s.Lag} }).
		with(func(s *settings) bool { return s.Lag > 0 }, func(*settings) {}),
	settingForm("a data source lists group %s", func(s *settings) []any { return []any{&s.Lists} }).
		with(func(s *settings) bool { return s.Lists != "" }, func(*settings) {}),
}

func settingForm(format string, fields func(*settings) []any) form[settings] {
	return form[settings]{format, fields, func(*settings) bool { return true }, func(*settings) {}}
}

const refusedDuplicate = "refused"

// readings are the less likely readings of what the API's documentation leaves open.
var readings = map[string]func(*kantatatest.Dialect){
	"IDs-are-numbers":                  func(d *kantatatest.Dialect) { d.IDs = kantatatest.IDNumbers },
	"some-IDs-are-numbers":             func(d *kantatatest.Dialect) { d.IDs = kantatatest.IDMixed },
	"dates-without-time":               func(d *kantatatest.Dialect) { d.Dates = kantatatest.DateOnly },
	"optional-fields-are-null":         func(d *kantatatest.Dialect) { d.Optional = kantatatest.OptionalNull },
	"optional-fields-are-absent":       func(d *kantatatest.Dialect) { d.Optional = kantatatest.OptionalAbsent },
	"optional-fields-are-0":            func(d *kantatatest.Dialect) { d.Optional = kantatatest.OptionalZero },
	"optional-fields-are-blank":        func(d *kantatatest.Dialect) { d.Optional = kantatatest.OptionalBlank },
	"optional-fields-of-another-type":  func(d *kantatatest.Dialect) { d.Optional = kantatatest.OptionalOtherType },
	"errors-are-strings":               func(d *kantatatest.Dialect) { d.Errors = kantatatest.ErrorStrings },
	"page-count-is-1":                  func(d *kantatatest.Dialect) { d.PageCounts = kantatatest.PageCountOne },
	"page-count-is-too-high":           func(d *kantatatest.Dialect) { d.PageCounts = kantatatest.PageCountTooHigh },
	"page-count-is-absent":             func(d *kantatatest.Dialect) { d.PageCounts = kantatatest.PageCountAbsent },
	"hidden-rows-add-pages":            func(d *kantatatest.Dialect) { d.Hidden = kantatatest.HiddenAddsPages },
	"refused-deletes-are-not-found":    func(d *kantatatest.Dialect) { d.RefusedDeleteStatus = http.StatusNotFound },
	"addresses-are-compared-exactly":   func(d *kantatatest.Dialect) { d.EmailAddresses = kantatatest.EmailAddressExact },
	"a-DELETE-returns-an-empty-object": func(d *kantatatest.Dialect) { d.DeleteEmpty = true },
}

var duplicateStyles = map[string]kantatatest.DuplicateStyle{
	refusedDuplicate:   kantatatest.DuplicateRefused,
	"the-first-again":  kantatatest.DuplicateReturnsExisting,
	"a-second-is-made": kantatatest.DuplicateCreatesSecond,
}

// The edits of a step.
const (
	editAdd         = "add"
	editDuplicate   = "duplicate"
	editRemove      = "remove"
	editRename      = "rename"
	editMove        = "move"
	editSwap        = "swap"
	editUser        = "user"
	editGroup       = "group"
	editAppend      = "append"
	editInsert      = "insert"
	editDrop        = "drop"
	editForget      = "forget"
	editDestroy     = "destroy"
	editCreateFirst = "create first"
	editAdopt       = "adopt"
	editTarget      = "target"
	editReplace     = "replace"
	editImport      = "import"
	editTaint       = "taint"
	editStateRemove = "state rm"
)

func editForm(what, format string, fields func(*edit) []any) form[edit] {
	return form[edit]{format, fields, func(e *edit) bool { return e.What == what }, func(e *edit) { e.What = what }}
}

var editForms = []form[edit]{
	editForm(editAdd, "add %s = user %d in group %d", func(e *edit) []any { return []any{&e.Addr, &e.Who.User, &e.Who.Group} }),
	editForm(editDuplicate, "add a second address %s = user %d in group %d", func(e *edit) []any {
		return []any{&e.Addr, &e.Who.User, &e.Who.Group}
	}),
	editForm(editRemove, "remove %s", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editRename, "rename %s to %s without a moved block", func(e *edit) []any { return []any{&e.Addr, &e.To} }),
	editForm(editMove, "rename %s to %s with a moved block", func(e *edit) []any { return []any{&e.Addr, &e.To} }),
	editForm(editSwap, "%s and %s trade people", func(e *edit) []any { return []any{&e.Addr, &e.To} }),
	editForm(editUser, "%s is now user %d", func(e *edit) []any { return []any{&e.Addr, &e.Who.User} }),
	editForm(editGroup, "all keys are now in group %d", func(e *edit) []any { return []any{&e.Who.Group} }),
	editForm(editAppend, "append user %d to the count list", func(e *edit) []any { return []any{&e.Who.User} }),
	editForm(editInsert, "insert user %d at the head of the count list", func(e *edit) []any { return []any{&e.Who.User} }),
	editForm(editDrop, "remove element %d of the count list", func(e *edit) []any { return []any{&e.Index} }),
	editForm(editForget, "remove block %s with a removed block that keeps its objects", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editDestroy, "remove block %s with a removed block that destroys its objects", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editCreateFirst, "turn create_before_destroy on or off", func(*edit) []any { return nil }),
	editForm(editAdopt, "turn adopt_existing on or off", func(*edit) []any { return nil }),
	editForm(editTarget, "option -target=%s", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editReplace, "option -replace=%s", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editImport, "add an import block for %s", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editTaint, "terraform taint %s", func(e *edit) []any { return []any{&e.Addr} }),
	editForm(editStateRemove, "terraform state rm %s", func(e *edit) []any { return []any{&e.Addr} }),
}

// The events of a step.
const (
	eventAdd       = "add"
	eventRemove    = "remove"
	eventAgain     = "again"
	eventInterrupt = "interrupt"
	eventKill      = "kill"
	eventOutage    = "outage"
	eventHidden    = "hidden"
	eventEnds      = "ends"
	eventLeave     = "leave"
)

func eventForm(what, format string, fields func(*event) []any) form[event] {
	return form[event]{format, fields, func(e *event) bool { return e.What == what }, func(e *event) { e.What = what }}
}

func who(e *event) []any { return []any{&e.Who.User, &e.Who.Group} }

var eventForms = []form[event]{
	eventForm(eventAdd, "user %d is added to group %d outside Terraform", who),
	eventForm(eventRemove, "user %d is removed from group %d outside Terraform", who),
	eventForm(eventAgain, "user %d is removed from group %d and added again outside Terraform", who),
	eventForm(eventLeave, "user %d leaves the account", func(e *event) []any { return []any{&e.Who.User} }),
	eventForm(eventHidden, "a membership of group %d is added that lists count and never show", func(e *event) []any {
		return []any{&e.Who.Group}
	}),
	eventForm(eventEnds, "the first and the last membership of group %d are removed outside Terraform", func(e *event) []any {
		return []any{&e.Who.Group}
	}),
	eventForm(eventInterrupt, "Ctrl-C", func(*event) []any { return nil }),
	eventForm(eventKill, "Terraform and the provider are killed", func(*event) []any { return nil }),
	eventForm(eventOutage, "Kantata cannot be reached for %d s", func(e *event) []any { return []any{&e.Secs} }),
}

func (e event) String() string { return printOne(eventForms, &e) }

func (e edit) String() string { return printOne(editForms, &e) }

func faultForm(effect kantatatest.Effect, format string, fields func(*fault) []any) form[fault] {
	return form[fault]{format, fields, func(f *fault) bool { return f.Effect == effect }, func(f *fault) { f.Effect = effect }}
}

// with narrows a form to the faults for which a further property holds.
func (f form[T]) with(is func(*T) bool, set func(*T)) form[T] {
	wide := f
	f.is = func(v *T) bool { return wide.is(v) && is(v) }
	f.set = func(v *T) { wide.set(v); set(v) }
	return f
}

func nothing(*fault) []any  { return nil }
func status(f *fault) []any { return []any{&f.Status} }
func isHTML(f *fault) bool  { return f.HTML }
func setHTML(f *fault)      { f.HTML = true }

var faultForms = []form[fault]{
	faultForm(kantatatest.ReturnStatus, "is not done and returns %d as HTML", status).with(isHTML, setHTML),
	faultForm(kantatatest.ReturnStatus, "is not done and returns %d with Retry-After: %d", func(f *fault) []any {
		return []any{&f.Status, &f.RetryAfter}
	}).with(func(f *fault) bool { return f.RetryAfter > 0 }, func(*fault) {}),
	faultForm(kantatatest.ReturnStatus, "is not done and returns %d", status),
	faultForm(kantatatest.ReturnStatusAfter, "is done but returns %d as HTML", status).with(isHTML, setHTML),
	faultForm(kantatatest.ReturnStatusAfter, "is done but returns %d", status),
	faultForm(kantatatest.ResetBefore, "is not done and the connection breaks", nothing),
	faultForm(kantatatest.ResetAfter, "is done but the connection breaks", nothing),
	faultForm(kantatatest.HangBefore, "is not done and nothing is returned", nothing),
	faultForm(kantatatest.HangAfter, "is done but nothing is returned", nothing),
	faultForm(kantatatest.CutBody, "is done but the connection breaks within the body", nothing),
	faultForm(kantatatest.TruncateJSON, "is done but half of the JSON is returned", nothing),
	faultForm(kantatatest.LoginPage, "is done but a login page is returned", nothing),
	faultForm(kantatatest.NoResults, "is done but no results are returned", nothing),
	faultForm(kantatatest.LateCommit, "returns 504 and is done %d requests later", func(f *fault) []any { return []any{&f.Later} }),
}

var faultHead = form[fault]{
	"in the %s %d times after %d others:", func(f *fault) []any { return []any{&f.Phase, &f.Times, &f.Skip} }, nil, nil,
}

func (f fault) String() string {
	what := f.Method
	if f.ByID {
		what += " by ID"
	}
	return faultHead.print(&f) + " " + what + " " + printOne(faultForms, &f)
}

func parseFault(line string) (fault, error) {
	var f fault
	head, rest, _ := strings.Cut(line, ": ")
	if !faultHead.scan(head+":", &f) {
		return f, fmt.Errorf("not understood: %q", line)
	}
	f.Method, rest, _ = strings.Cut(rest, " ")
	rest, f.ByID = strings.CutPrefix(rest, "by ID ")
	return f, scanAny(faultForms, rest, &f)
}

var eventHeads = []form[event]{
	beforeForm(phasePlan), beforeForm(phaseApply),
	{"in the %s at request %d:", func(e *event) []any { return []any{&e.Phase, &e.At} }, func(e *event) bool { return e.At > 0 }, nil},
	{"in the %s after %d ms:", func(e *event) []any { return []any{&e.Phase, &e.After} }, func(*event) bool { return true }, nil},
}

func beforeForm(phase string) form[event] {
	return form[event]{
		"before the " + phase + ":", func(*event) []any { return nil },
		func(e *event) bool { return e.before() && e.Phase == phase }, func(e *event) { e.Phase = phase },
	}
}

// line returns the event as text, with the moment at which it happens.
func (e event) line() string { return printOne(eventHeads, &e) + " " + e.String() }

func parseEvent(line string) (event, error) {
	var e event
	head, rest, _ := strings.Cut(line, ": ")
	if err := scanAny(eventHeads, head+":", &e); err != nil {
		return e, err
	}
	return e, scanAny(eventForms, rest, &e)
}

// String is the history as a script.
func (h history) String() string {
	var b strings.Builder
	for line := range strings.Lines(h.About) {
		fmt.Fprintf(&b, "# %s\n", strings.TrimSpace(line))
	}
	if h.Known != "" {
		fmt.Fprintf(&b, "known: %s\n", h.Known)
	}
	for _, kind := range h.Finds {
		fmt.Fprintf(&b, "finds: %s\n", kind)
	}
	for _, f := range settingForms {
		if f.is(&h.settings) {
			b.WriteString(f.print(&h.settings) + "\n")
		}
	}
	for _, s := range h.Steps {
		b.WriteString("\n" + s.title() + "\n")
		for _, e := range s.Edits {
			fmt.Fprintf(&b, "    %s\n", e)
		}
		for _, e := range s.Events {
			fmt.Fprintf(&b, "    %s\n", e.line())
		}
		for _, f := range s.Faults {
			fmt.Fprintf(&b, "    %s\n", f)
		}
	}
	return b.String()
}

const noRefresh = " -refresh=false"

func (s step) title() string {
	title := "terraform " + s.Command
	if s.NoRefresh {
		title += noRefresh
	}
	return title
}

var errStep = errors.New("a step begins with terraform apply, plan, destroy, refresh-only or query")

// parse reads a script.
func parse(text string) (history, error) {
	h := history{settings: settings{Duplicates: refusedDuplicate}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, " \n")
		if err := h.parseLine(line); err != nil {
			return h, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if _, ok := duplicateStyles[h.Duplicates]; !ok {
		return h, fmt.Errorf("unknown response to a second POST: %s", h.Duplicates)
	}
	if _, ok := readings[h.Reading]; !ok && h.Reading != "" {
		return h, fmt.Errorf("unknown difference: %s", h.Reading)
	}
	if _, ok := products[h.CLI]; !ok {
		return h, fmt.Errorf("unknown CLI: %s", h.CLI)
	}
	if h.Known != "" && len(h.Finds) == 0 {
		return h, errors.New("a known script says what it finds")
	}
	return h, nil
}

func (h *history) parseLine(line string) error {
	inner, indented := strings.CutPrefix(line, "    ")
	switch {
	case line == "":
		return nil
	case strings.HasPrefix(line, "#"):
		h.About += strings.TrimPrefix(strings.TrimPrefix(line, "#"), " ") + "\n"
		return nil
	case strings.HasPrefix(line, "known: "):
		h.Known = strings.TrimPrefix(line, "known: ")
		return nil
	case strings.HasPrefix(line, "finds: "):
		h.Finds = append(h.Finds, strings.TrimPrefix(line, "finds: "))
		return nil
	case indented && len(h.Steps) > 0:
		return h.Steps[len(h.Steps)-1].parseLine(inner)
	case strings.HasPrefix(line, "terraform "):
		command, skip := strings.CutSuffix(strings.TrimPrefix(line, "terraform "), noRefresh)
		switch command {
		case commandApply, commandPlan, commandDestroy, commandRefreshOnly, commandQuery:
		default:
			return errStep
		}
		h.Steps = append(h.Steps, step{Command: command, NoRefresh: skip})
		return nil
	}
	return scanAny(settingForms, line, &h.settings)
}

func (s *step) parseLine(line string) error {
	var e edit
	if scanAny(editForms, line, &e) == nil {
		s.Edits = append(s.Edits, e)
		return nil
	}
	if event, err := parseEvent(line); err == nil {
		s.Events = append(s.Events, event)
		return nil
	}
	f, err := parseFault(line)
	if err == nil {
		s.Faults = append(s.Faults, f)
	}
	return err
}

const (
	commandApply       = "apply"
	commandPlan        = "plan"
	commandDestroy     = "destroy"
	commandRefreshOnly = "refresh-only"
	commandQuery       = "query"

	phasePlan  = "plan"
	phaseApply = "apply"
)
