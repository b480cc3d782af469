package kantata

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"unicode"
)

// DefaultBaseURL is the root of Kantata OX's API. The host still has the product's former name.
const DefaultBaseURL = "https://api.mavenlink.com/api/v1"

// NormalizeAccessToken removes whitespace around the token, which often comes from a file or an environment variable. It returns an error,
// which never contains the token, if the rest cannot be a bearer token.
func NormalizeAccessToken(token string) (string, error) {
	token = strings.TrimSpace(token)
	switch {
	case token == "":
		return "", errors.New("it is blank")
	case strings.ContainsAny(token, "\"'`“”‘’"):
		return "", errors.New("it contains quotation marks, which are never part of a token. Remove them")
	case strings.Contains(token, "://"):
		return "", errors.New("it is a URL. Check that the token and the base URL are not swapped")
	case strings.ContainsFunc(token, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII }):
		return "", errors.New("it contains whitespace, a control character, or a character outside ASCII. " +
			"Copy the token again, without the word Bearer and without line breaks")
	}
	return token, nil
}

// NormalizeBaseURL removes whitespace and trailing slashes. It returns an error unless the URL is https, or http with a loopback address,
// and has no user information, query or fragment. The error contains no part of the URL: it may be the access token.
func NormalizeBaseURL(base string) (string, error) {
	base = strings.TrimSpace(base)
	parsed, err := url.Parse(base)
	switch {
	case err != nil:
		return "", errors.New("it is not a URL")
	case parsed.User != nil:
		return "", errors.New("it must not contain a user name or a password")
	case parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		return "", errors.New("it must start with https:// and the name of a host")
	case parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "":
		return "", errors.New("it must not contain a query or a fragment")
	case parsed.Scheme == "http" && !isLoopback(parsed.Hostname()):
		return "", errors.New("the access token would be sent unencrypted. Use https (http is accepted for loopback addresses only)")
	}
	return strings.TrimRight(base, "/"), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// headerValue leaves out what RFC 7230 does not allow in a header's value, and what the vendor blocks.
func headerValue(s string) string {
	visible := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(visible), " ")
}
