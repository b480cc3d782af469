package kantata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// ID identifies an object in Kantata: decimal digits without a sign, leading zeros or spaces, at most
// [math.MaxInt64]. The reference types ids as integers while the vendor's own library writes them as
// JSON strings, so both are read; a float is never involved.
type ID string

// ErrInvalidID is wrapped by every error that reports a malformed [ID].
var ErrInvalidID = errors.New("not an id: expected decimal digits without leading zeros")

// ParseID returns s as an [ID]. The error wraps [ErrInvalidID].
func ParseID(s string) (ID, error) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return "", fmt.Errorf("%w, got %s", ErrInvalidID, quote(s))
	}
	if _, err := strconv.ParseUint(s, 10, 63); err != nil {
		return "", fmt.Errorf("%w, got %s", ErrInvalidID, quote(s))
	}
	return ID(s), nil
}

func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

// String returns the digits.
func (id ID) String() string { return string(id) }

// Int64 returns the id as a number; 0 for the zero ID.
func (id ID) Int64() int64 {
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// MarshalJSON writes a JSON number, the form that the reference documents for request bodies.
func (id ID) MarshalJSON() ([]byte, error) {
	if _, err := ParseID(string(id)); err != nil {
		return nil, err
	}
	return []byte(id), nil
}

// UnmarshalJSON reads a JSON string or a JSON number of digits. The error wraps [ErrInvalidID].
func (id *ID) UnmarshalJSON(data []byte) error {
	text := string(data)
	if bytes.HasPrefix(data, []byte{'"'}) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	parsed, err := ParseID(text)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
