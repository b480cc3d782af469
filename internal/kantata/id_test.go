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
			t.Errorf("%s: %q, %v", in, id, err)
		}
		if err != nil && !errors.Is(err, ErrInvalidID) {
			t.Errorf("%s: %v is not ErrInvalidID", in, err)
		}
	}
}

func TestIDIsWrittenAsANumber(t *testing.T) {
	t.Parallel()
	if text, err := json.Marshal(ID("9007199254740993")); err != nil || string(text) != "9007199254740993" {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := json.Marshal(ID(`1,"admin":true`)); err == nil {
		t.Errorf("wrote %s", text)
	}
}

func TestInvalidIDIsQuotedInPart(t *testing.T) {
	t.Parallel()
	if _, err := ParseID(strings.Repeat("x", 1000)); err == nil || len(err.Error()) > 200 {
		t.Errorf("got %v", err)
	}
}

// FuzzID holds that what is read as an id is written and read back as the same id, to the digit.
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
			t.Fatalf("%q was read and cannot be written: %v", id, err)
		}
		var again ID
		if err := json.Unmarshal(text, &again); err != nil || again != id || again.Int64() <= 0 {
			t.Fatalf("%q came back as %q, %v", id, again, err)
		}
	})
}
