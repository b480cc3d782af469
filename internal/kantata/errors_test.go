package kantata

import (
	"errors"
	"testing"
)

func TestIsForbidden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("403"), false},
		{&Error{StatusCode: 403, FromKantata: true}, true},
		{errors.Join(errors.New("x"), &Error{StatusCode: 403, FromKantata: true}), true},
		{&Error{StatusCode: 403}, false},
		{&Error{StatusCode: 404, FromKantata: true}, false},
	} {
		if got := IsForbidden(c.err); got != c.want {
			t.Errorf("%v: got %t, want %t", c.err, got, c.want)
		}
	}
}

func TestErrorDetailText(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]ErrorDetail{
		"":                       {},
		"no":                     {Message: "no"},
		"oauth error":            {Type: "oauth"},
		"on user_id: no":         {Field: "user_id", Message: "no"},
		"x error on user_id":     {Type: "x", Field: "user_id"},
		"x error on user_id: no": {Type: "x", Field: "user_id", Message: "no"},
		"x error: no":            {Type: "x", Message: "no"},
	} {
		if got := d.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWorseOutcome(t *testing.T) {
	t.Parallel()
	order := []Outcome{OutcomeNotDone, OutcomeUnknown, OutcomePending}
	for i, a := range order {
		for j, b := range order {
			if got, want := worse(a, b), order[max(i, j)]; got != want {
				t.Errorf("%d and %d: got %d, want %d", a, b, got, want)
			}
		}
	}
}
