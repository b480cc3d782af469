package kantata

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// ID identifies an object in Kantata: decimal digits without a sign, leading zeros or spaces, at most [math.MaxInt64]. The reference gives
// IDs as integers, while the vendor's own library writes them as JSON strings, so both are read. No float is involved.
type ID string

// ErrInvalidID is wrapped by every error about a malformed [ID].
var ErrInvalidID = errors.New("not an ID: expected decimal digits without leading zeros")

// ParseID returns s as an [ID]. The error wraps [ErrInvalidID] and quotes the beginning of s.
func ParseID(s string) (ID, error) {
	if isID(s) {
		return ID(s), nil
	}
	const most = 40
	if len(s) > most {
		s = s[:most] + "..."
	}
	return "", fmt.Errorf("%w, got %q", ErrInvalidID, s)
}

func isID(s string) bool {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

// String returns the digits.
func (id ID) String() string { return string(id) }

// Int64 returns the ID as a number; 0 for the zero ID.
func (id ID) Int64() int64 {
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Compare compares the IDs as numbers, as [cmp.Compare] does. They have no leading zeros, so the longer one is the higher one.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(len(id), len(other)), cmp.Compare(id, other))
}

// MarshalJSON writes a JSON number, the form that the reference documents for request bodies.
func (id ID) MarshalJSON() ([]byte, error) {
	if _, err := ParseID(string(id)); err != nil {
		return nil, err
	}
	return []byte(id), nil
}

// UnmarshalJSON reads a JSON string or a JSON number of digits. The error wraps [ErrInvalidID] and quotes all of the text: whoever shows it
// redacts and shortens it.
func (id *ID) UnmarshalJSON(data []byte) error {
	text := string(data)
	if data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	if !isID(text) {
		return fmt.Errorf("%w, got %q", ErrInvalidID, text)
	}
	*id = ID(text)
	return nil
}
