package kantata

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	const secret = `A\b&c<"%/+Z-0123456789`
	r := newRedactor(secret)
	encoded, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"":                                   "",
		"nothing here":                       "nothing here",
		secret:                               "[redacted]",
		"a " + secret + " b " + secret:       "a [redacted] b [redacted]",
		strconv.Quote(secret):                `"[redacted]"`,
		string(encoded):                      `"[redacted]"`,
		"?t=" + url.QueryEscape(secret):      "?t=[redacted]",
		"/" + url.PathEscape(secret) + "/x":  "/[redacted]/x",
		"x=" + secret[:9] + "|":              "x=[redacted]|",
		"x=" + secret[:8] + "|":              "x=" + secret[:8] + "|",
		"cut: " + secret[5:]:                 "cut: [redacted]",
		secret[:9] + secret[3:12]:            "[redacted][redacted]",
		strings.ToUpper(secret):              "[redacted]",
		strings.ToLower(secret):              "[redacted]",
		"z-012345678 é z-0123456":            "[redacted] é [redacted]",
		"https://me:pw@kantata.test/x?y=a@b": "https://[redacted]@kantata.test/x?y=a@b",
		"https://kantata.test/users/a@b":     "https://kantata.test/users/a@b",
	} {
		if got := r.redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	// A text is redacted before it is shortened, so that no part of a token is left at its end.
	if got := r.short(strings.Repeat("x", maxTextLength-4) + secret); strings.Contains(got, secret[:4]) {
		t.Errorf("got %q, want no part of the token", got)
	}
	if text := strings.Repeat("x", maxTextLength); r.short(text) != text {
		t.Errorf("got %q, want all of %d characters", r.short(text), maxTextLength)
	}
	for short, want := range map[string]string{"": "abcdefghijkl", "abc": "[redacted]defghijkl"} {
		if got := newRedactor(short).redact("abcdefghijkl"); got != want {
			t.Errorf("token %q: got %q, want %q", short, got, want)
		}
	}
	if got := r.error(nil); got != nil {
		t.Errorf("got %v, want nil", got)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Zoë O'Neil":         "Zoë O'Neil",
		"a\x1b[31mb\x07\r\n": "a [31mb   ",
		"a\u202eb\u2066\u200e\u061cc\u2028\u2029\u009b": "a b   c   ",
		"👩\u200d👧 می\u200cخواهم":                        "👩\u200d👧 می\u200cخواهم",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// echoes are the places where a server can repeat what it received.
var echoes = []func(w http.ResponseWriter, echo string){
	func(w http.ResponseWriter, echo string) {
		send(w, 422, echoed(`{"errors":[{"type":%q,"message":%q,"field":%q}]}`, echo))
	},
	func(w http.ResponseWriter, echo string) { send(w, 400, echoed(`{"errors":[%q]}`, echo)) },
	func(w http.ResponseWriter, echo string) {
		send(w, 200, echoed(`{"results":[{"key":%q,"id":"1"}],"count":1}`, echo))
	},
	func(w http.ResponseWriter, echo string) {
		send(w, 200, echoed(`{"results":[{"key":"access_group_memberships","id":%q}],"count":1}`, echo))
	},
	func(w http.ResponseWriter, echo string) { send(w, 200, echoed(`{"results":%q,"count":%q}`, echo)) },
	func(w http.ResponseWriter, echo string) { send(w, 200, echo) },
	func(w http.ResponseWriter, echo string) {
		text := echoed("%q", echo)
		send(w, 200, strings.NewReplacer(`"Jane"`, text, `"Finance"`, echoed("%q", "x"+echo), `"2026-11-22"`, text).Replace(one))
	},
	func(w http.ResponseWriter, echo string) {
		w.Header().Set("Content-Type", echo)
		w.Header().Set("X-Request-Id", "a "+echo)
		w.WriteHeader(502)
	},
	func(w http.ResponseWriter, echo string) {
		w.Header().Set("Location", "https://"+echo+"@kantata.test/"+echo)
		w.WriteHeader(302)
	},
	func(w http.ResponseWriter, echo string) { raw(w, "HTTP/1.1 "+echo+"\r\n\r\n") },
	func(w http.ResponseWriter, echo string) { raw(w, "HTTP/1.1 200 OK\r\n"+echo+"\r\n\r\n") },
	func(w http.ResponseWriter, echo string) {
		raw(w, "HTTP/1.1 200 OK\r\nContent-Length: "+echo+"\r\n\r\n")
	},
	func(w http.ResponseWriter, echo string) {
		raw(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+echo+"\r\n\r\n")
	},
	func(w http.ResponseWriter, echo string) { raw(w, echo) },
}

// echoed is JSON with the echo in place of each %q.
func echoed(format, echo string) string {
	quoted, _ := json.Marshal(echo)
	return strings.ReplaceAll(format, "%q", string(quoted))
}

func raw(w http.ResponseWriter, text string) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// FuzzToken drives the client with servers that echo the token, as it is, quoted or encoded, with text around it, and looks for it in the
// errors, in what is logged, and in what goes into the state.
func FuzzToken(f *testing.F) {
	for i := range echoes {
		f.Add("token-0123456789", "before ", " after", uint8(i), uint8(0))
		f.Add(`t\o%2F/+&<ken`, `"`, "\x00\u202e", uint8(i), uint8(i%4))
	}
	f.Add("x", strings.Repeat("long ", 99), "", uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, secret, before, after string, place, encoding uint8) {
		// The beginning makes sure that the token is not a word of the client's own texts.
		secret, err := NormalizeAccessToken("Zq9~Xk7" + secret)
		if err != nil || len(secret) > 500 {
			t.Skip("not a token")
		}
		forms := []string{secret, url.QueryEscape(secret), strconv.Quote(secret), url.PathEscape(secret)}
		echo := before + forms[int(encoding)%len(forms)] + after
		inBubble(t, func(t *testing.T) {
			client, a := serve(t, func(w http.ResponseWriter, _ int) { echoes[int(place)%len(echoes)](w, echo) }, func(c *Config) {
				c.AccessToken, c.MaxRetries = secret, 0
			})
			var texts []string
			for _, method := range []string{"GET", "POST", "DELETE"} {
				err := call(t.Context(), client, method)
				texts = append(texts, fmt.Sprintf("%v %+v %#v", err, err, err))
			}
			if m, err := client.GetAccessGroupMembership(t.Context(), "56000101"); err == nil {
				texts = append(texts, *m.UserName, *m.AccessGroupName, *m.CreatedAt)
			}
			texts = append(texts, fmt.Sprintf("%+v", a.attempts))
			for _, text := range texts {
				for _, form := range forms {
					if part := form[:min(len(form), partLength)]; strings.Contains(text, part) {
						t.Errorf("got %q in %q, want no part of the token", part, text)
					}
				}
				if clean(text) != text {
					t.Errorf("got %q, want no characters that can change a terminal", text)
				}
			}
		})
	})
}
