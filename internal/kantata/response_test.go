package kantata

import (
	"net/http"
	"strings"
	"testing"
)

func TestErrorTexts(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"validation": {
			422, `{"errors":[{"type":"validation","message":"must exist","field":"user_id"}]}`,
			"422 Unprocessable Entity: validation error on user_id: must exist",
		},
		"two":           {400, `{"errors":[{"type":"system","message":"a"},{"message":"b"}]}`, "400 Bad Request: system error: a: b"},
		"plain strings": {400, `{"errors":["a","b"]}`, "400 Bad Request: a: b"},
		"odd types":     {400, `{"errors":[{"type":1,"message":{"a":1},"field":null},7,null]}`, "400 Bad Request"},
		"html": {
			404, "<html>nginx</html>", `404 Not Found: the response is not what Kantata's API documents: its type is "application/json"`,
		},
		"empty":   {404, "", "404 Not Found: the response is not what Kantata's API documents: it is empty"},
		"escapes": {403, `{"errors":[{"message":"a\u001b[31m\nb\u202ec\u2028d\u2066\u0085"}]}`, "403 Forbidden: a [31m b c d"},
		"joiners": {403, "{\"errors\":[\"\u06cc\u200c\u062e\"]}", "403 Forbidden: \u06cc\u200c\u062e"},
		"long": {
			403, `{"errors":[{"message":"` + strings.Repeat("é", 600) + `"}]}`, "403 Forbidden: " + strings.Repeat("é", 500) + "...",
		},
		"many":    {403, `{"errors":["a"` + strings.Repeat(`,"b"`, 100) + `]}`, "403 Forbidden: a" + strings.Repeat(": b", 9)},
		"success": {200, "<html>", "200 OK: the response is not what Kantata's API documents: it is not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client, _ := serve(t, says(c.status, c.body))
				want := "GET /access_group_memberships/56000101 returned " + c.want + " (request ID req-1)"
				if err := call(t.Context(), client, http.MethodGet); err == nil || err.Error() != want {
					t.Errorf("got %v\nwant %s", err, want)
				}
			})
		})
	}
}

// TestNotFound expects that the 404 page of a proxy does not count as an absence, except for a DELETE, whose 404 is checked (rule 6).
func TestNotFound(t *testing.T) {
	for body, want := range map[string]bool{
		`{"errors":[{"type":"system","message":"not found"}]}`: true,
		`{"errors":["not found"]}`:                             true,
		`{"errors":[]}`:                                        false,
		"":                                                     false,
		"<html>404</html>":                                     false,
		`"not found"`:                                          false,
		`{"errors":[{"type":"sy`:                               false,
		`{"message":"no route"}`:                               false,
		`{"errors":"no such url"}`:                             false,
	} {
		inBubble(t, func(t *testing.T) {
			client, _ := serve(t, says(404, body))
			err := call(t.Context(), client, http.MethodGet)
			if got := asError(t, err).FromKantata; got != want || IsNotFound(err) != want {
				t.Errorf("GET %q: got %t, %t; want %t", body, got, IsNotFound(err), want)
			}
			if err := call(t.Context(), client, http.MethodDelete); !IsNotFound(err) {
				t.Errorf("DELETE %q: got %v, want a 404", body, err)
			}
		})
	}
	if IsNotFound(nil) || IsNotFound(&Error{StatusCode: 403, FromKantata: true}) || OutcomeOf(nil) != OutcomeUnknown {
		t.Error("got a 404 from nil or a 403, want none")
	}
}

// FuzzErrorDetails checks that an error's text is short and printable, whatever the body.
func FuzzErrorDetails(f *testing.F) {
	for _, seed := range []string{
		`{"errors":[{"type":"oauth","message":"Invalid OAuth 2 Request"}]}`, `{"errors":[1]}`, `{"errors":{}}`, `<html>`,
		`{"errors":[{"message":"\u001b[2J"}]}`, `{"errors":["\u202e"]}`, ``,
	} {
		f.Add([]byte(seed))
	}
	client := &Client{secrets: newRedactor(token)}
	f.Fuzz(func(t *testing.T, body []byte) {
		details, ok := client.details(body)
		if !ok && details != nil {
			t.Fatalf("got the details %v of a body without errors, want none", details)
		}
		text := (&Error{Method: "GET", Path: "/x", StatusCode: 400, Details: details}).Error()
		if len(text) > 100+3*maxDetails*4*(maxTextLength+20) || clean(text) != text {
			t.Fatalf("got %q, want a short and printable text", text)
		}
	})
}
