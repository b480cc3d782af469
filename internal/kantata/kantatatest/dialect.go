package kantatatest

import "time"

// Dialect chooses between the readings of what the API's documentation leaves open. The zero value holds the readings
// that the evidence favors.
type Dialect struct {
	IDs          IDStyle
	CreateStatus int // 0 means 200
	DeleteStatus int // 0 means 200 with {"success":"..."}; 204 has no content
	DeleteEmpty  bool
	// RefusedDeleteStatus is the status of a DELETE that is refused (see [Server.RefuseChanges]); 0 means 403. With 404,
	// the response is the same as if the membership did not exist.
	RefusedDeleteStatus int
	Dates               DateStyle
	Duplicates          DuplicateStyle
	Optional            OptionalStyle
	Errors              ErrorStyle
	PageCounts          PageCountStyle
	Hidden              HiddenStyle
	EmailAddresses      EmailAddressStyle
}

// IDStyle is how IDs are encoded. The ID of a creator is a number in every style.
type IDStyle int

// The ways to encode IDs.
const (
	IDStrings IDStyle = iota
	IDNumbers
	IDMixed // access_group_id is a number, every other ID is a string
)

// DateStyle is how created_at is written.
type DateStyle int

// The ways to write created_at.
const (
	DateTimeOffset DateStyle = iota // 2026-11-22T01:30:00-07:00
	DateTimeUTC                     // 2026-11-22T08:30:00Z
	DateOnly                        // 2026-11-22
)

// DuplicateStyle is what a second POST of a pair does.
type DuplicateStyle int

// The results of a second POST.
const (
	DuplicateRefused DuplicateStyle = iota // 422
	DuplicateReturnsExisting
	DuplicateCreatesSecond
)

// OptionalStyle is how optional fields are written: the names, creator_id and created_at of a membership, and the name
// and headline of a person.
type OptionalStyle int

// The ways to write optional fields.
const (
	OptionalPresent OptionalStyle = iota
	OptionalNull
	OptionalAbsent
	OptionalZero      // the number 0
	OptionalBlank     // ""
	OptionalOtherType // a number instead of text, or text instead of a number
)

// ErrorStyle is how the entries of `errors` are written.
type ErrorStyle int

// The ways to write errors.
const (
	ErrorObjects ErrorStyle = iota
	ErrorStrings            // only the message
)

// PageCountStyle is what meta.page_count says.
type PageCountStyle int

// The values of meta.page_count.
const (
	PageCountExact   PageCountStyle = iota
	PageCountOne                    // 1 for every list
	PageCountTooHigh                // more pages than exist
	PageCountAbsent
)

// HiddenStyle is what a hidden membership (see [Server.HideMembership]) does to the pages of a list that counts it.
type HiddenStyle int

// The effects of hidden memberships.
const (
	HiddenShortensPage HiddenStyle = iota // it is removed from its page after the pages are cut
	HiddenAddsPages                       // it is removed before the pages are cut, so the last pages are empty
)

// EmailAddressStyle is how by_email_addresses compares addresses.
type EmailAddressStyle int

// The ways to compare addresses.
const (
	EmailAddressIgnoresCase EmailAddressStyle = iota
	EmailAddressExact
)

// createdAt is when every membership was created. Only the dialect's way to write it differs.
var createdAt = time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)
