package kantata

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestIDIsReadFromStringsAndNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ID{
		`"12000001"`:            "12000001",
		`12000001`:              "12000001",
		`9007199254740993`:      "9007199254740993", // 2^53+1, which a float64 cannot hold
		`"9223372036854775807"`: "9223372036854775807",
		`9223372036854775808`:   "",
		`"9223372036854775808"`: "",
		`1e3`:                   "",
		`1.0`:                   "",
		`-1`:                    "",
		`0`:                     "",
		`"0"`:                   "",
		`"012"`:                 "",
		`" 12"`:                 "",
		`"+12"`:                 "",
		`"1_000"`:               "",
		`"١٢"`:                  "",
		`""`:                    "",
		`true`:                  "",
		`{}`:                    "",
		`[1]`:                   "",
		`"\u0031\u0032"`:        "12",
	} {
		var id ID
		err := json.Unmarshal([]byte(in), &id)
		if id != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q and the error %v, want %q", in, id, err, want)
		}
		if err != nil && !errors.Is(err, ErrInvalidID) {
			t.Errorf("%s: got the error %v, want ErrInvalidID", in, err)
		}
	}
}

func TestIDIsWrittenAsANumber(t *testing.T) {
	t.Parallel()
	if text, err := json.Marshal(ID("9007199254740993")); err != nil || string(text) != "9007199254740993" {
		t.Errorf("got %s and the error %v, want 9007199254740993", text, err)
	}
	if text, err := json.Marshal(ID(`1,"admin":true`)); err == nil {
		t.Errorf("got %s for an invalid ID, want an error", text)
	}
}

func TestInvalidIDIsQuotedInPart(t *testing.T) {
	t.Parallel()
	if _, err := ParseID(strings.Repeat("x", 40)); err == nil || strings.Contains(err.Error(), "...") {
		t.Errorf("got the error %v, want all of 40 characters", err)
	}
	if _, err := ParseID(strings.Repeat("x", 1000)); err == nil || len(err.Error()) > 200 {
		t.Errorf("got the error %v, want one of at most 200 bytes", err)
	}
}

func TestIDsAreComparedAsNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b ID
		want int
	}{{"9", "10", -1}, {"10", "9", 1}, {"10", "11", -1}, {"12", "12", 0}, {"", "1", -1}} {
		if got := c.a.Compare(c.b); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestInvalidIDs(t *testing.T) {
	t.Parallel()
	if got := ID("x").Int64(); got != 0 {
		t.Errorf("got %d for an invalid ID, want 0", got)
	}
	id := ID("5")
	if err := id.UnmarshalJSON([]byte(`"\x"`)); err == nil || id != "5" {
		t.Errorf("got %q and the error %v for an invalid string, want an error and no change", id, err)
	}
}

// FuzzID checks that an ID that can be read is the same after it is written and read again.
func FuzzID(f *testing.F) {
	for _, seed := range []string{`12`, `"12"`, `9007199254740993`, `1e3`, `"012"`, `null`, `-0`, `"\u0031"`, `{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var id ID
		if json.Unmarshal(data, &id) != nil || id == "" {
			return
		}
		text, err := json.Marshal(id)
		if err != nil {
			t.Fatalf("%q: got the error %v, want the ID written", id, err)
		}
		var again ID
		if err := json.Unmarshal(text, &again); err != nil || again != id || again.Int64() <= 0 {
			t.Fatalf("got %q and the error %v after writing and reading, want %q", again, err, id)
		}
	})
}
