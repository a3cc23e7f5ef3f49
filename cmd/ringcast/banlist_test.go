package main

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

func listed(t testing.TB, ip string, ttl time.Duration, reason string) listedBan {
	t.Helper()
	prefix, err := wire.ParsePrefix(ip)
	if err != nil {
		t.Fatal(err)
	}
	return listedBan{ip: prefix, ttl: ttl, reason: reason}
}

func equalBans(a, b listedBan) bool { return a == b }

func TestParseLine(t *testing.T) {
	t.Parallel()
	defaults := listedBan{reason: "from the list", ttl: time.Hour}
	edge := listed(t, "192.0.2.1", time.Hour, "too many failures")
	edge.automatic = true
	for line, want := range map[string]listedBan{
		"192.0.2.1":                            listed(t, "192.0.2.1", time.Hour, "from the list"),
		"  2001:DB8::/32\t\r":                  listed(t, "2001:db8::/32", time.Hour, "from the list"),
		"::ffff:192.0.2.1 ttl=90s":             listed(t, "192.0.2.1", 90*time.Second, "from the list"),
		"192.0.2.1 ttl=never abuse":            listed(t, "192.0.2.1", 0, "abuse"),
		"192.0.2.1\tttl=1h30m\tport scan, ssh": listed(t, "192.0.2.1", 90*time.Minute, "port scan, ssh"),
		"192.0.2.1 two  blanks inside":         listed(t, "192.0.2.1", time.Hour, "two  blanks inside"),
		"192.0.2.1 # a comment":                listed(t, "192.0.2.1", time.Hour, "from the list"),
		"192.0.2.1 ttl=2m # a comment":         listed(t, "192.0.2.1", 2*time.Minute, "from the list"),
		"192.0.2.1 abuse # a comment":          listed(t, "192.0.2.1", time.Hour, "abuse"),
		"192.0.2.1 issue#7":                    listed(t, "192.0.2.1", time.Hour, "issue#7"),
		`192.0.2.1 "ttl=1h # ä\u200b"`:         listed(t, "192.0.2.1", time.Hour, "ttl=1h # ä\u200b"),
		`192.0.2.1 ttl=1s "" # none`:           listed(t, "192.0.2.1", time.Second, ""),
		"192.0.2.1 a ttl=1s":                   listed(t, "192.0.2.1", time.Hour, "a ttl=1s"),
		"192.0.2.1 by=edge too many failures":  edge,
	} {
		got, found, err := parseLine(line, defaults)
		if err != nil || !found || !equalBans(got, want) {
			t.Errorf("%q: %+v, %t, %v; want %+v", line, got, found, err, want)
		}
	}
	for _, line := range []string{"", " ", "\r", "\t", "# comment", "  #", "#192.0.2.1"} {
		if got, found, err := parseLine(line, defaults); found || err != nil {
			t.Errorf("%q: %+v, %v; want nothing", line, got, err)
		}
	}
}

func TestParseLineRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"10.0.0.1/8":                "INVALID_IP host bits set; do you mean 10.0.0.0/8?",
		"0.0.0.0/0":                 "INVALID_IP wider than /8",
		"1.2.3.4:80":                "INVALID_IP has a port",
		"1.2.3.4,":                  "INVALID_IP is neither",
		"1.2.3.4#":                  "INVALID_IP is neither",
		"\ufeff1.2.3.4":             "INVALID_IP is neither", // only a file's first line has a mark
		"host.example":              "INVALID_IP is neither",
		"ttl=1h 1.2.3.4":            "INVALID_IP is neither",
		"1.2.3.4\xff":               "INVALID_LINE not UTF-8",
		"1.2.3.4 reason \xc3":       "INVALID_LINE not UTF-8",
		"1.2.3.4 ttl=1":             "INVALID_TTL ttl=1 is no time from 1s",
		"1.2.3.4 ttl=":              "INVALID_TTL",
		"1.2.3.4 ttl=0s":            "INVALID_TTL",
		"1.2.3.4 ttl=-1h":           "INVALID_TTL",
		"1.2.3.4 ttl=876601h":       "INVALID_TTL",
		"1.2.3.4 ttl=soon":          "INVALID_TTL",
		"1.2.3.4 tll=1h":            "INVALID_OPTION \"tll=1h\" is no option",
		"1.2.3.4 by=operator":       "INVALID_OPTION",
		"1.2.3.4 ttl=1h reason=why": "INVALID_OPTION",
		`1.2.3.4 "open`:             "INVALID_LINE no JSON string",
		`1.2.3.4 "a" b`:             "INVALID_LINE something follows",
		`1.2.3.4 "a"b`:              "INVALID_LINE something follows",
		`1.2.3.4 "a"#`:              "INVALID_LINE something follows",
	} {
		got, found, err := parseLine(line, listedBan{})
		refusal, ok := errors.AsType[*lineError](err)
		reason, text, _ := strings.Cut(want, " ")
		if !ok || found || !equalBans(got, listedBan{}) || refusal.reason != reason || !strings.Contains(refusal.message, text) {
			t.Errorf("%q: %+v, %t, %v; want %s", line, got, found, err, want)
		}
	}
}

func TestAppendLine(t *testing.T) {
	t.Parallel()
	edge := listed(t, "::1", time.Second, "")
	edge.automatic = true
	for want, ban := range map[string]listedBan{
		"192.0.2.1":                       listed(t, "192.0.2.1", 0, ""),
		"10.0.0.0/8 ttl=1h abuse":         listed(t, "10.0.0.0/8", time.Hour, "abuse"),
		"10.0.0.0/8 ttl=1h30m abuse, ssh": listed(t, "10.0.0.0/8", 90*time.Minute, "abuse, ssh"),
		"10.0.0.0/8 ttl=1h0m1s":           listed(t, "10.0.0.0/8", time.Hour+time.Second, ""),
		"10.0.0.0/8 ttl=10m":              listed(t, "10.0.0.0/8", 10*time.Minute, ""),
		"10.0.0.0/8 ttl=30s":              listed(t, "10.0.0.0/8", 30*time.Second, ""),
		"::1 ttl=1s by=edge":              edge,
		`::1 "#1"`:                        listed(t, "::1", 0, "#1"),
		`::1 "ttl=1h"`:                    listed(t, "::1", 0, "ttl=1h"),
		`::1 " a "`:                       listed(t, "::1", 0, " a "),
		`::1 "\"a\""`:                     listed(t, "::1", 0, `"a"`),
		`::1 "a\u200db"`:                  listed(t, "::1", 0, "a\u200db"),
	} {
		if got := string(appendLine(nil, ban)); got != want {
			t.Errorf("%+v: %s, want %s", ban, got, want)
		}
	}
}

// FuzzLine wants whatever is read to be written so that it is read the same.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.1 ttl=1h abuse # why", `::1 by=edge "a\u0000b" #`, "10.0.0.0/8 ttl=1ns", "1.2.3.4 \u00a0x\u2003", "1.2.3.4 a\rb", `1.2.3.4 "\ud800"`, "1.2.3.4 =",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		ban, found, err := parseLine(line, listedBan{})
		if _, ok := errors.AsType[*lineError](err); err != nil && !ok {
			t.Fatalf("%q: %v", line, err)
		}
		if !found {
			return
		}
		written := string(appendLine(nil, ban))
		again, found, err := parseLine(written, listedBan{})
		if err != nil || !found || !equalBans(again, ban) || !utf8.ValidString(written) || strings.ContainsAny(written, "\r\n") {
			t.Errorf("%q is %+v, written %q, read again %s (%t, %v)", line, ban, written,
				cmp.Diff(ban.reason, again.reason), found, err)
		}
	})
}
