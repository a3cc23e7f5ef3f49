package httpfield_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

type etag = httpfield.EntityTag

func TestParseETag(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule, line string
		want       etag
	}{
		{"RFC 9110, 8.8.3: strong", `"a"`, etag{Opaque: "a"}},
		{"… weak", `W/"a"`, etag{Weak: true, Opaque: "a"}},
		{"… empty", `""`, etag{}},
		{"… every character that there is", `"!#~ü,;*/"`, etag{Opaque: "!#~ü,;*/"}},
		{"… bytes that are no UTF-8", "\"\x80\xff\"", etag{Opaque: "\x80\xff"}},
		{"… a backslash escapes nothing", `"a\"`, etag{Opaque: `a\`}},
		{"RFC 9110, 5.5: whitespace around is no part", "\t\"a\" ", etag{Opaque: "a"}},
		{"a tag may look like a prefix", `"W/"`, etag{Opaque: "W/"}},
	} {
		got, ok := httpfield.ParseETag([]string{test.line})
		if got != test.want || !ok {
			t.Errorf("%s: %q gives %+v, %v", test.rule, test.line, got, ok)
		}
		if s := got.String(); s != strings.Trim(test.line, " \t") {
			t.Errorf("%q is written as %q", test.line, s)
		}
	}
	for _, line := range []string{
		"", "a", "*", `"`, `"a`, `a"`, `'a'`, `w/"a"`, `W"a"`, `W/ "a"`, `W/`, `W/a`, `W/W/"a"`, `/"a"`,
		`"a" "b"`, `"a","b"`, `"a"x`, `x"a"`, `"a b"`, "\"a\tb\"", "\"a\x00\"", "\"a\x7f\"", `"a\"b"`,
	} {
		if got, ok := httpfield.ParseETag([]string{line}); ok || got != (etag{}) {
			t.Errorf("RFC 9110, 8.8.3: %q is none, but gives %+v, %v", line, got, ok)
		}
	}
	for _, lines := range [][]string{nil, {`"a"`, `"a"`}, {`"a"`, ""}} {
		if got, ok := httpfield.ParseETag(lines); ok {
			t.Errorf("a tag is one line: %q gives %+v", lines, got)
		}
	}
}

// TestCompareETags is the table of RFC 9110, section 8.8.3.2.
func TestCompareETags(t *testing.T) {
	t.Parallel()
	strong1, weak1, weak2 := etag{Opaque: "1"}, etag{Weak: true, Opaque: "1"}, etag{Weak: true, Opaque: "2"}
	for _, test := range []struct {
		a, b         etag
		strong, weak bool
	}{
		{weak1, weak1, false, true},
		{weak1, weak2, false, false},
		{weak1, strong1, false, true},
		{strong1, weak1, false, true},
		{strong1, strong1, true, true},
		{strong1, etag{Opaque: "2"}, false, false},
	} {
		if strong, weak := test.a.StrongEqual(test.b), test.a.WeakEqual(test.b); strong != test.strong || weak != test.weak {
			t.Errorf("%v and %v: strong %v, weak %v", test.a, test.b, strong, weak)
		}
	}
}

func TestParseETags(t *testing.T) {
	t.Parallel()
	a, b, weak := etag{Opaque: "a"}, etag{Opaque: "b"}, etag{Weak: true, Opaque: "w"}
	most := slices.Repeat([]string{`"a"`}, httpfield.MaxETags)
	for _, test := range []struct {
		rule  string
		lines []string
		want  []etag
		ok    bool
	}{
		{"no lines are an empty list", nil, nil, true},
		{"RFC 9110, 13.1.2: a list", []string{`"a", W/"w","b"`}, []etag{a, weak, b}, true},
		{"RFC 9110, 5.3: over lines", []string{`"a"`, `"b", W/"w"`}, []etag{a, b, weak}, true},
		{"RFC 9110, 5.6.1.2: empty elements do not count", []string{``, ` ,, "a" ,`, "\t"}, []etag{a}, true},
		{"RFC 9110, 8.8.3: a comma in a tag is part of it", []string{`"a,b", "b"`}, []etag{{Opaque: "a,b"}, b}, true},
		{"… and a backslash escapes nothing", []string{`"a\", "b"`}, []etag{{Opaque: `a\`}, b}, true},
		{"a star is a tag in quotes", []string{`"*"`}, []etag{{Opaque: "*"}}, true},
		{"the same again is kept", []string{`"a", "a"`}, []etag{a, a}, true},
		{"as many as a request may have", most, slices.Repeat([]etag{a}, httpfield.MaxETags), true},

		{"one more", append(most, `"b"`), slices.Repeat([]etag{a}, httpfield.MaxETags), false},
		{"RFC 9110, 13.1.2: a star beside a tag", []string{`*, "a"`}, []etag{a}, false},
		{"… after it", []string{`"a"`, `*`}, []etag{a}, false},
		{"… beside another", []string{`*, *`}, nil, false},
		{"… on another line", []string{`*`, `*`}, nil, false},
		{"without quotes", []string{`a, "b"`}, []etag{b}, false},
		{"left open", []string{`"a", "b`}, []etag{a}, false},
		{"left open on one line, which ends it", []string{`"a, "b`, `"b"`}, []etag{b}, false},
		{"the prefix is case-sensitive", []string{`w/"w", "b"`}, []etag{b}, false},
		{"a bad character, before a comma", []string{`"a ,b", "b"`}, []etag{b}, false},
		{"a bad character, and a tag that is none", []string{`"a ,","b"`}, []etag{b}, false},
		{"no comma between", []string{`"a" "b", W/"w"`}, []etag{weak}, false},
		{"something after", []string{`"a"x, "b"`}, []etag{b}, false},
		{"something before", []string{`x"a", "b"`}, []etag{b}, false},
	} {
		got, matchAny, ok := httpfield.ParseETags(test.lines)
		if diff := cmp.Diff(test.want, got); diff != "" || matchAny || ok != test.ok {
			t.Errorf("%s: %.60q: %v, %v (-want +got)\n%s", test.rule, test.lines, matchAny, ok, diff)
		}
	}
	for _, line := range []string{"*", " *\t"} {
		if got, matchAny, ok := httpfield.ParseETags([]string{line}); got != nil || !matchAny || !ok {
			t.Errorf("RFC 9110, 13.1.2: %q gives %v, %v, %v", line, got, matchAny, ok)
		}
	}
}

var (
	plainETag  = regexp.MustCompile(`^(?:W/)?"[!#-~\x{80}-\x{ff}]*"$`)
	plainETags = regexp.MustCompile(`^(?:[ \t]*(?:(?:W/)?"[!#-~\x{80}-\x{ff}]*")?[ \t]*(?:,|$))*$`)
)

// latin1 makes every byte a character, so that a regular expression sees bytes.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func FuzzParseETag(f *testing.F) {
	f.Add(`W/"a\"`)
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.Trim(line, " \t")
		tag, ok := httpfield.ParseETag([]string{line})
		if ok != plainETag.MatchString(latin1(line)) || ok && tag.String() != line {
			t.Errorf("%q gives %q, %v", line, tag, ok)
		}
	})
}

func FuzzParseETags(f *testing.F) {
	f.Add(`W/"a\" , "b,c",`, `"d"`)
	f.Add(`*`, ``)
	f.Add(`"a" "b", "c`, `w/"d",x"e"`)
	f.Fuzz(func(t *testing.T, one, two string) {
		list, matchAny, ok := httpfield.ParseETags([]string{one, two})
		want := plainETags.MatchString(latin1(one)) && plainETags.MatchString(latin1(two))
		if matchAny || ok != want && len(list) < httpfield.MaxETags {
			t.Errorf("%q, %q: %v, %v, want %v", one, two, matchAny, ok, want)
		}
		var lines []string
		for _, tag := range list {
			if s := tag.String(); !plainETag.MatchString(latin1(s)) || !strings.Contains(one, s) && !strings.Contains(two, s) {
				t.Errorf("%q, %q: %q was not there", one, two, s)
			}
			lines = append(lines, tag.String())
		}
		again, _, ok := httpfield.ParseETags([]string{strings.Join(lines, ",")})
		if !ok || !slices.Equal(again, list) {
			t.Errorf("written again: %q, want %q", again, list)
		}
	})
}
