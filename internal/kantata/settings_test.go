package kantata

import (
	"strings"
	"testing"
	"time"
)

func TestNormalizeAccessToken(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"abc": "abc", " abc\r\n": "abc", "a-b._~+/=": "a-b._~+/=", "": "", " \t": "", "a b": "", "a\nb": "", "a\x00b": "", "añb": "",
		"a\u2028b": "", `"abc"`: "", "'abc'": "", "`abc`": "", "“abc”": "", "Bearer abc": "", "https://api.mavenlink.com/api/v1": "",
	} {
		got, err := NormalizeAccessToken(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
		if err != nil && len(in) > 2 && strings.Contains(err.Error(), in) {
			t.Errorf("got the token in the error %v, want it left out", err)
		}
	}
	for in, want := range map[string]string{
		"": "blank", `"abc"`: "quotation marks", "“abc”": "quotation marks", "https://x": "swapped", "a b": "Bearer",
	} {
		if _, err := NormalizeAccessToken(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", in, err, want)
		}
	}
}

func TestNormalizeBaseURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://api.mavenlink.com/api/v1":      "https://api.mavenlink.com/api/v1",
		"https://api.mavenlink.com/api/v1//\n":  "https://api.mavenlink.com/api/v1",
		"http://127.0.0.1:8080/api/v1":          "http://127.0.0.1:8080/api/v1",
		"http://[::1]:80":                       "http://[::1]:80",
		"http://LocalHost":                      "http://LocalHost",
		"http://api.s3cret.com/api/v1":          "",
		"http://localhost.s3cret.com":           "",
		"http://127.0.0.1.s3cret.com":           "",
		"http://192.0.2.1":                      "",
		"https://user:s3cret@api.mavenlink.com": "",
		"https://s3cret@api.mavenlink.com":      "",
		"https://api.s3cret.com?x=1":            "",
		"https://api.s3cret.com?":               "",
		"https://api.s3cret.com#x":              "",
		"https://":                              "",
		"https://:443/s3cret":                   "",
		"ftp://api.s3cret.com":                  "",
		"s3cret-token":                          "",
		"s3cret:token":                          "",
		"://s3cret":                             "",
		"":                                      "",
	} {
		got, err := NormalizeBaseURL(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got the setting in the error %v, want it left out", err)
		}
	}
}

func TestNewClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"no timeout":   {AccessToken: token, BaseURL: DefaultBaseURL},
		"bad token":    {AccessToken: "s3cret s3cret", BaseURL: DefaultBaseURL, RequestTimeout: time.Second},
		"bad base URL": {AccessToken: token, BaseURL: "s3cret", RequestTimeout: time.Second},
	} {
		if client, err := NewClient(c); err == nil || client != nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v and the error %v, want an error without the setting", name, client, err)
		}
	}
	client, err := NewClient(Config{
		AccessToken: token, BaseURL: DefaultBaseURL, MaxRetries: 7, RequestTimeout: time.Second, UserAgent: "\x00",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := client.MaxRetries(); got != 7 {
		t.Errorf("got %d retries, want 7", got)
	}
	want := Waits{RetryMin: 500 * time.Millisecond, RetryMax: 15 * time.Second, Outage: 30 * time.Second, RateLimit: 5 * time.Minute}
	if client.config.Waits != want {
		t.Errorf("got %+v, want %+v", client.config.Waits, want)
	}
}
