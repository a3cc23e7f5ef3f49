package httpfield_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

func TestParseAge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule  string
		lines []string
		want  time.Duration
		ok    bool
	}{
		{"absent", nil, 0, false},
		{"empty", []string{""}, 0, false},
		{"RFC 9111, 5.1: delta-seconds", []string{"60"}, time.Minute, true},
		{"0", []string{"0"}, 0, true},
		{"RFC 9110, 5.5: whitespace around is no part", []string{" 60\t"}, time.Minute, true},
		{"RFC 9111, 5.1: of a list the first", []string{"1, 60"}, time.Second, true},
		{"… of several lines", []string{"1", "60"}, time.Second, true},
		{"… that is no empty element", []string{"", " , 60"}, time.Minute, true},
		{"… and no other where that is invalid", []string{"x, 60"}, 0, false},
		{"RFC 9111, 1.2.2: too large is 2^31", []string{"2147483649"}, most, true},
		{"… however large", []string{strings.Repeat("9", 100)}, most, true},
		{"… but not what is no number", []string{strings.Repeat("9", 100) + "x"}, 0, false},
		{"RFC 9111, 5.1: invalid is ignored: a sign", []string{"-1"}, 0, false},
		{"… a plus sign", []string{"+1"}, 0, false},
		{"… a fraction", []string{"1.5"}, 0, false},
		{"… quotes", []string{`"60"`}, 0, false},
		{"… parameters", []string{"60;x"}, 0, false},
		{"… characters beside the digits", []string{"6/0"}, 0, false},
		{"… on the other side", []string{"6:0"}, 0, false},
	} {
		got, ok := httpfield.ParseAge(test.lines)
		if got != test.want || ok != test.ok {
			t.Errorf("%s: %q gives %v, %v", test.rule, test.lines, got, ok)
		}
	}
}

func FuzzParseAge(f *testing.F) {
	f.Add(" ,0060, x", "1")
	f.Fuzz(func(t *testing.T, one, two string) {
		want := time.Duration(-1)
		if elements := append(plainElements(one), plainElements(two)...); len(elements) > 0 && plainSeconds.MatchString(elements[0]) {
			want = plainTime(elements[0], -1)
		}
		got, ok := httpfield.ParseAge([]string{one, two})
		if ok != (want >= 0) || got != max(0, want) {
			t.Errorf("%q, %q: got %v, %v, want %v", one, two, got, ok, want)
		}
	})
}
