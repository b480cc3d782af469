package kantata

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

const (
	redacted = "[redacted]"
	// partLength is the least length of a part of the token that is redacted.
	partLength = 9
	// maxTextLength is the number of characters of a server's text that an error shows.
	maxTextLength = 500
)

// userInfo matches the user name and the password in a URL.
var userInfo = regexp.MustCompile(`://[^/?#\s]*@`)

// redactor removes the access token from texts, in which a server or a URL may repeat it (rule 8).
type redactor struct {
	// forms are the token and its quoted and escaped forms.
	forms []string
	// parts are all parts of the forms with partLength characters, in lower case.
	parts map[string]bool
}

func newRedactor(token string) redactor {
	r := redactor{parts: map[string]bool{}}
	if token == "" {
		return r
	}
	encoded, _ := json.Marshal(token) //nolint:errchkjson // a string can always be encoded
	quoted := strconv.Quote(token)
	r.forms = []string{token, url.QueryEscape(token), url.PathEscape(token), quoted[1 : len(quoted)-1], string(encoded[1 : len(encoded)-1])}
	for _, form := range r.forms {
		lower := lowerASCII(form)
		for i := range len(lower) - partLength + 1 {
			r.parts[lower[i:i+partLength]] = true
		}
	}
	return r
}

// redact replaces the token, its parts and the user information of URLs. It must come before the text is shortened, quoted or escaped.
func (r redactor) redact(s string) string {
	s = userInfo.ReplaceAllString(s, "://"+redacted+"@")
	for _, form := range r.forms {
		s = strings.ReplaceAll(s, form, redacted)
	}
	lower := lowerASCII(s)
	var b strings.Builder
	kept := 0
	for i := 0; i+partLength <= len(lower); i++ {
		if !r.parts[lower[i:i+partLength]] {
			continue
		}
		end := i + partLength
		for end < len(lower) && r.parts[lower[end+1-partLength:end+1]] {
			end++
		}
		b.WriteString(s[kept:i] + redacted)
		kept, i = end, end-1
	}
	return b.String() + s[kept:]
}

// text redacts and cleans a server's text for a terminal and the state, without shortening it.
func (r redactor) text(s string) string { return clean(r.redact(s)) }

// short is text, limited to maxTextLength characters.
func (r redactor) short(s string) string {
	s = strings.TrimSpace(r.text(s))
	if runes := []rune(s); len(runes) > maxTextLength {
		s = string(runes[:maxTextLength]) + "..."
	}
	return s
}

// error keeps err's chain and makes its text short and free of secrets.
func (r redactor) error(err error) error {
	if err == nil {
		return nil
	}
	return &redactedError{text: r.short(err.Error()), err: err}
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// clean replaces what could change how a terminal shows the text: control characters, line and paragraph separators, and characters that
// override the direction of writing. It keeps joiners, because names need them.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

// lowerASCII keeps the length in bytes, which strings.ToLower does not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
