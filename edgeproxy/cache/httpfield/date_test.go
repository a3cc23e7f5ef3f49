package httpfield_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// now is what the tests of dates take for it.
var now = time.Date(2026, time.March, 15, 12, 0, 0, 0, time.UTC)

func TestParseDate(t *testing.T) {
	t.Parallel()
	example := time.Date(1994, time.November, 6, 8, 49, 37, 0, time.UTC)
	for _, test := range []struct {
		rule, line string
		want       time.Time
	}{
		{"RFC 9110, 5.6.7: IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", example},
		{"… rfc850-date", "Sunday, 06-Nov-94 08:49:37 GMT", example},
		{"… asctime-date", "Sun Nov  6 08:49:37 1994", example},
		{"… with two digits for the day", "Sun Nov 16 08:49:37 1994", example.AddDate(0, 0, 10)},
		{"… or a zero", "Sun Nov 06 08:49:37 1994", example},
		{"RFC 9110, 5.5: whitespace around is no part", " Sun, 06 Nov 1994 08:49:37 GMT\t", example},
		{"a wrong day of the week does no harm", "Mon, 06 Nov 1994 08:49:37 GMT", example},
		{"… in the long form", "Wednesday, 06-Nov-94 08:49:37 GMT", example},
		{"… in the form of asctime", "Sat Nov  6 08:49:37 1994", example},
		{"RFC 9110, 5.6.7: a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"a leap day", "Thu, 29 Feb 2024 00:00:00 GMT", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"a year with zeros", "Sat, 01 Jan 0000 00:00:00 GMT", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"the last date", "Fri, 31 Dec 9999 23:59:59 GMT", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"RFC 9110, 5.6.7: two digits, 50 years ahead", "Sunday, 15-Mar-76 12:00:00 GMT", now.AddDate(50, 0, 0)},
		{"… more than 50 years ahead is past", "Sunday, 15-Mar-76 12:00:01 GMT", now.AddDate(-50, 0, 0).Add(time.Second)},
		{"… this year", "Sunday, 15-Mar-26 12:00:00 GMT", now},
		{"… the year before", "Sunday, 15-Mar-25 12:00:00 GMT", now.AddDate(-1, 0, 0)},
	} {
		got, ok := httpfield.ParseDate([]string{test.line}, now)
		if !ok || !got.Equal(test.want) || got.Location() != time.UTC {
			t.Errorf("%s: %q gives %v, %v, want %v", test.rule, test.line, got, ok, test.want)
		}
	}
}

func TestTwoDigitYearNearTheEndOfACentury(t *testing.T) {
	t.Parallel()
	now := now.AddDate(60, 0, 0)
	for line, year := range map[string]int{
		"Sunday, 06-Nov-86 08:49:37 GMT": 2086,
		"Sunday, 06-Nov-10 08:49:37 GMT": 2110,
		"Sunday, 06-Nov-94 08:49:37 GMT": 2094,
		"Sunday, 06-Nov-40 08:49:37 GMT": 2040,
	} {
		if got, ok := httpfield.ParseDate([]string{line}, now); !ok || got.Year() != year {
			t.Errorf("%q in %d gives %v, %v, want %d", line, now.Year(), got, ok, year)
		}
	}
}

func TestParseDateRefuses(t *testing.T) {
	t.Parallel()
	fixdate := "Sun, 06 Nov 1994 08:49:37 GMT"
	for _, lines := range [][]string{nil, {fixdate, fixdate}, {fixdate, ""}} {
		if got, ok := httpfield.ParseDate(lines, now); ok {
			t.Errorf("a date is one line: %q gives %v", lines, got)
		}
	}
	for rule, lines := range map[string][]string{
		"nothing":             {"", "0", "-1", "Sun", "Sun,", "Sun ", "1994-11-06T08:49:37Z", "784111777"},
		"cut short":           {"Sun, 06 Nov 1994 08:49:37 GM", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 19", "Sunday, 06-Nov-94", "Sun Nov  6 08:49:37 199", "Sun Nov  "},
		"something after":     {fixdate + " x", fixdate + ", " + fixdate, "Sunday, 06-Nov-94 08:49:37 GMT;", "Sun Nov  6 08:49:37 1994 GMT", "Sun Nov  6 08:49:37 19945"},
		"another zone":        {"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37 Z", "Sun, 06 Nov 1994 08:49:37 EST", "Sunday, 06-Nov-94 08:49:37 UTC"},
		"another case":        {"Sun, 06 Nov 1994 08:49:37 gmt", "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 NOV 1994 08:49:37 GMT", "sunday, 06-Nov-94 08:49:37 GMT", "Sun nov  6 08:49:37 1994"},
		"no day of the week":  {"Sum, 06 Nov 1994 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT", "Xun Nov  6 08:49:37 1994", "Caturday, 06-Nov-94 08:49:37 GMT", ", 06 Nov 1994 08:49:37 GMT"},
		"the other length":    {"Sunday, 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT", "Sunday Nov  6 08:49:37 1994", "Mond, 06-Nov-94 08:49:37 GMT"},
		"no month":            {"Sun, 06 Nob 1994 08:49:37 GMT", "Sun, 06 November 1994 08:49:37 GMT", "Sun, 06 11 1994 08:49:37 GMT"},
		"digits missing":      {"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:9:37 GMT", "Sun, 06 Nov 1994 08:49:7 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun Nov 6 08:49:37 1994"},
		"digits too many":     {"Sun, 06 Nov 19940 08:49:37 GMT", "Sun, 006 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37.5 GMT", "Sun, 06 Nov 1994 008:49:37 GMT"},
		"signs for digits":    {"Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 -8:49:37 GMT", "Sun,  6 Nov 1994 08:49:37 GMT"},
		"other separators":    {"Sun 06 Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 06  Nov 1994 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994  08:49:37 GMT", "Sun, 06\tNov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37GMT"},
		"no such day":         {"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 08:49:37 GMT", "Sun, 32 Dec 1994 08:49:37 GMT", "Sun Nov  0 08:49:37 1994", "Sunday, 29-Feb-95 08:49:37 GMT"},
		"no such time":        {"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49:60 GMT", "Sun, 06 Nov 1994 23:58:60 GMT", "Sun, 06 Nov 1994 22:59:60 GMT", "Sun, 06 Nov 1994 23:59:61 GMT"},
		"quotes are no part":  {`"Sun, 06 Nov 1994 08:49:37 GMT"`},
		"bytes that are none": {"Sun, 06 Nov 1994 08:49:37 GMT\x00", "\xffun, 06 Nov 1994 08:49:37 GMT"},
	} {
		for _, line := range lines {
			if got, ok := httpfield.ParseDate([]string{line}, now); ok || !got.IsZero() {
				t.Errorf("%s: %q gives %v, %v", rule, line, got, ok)
			}
		}
	}
}

func TestFormatDate(t *testing.T) {
	t.Parallel()
	east := time.Date(1994, time.November, 6, 10, 49, 37, 999, time.FixedZone("", 2*60*60))
	if got, want := httpfield.FormatDate(east), "Sun, 06 Nov 1994 08:49:37 GMT"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDateInEveryForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(now.AddDate(-49, 0, 0).Unix(), now.AddDate(50, 0, 0).Unix()).Draw(t, "seconds"), 0).UTC()
		for _, line := range []string{
			httpfield.FormatDate(want),
			want.Format("Monday, 02-Jan-06 15:04:05 GMT"),
			want.Format(time.ANSIC),
		} {
			if got, ok := httpfield.ParseDate([]string{line}, now); !ok || !got.Equal(want) {
				t.Fatalf("%q gives %v, %v", line, got, ok)
			}
		}
	})
}

// FuzzParseDate compares with package time, which is not strict: what is refused
// there is no date, and what is no date here is not written so there.
func FuzzParseDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Add("Sun Nov 06 23:59:60 1994")
	layouts := []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC}
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := httpfield.ParseDate([]string{line}, now)
		for i, layout := range layouts {
			want, err := time.Parse(layout, line)
			if err != nil || want.Format(layout) != line {
				continue
			}
			if i == 1 {
				year := 2000 + want.Year()%100
				if time.Date(year, want.Month(), want.Day(), want.Hour(), want.Minute(), want.Second(), 0, time.UTC).After(now.AddDate(50, 0, 0)) {
					year -= 100
				}
				want = time.Date(year, want.Month(), want.Day(), want.Hour(), want.Minute(), want.Second(), 0, time.UTC)
			}
			if !ok || !got.Equal(want) {
				t.Errorf("%q gives %v, %v, want %v", line, got, ok, want)
			}
		}
		if !ok || got.Year() > 9999 {
			return
		}
		if again, ok := httpfield.ParseDate([]string{httpfield.FormatDate(got)}, now); !ok || !again.Equal(got) {
			t.Errorf("%q gives %v, written again %v", line, got, again)
		}
	})
}
