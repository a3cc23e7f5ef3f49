package httpfield_test

import (
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// most is what any larger number of seconds counts as.
const most = 1 << 31 * time.Second

// response is one without directives, save for what is set.
func response(set func(*httpfield.Response)) httpfield.Response {
	r := httpfield.Response{
		MaxAge: httpfield.Absent, SharedMaxAge: httpfield.Absent,
		StaleWhileRevalidate: httpfield.Absent, StaleIfError: httpfield.Absent,
	}
	set(&r)
	return r
}

func maxAge(t time.Duration) httpfield.Response {
	return response(func(r *httpfield.Response) { r.MaxAge = t })
}

func TestParseResponse(t *testing.T) {
	t.Parallel()
	type resp = httpfield.Response
	nothing := response(func(*resp) {})
	noCache := response(func(r *resp) { r.NoCache = true })
	for _, test := range []struct {
		rule  string
		lines []string
		want  resp
	}{
		{"no field, no directives", nil, nothing},
		{"an empty field, no directives", []string{""}, nothing},
		{"RFC 9111, 5.2.2: all of them", []string{"no-store, no-cache, private, public", "must-revalidate, proxy-revalidate, must-understand"}, response(func(r *resp) {
			r.NoStore, r.NoCache, r.Private, r.Public = true, true, true, true
			r.MustRevalidate, r.ProxyRevalidate, r.MustUnderstand = true, true, true
		})},
		{"RFC 8246: immutable; RFC 5861: stale use", []string{"max-age=1, s-maxage=2, immutable, stale-while-revalidate=3, stale-if-error=4"}, resp{
			Immutable: true, MaxAge: time.Second, SharedMaxAge: 2 * time.Second,
			StaleWhileRevalidate: 3 * time.Second, StaleIfError: 4 * time.Second,
		}},
		{"RFC 9111, 5.2: names do not depend on case", []string{"Max-AGE=60, NO-Store"}, response(func(r *resp) { r.MaxAge, r.NoStore = time.Minute, true })},
		{"names are whole", []string{"xno-store, no-storex, no-store-, no_store, max-age-=1, x-max-age=2"}, nothing},
		{"foreign letters do not fold into names", []string{"no-ſtore, imm\u00fctable"}, nothing},
		{"RFC 9111, 5.2: an argument may be quoted", []string{`max-age="60"`}, maxAge(time.Minute)},
		{"RFC 9110, 5.6.4: a quoted pair is its character", []string{`max-age="\6\0"`}, maxAge(time.Minute)},
		{"RFC 9111, 1.2.2: leading zeros count for nothing", []string{"max-age=0060"}, maxAge(time.Minute)},
		{"RFC 9111, 1.2.2: 2^31 is not too large", []string{"max-age=2147483648"}, maxAge(most)},
		{"RFC 9111, 1.2.2: too large is 2^31", []string{"max-age=2147483649"}, maxAge(most)},
		{"RFC 9111, 1.2.2: however large", []string{"max-age=" + strings.Repeat("9", 100)}, maxAge(most)},
		{"just below 2^31", []string{"max-age=2147483647"}, maxAge(most - time.Second)},
		{"RFC 9111, 4.2.1: of a repeated time the first counts", []string{"max-age=1, max-age=60"}, maxAge(time.Second)},
		{"… over lines too", []string{"max-age=1", "max-age=60"}, maxAge(time.Second)},
		{"… valid or not", []string{"max-age=x, max-age=60"}, maxAge(0)},
		{"… and 0 is a time", []string{"max-age=0, max-age=60"}, maxAge(0)},
		{"RFC 9111, 4.2.1: invalid freshness is stale: no argument", []string{"max-age"}, maxAge(0)},
		{"… an empty one", []string{"max-age="}, maxAge(0)},
		{"… an empty quoted one", []string{`max-age=""`}, maxAge(0)},
		{"… a fraction", []string{"max-age=1.5"}, maxAge(0)},
		{"… a sign", []string{"max-age=-1"}, maxAge(0)},
		{"… a plus sign", []string{"max-age=+1"}, maxAge(0)},
		{"… letters after", []string{"max-age=60s"}, maxAge(0)},
		{"… letters before", []string{"max-age=a60"}, maxAge(0)},
		{"… whitespace around the sign", []string{"max-age = 5"}, maxAge(0)},
		{"… before it", []string{"max-age =5"}, maxAge(0)},
		{"… after it", []string{"max-age= 5"}, maxAge(0)},
		{"… inside quotes", []string{`max-age=" 5"`}, maxAge(0)},
		{"… within", []string{"max-age=5 5"}, maxAge(0)},
		{"… single quotes", []string{"max-age='5'"}, maxAge(0)},
		{"… a quote left open", []string{`max-age="5`}, maxAge(0)},
		{"… something after the quote", []string{`max-age="5"0`}, maxAge(0)},
		{"… an escape after the quote", []string{`max-age="5"\x`}, maxAge(0)},
		{"… two equals signs", []string{"max-age==5"}, maxAge(0)},
		{"… other digits than ASCII", []string{"max-age=٥"}, maxAge(0)},
		{"the same for s-maxage", []string{"s-maxage=1.5"}, response(func(r *resp) { r.SharedMaxAge = 0 })},
		{"RFC 5861: an invalid window is none", []string{"stale-while-revalidate, stale-if-error=x"}, response(func(r *resp) { r.StaleWhileRevalidate, r.StaleIfError = 0, 0 })},
		{"RFC 9111, 5.2.3: unknown directives are passed over", []string{`foo, max-age=60, bar=1, baz="max-age=1, no-store", qux='x`}, maxAge(time.Minute)},
		{"junk between commas damages nothing", []string{",, =, ==1, ;, @ §, =no-store, \x00, max-age=60, \xff"}, maxAge(time.Minute)},
		{"a directive is no directive in quotes", []string{`"no-store", x="\", no-store"`}, nothing},
		{"a quote left open swallows its line", []string{`max-age=60, x="a, no-store`, "public"}, response(func(r *resp) { r.MaxAge, r.Public = time.Minute, true })},
		{"a flag is one with an argument, too", []string{`no-store=1, must-revalidate="x"`}, response(func(r *resp) { r.NoStore, r.MustRevalidate = true, true })},
		{"whitespace after a flag", []string{"no-store\t = x"}, response(func(r *resp) { r.NoStore = true })},

		{"RFC 9111, 5.2.2.4 and 5.2.2.7: qualified forms", []string{`no-cache="set-cookie, X-a", private="b"`}, response(func(r *resp) {
			r.NoCacheFields, r.PrivateFields = []string{"Set-Cookie", "X-A"}, []string{"B"}
		})},
		{"RFC 9111, 5.2: as tokens too", []string{"no-cache=set-cookie"}, response(func(r *resp) { r.NoCacheFields = []string{"Set-Cookie"} })},
		{"RFC 9110, 5.6.1.2: empty elements of the list do not count", []string{`private=", a,,"`}, response(func(r *resp) { r.PrivateFields = []string{"A"} })},
		{"repeated, all names count", []string{`private="a"`, `private="b"`}, response(func(r *resp) { r.PrivateFields = []string{"A", "B"} })},
		{"beside the unqualified form that one counts", []string{`no-cache="a", no-cache`}, response(func(r *resp) { r.NoCache, r.NoCacheFields = true, []string{"A"} })},
		{"… in any order", []string{`no-cache, no-cache="a"`}, response(func(r *resp) { r.NoCache, r.NoCacheFields = true, []string{"A"} })},
		{"an empty list is unqualified", []string{`no-cache=""`}, noCache},
		{"… after one that is not", []string{`no-cache="a", no-cache=""`}, response(func(r *resp) { r.NoCache, r.NoCacheFields = true, []string{"A"} })},
		{"a list of nothing is unqualified", []string{`no-cache=" ,, "`}, noCache},
		{"no argument after the sign is unqualified", []string{"no-cache="}, noCache},
		{"a list left open is unqualified", []string{`no-cache="a`}, noCache},
		{"a list with something after it is unqualified", []string{`no-cache="a"b`}, noCache},
		{"a list with whitespace before it is unqualified", []string{`no-cache= "a"`}, noCache},
		{"… or before the sign", []string{`no-cache ="a"`}, noCache},
		{"a list of what is no name is unqualified", []string{`no-cache="a b"`}, noCache},
		{"… and private", []string{`private=""`}, response(func(r *resp) { r.Private = true })},
		{"64 names are a list", []string{`private="` + strings.Repeat("a,", 64) + `"`}, response(func(r *resp) { r.PrivateFields = slices.Repeat([]string{"A"}, 64) })},
	} {
		if diff := cmp.Diff(test.want, httpfield.ParseResponse(test.lines)); diff != "" {
			t.Errorf("%s: %q (-want +got)\n%s", test.rule, test.lines, diff)
		}
	}
}

// TestMalformedListIsUnqualified holds for lists of which some names were good.
func TestMalformedListIsUnqualified(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"a, b c", "a, (", `a, \"b\"`, "a, ü", strings.Repeat("a,", 65)} {
		r := httpfield.ParseResponse([]string{`no-cache="` + list + `", private="` + list + `"`})
		if !r.NoCache || !r.Private || len(r.NoCacheFields) > 64 {
			t.Errorf("%.20q gives %+v", list, r)
		}
	}
}

// TestParseResponseHowever writes directives in every way that they may be written
// and finds the same.
func TestParseResponseHowever(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := response(func(r *httpfield.Response) {
			r.MaxAge = time.Duration(rapid.Int64Range(0, 1<<31).Draw(t, "max-age")) * time.Second
			r.StaleIfError = time.Duration(rapid.Int64Range(0, 1<<31).Draw(t, "sie")) * time.Second
			r.NoStore, r.Public = rapid.Bool().Draw(t, "no-store"), rapid.Bool().Draw(t, "public")
			if rapid.Bool().Draw(t, "qualified") {
				r.PrivateFields = []string{"Set-Cookie", "X-A"}
			}
		})
		var elements []string
		for _, d := range written(want) {
			name, argument, _ := strings.Cut(d, "=")
			if rapid.Bool().Draw(t, "upper") {
				name = strings.ToUpper(name)
			}
			if argument != "" && argument[0] != '"' && rapid.Bool().Draw(t, "quoted") {
				argument = `"` + argument + `"`
			}
			if argument != "" {
				name += "="
			}
			junk := rapid.SampledFrom([]string{"", " ", "foo", `x="no-store, max-age=1"`, "='"}).Draw(t, "junk")
			elements = append(elements, junk, " "+name+argument+"\t")
		}
		cut := rapid.IntRange(0, len(elements)).Draw(t, "cut")
		lines := []string{strings.Join(elements[:cut], ","), strings.Join(elements[cut:], ",")}
		if diff := cmp.Diff(want, httpfield.ParseResponse(lines)); diff != "" {
			t.Fatalf("%q (-want +got)\n%s", lines, diff)
		}
	})
}

// written gives the directives of a response, as Cache-Control has them.
func written(r httpfield.Response) (directives []string) {
	for name, set := range map[string]bool{
		"no-store": r.NoStore, "no-cache": r.NoCache, "private": r.Private, "public": r.Public,
		"must-revalidate": r.MustRevalidate, "proxy-revalidate": r.ProxyRevalidate,
		"must-understand": r.MustUnderstand, "immutable": r.Immutable,
	} {
		if set {
			directives = append(directives, name)
		}
	}
	for name, t := range map[string]time.Duration{
		"max-age": r.MaxAge, "s-maxage": r.SharedMaxAge,
		"stale-while-revalidate": r.StaleWhileRevalidate, "stale-if-error": r.StaleIfError,
	} {
		if t != httpfield.Absent {
			directives = append(directives, fmt.Sprintf("%s=%d", name, t/time.Second))
		}
	}
	for name, fields := range map[string][]string{"no-cache": r.NoCacheFields, "private": r.PrivateFields} {
		if fields != nil {
			directives = append(directives, name+`="`+strings.Join(fields, ", ")+`"`)
		}
	}
	slices.Sort(directives)
	return directives
}

func FuzzParseResponse(f *testing.F) {
	f.Add(`max-age="6\0", private="a,b", x=\`, "no-store")
	f.Add("S-MaxAge=99999999999,, no-cache=a", `public, no-cache="a b"`)
	f.Fuzz(func(t *testing.T, one, two string) {
		r := httpfield.ParseResponse([]string{one, two})
		if diff := cmp.Diff(plainResponse(one, two), r); diff != "" {
			t.Errorf("%q, %q (-want +got)\n%s", one, two, diff)
		}
		if diff := cmp.Diff(r, httpfield.ParseResponse(written(r))); diff != "" {
			t.Errorf("written again (-want +got)\n%s", diff)
		}
	})
}

var (
	plainDirective = regexp.MustCompile(`(?s)^([!#$%&'*+.^_` + "`" + `|~0-9A-Za-z-]+)([ \t]*)(=(.*))?$`)
	plainToken     = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	plainQuoted    = regexp.MustCompile(`(?s)^"((?:[^"\\]|\\.)*)"$`)
	plainEscape    = regexp.MustCompile(`(?s)\\(.)`)
	plainSeconds   = regexp.MustCompile(`^[0-9]+$`)
)

// plainArgument is false where an argument is neither a token nor a quoted string.
func plainArgument(s string) (string, bool) {
	if m := plainQuoted.FindStringSubmatch(s); m != nil {
		return plainEscape.ReplaceAllString(m[1], "$1"), true
	}
	return s, plainToken.MatchString(s)
}

func plainTime(argument string, invalid time.Duration) time.Duration {
	s, ok := plainArgument(argument)
	if !ok || !plainSeconds.MatchString(s) {
		return invalid
	}
	if s = strings.TrimLeft(s, "0"); len(s) > len("2147483648") || len(s) == len("2147483648") && s > "2147483648" {
		return most
	}
	d, _ := time.ParseDuration("0" + s + "s")
	return d
}

// plainResponse restates ParseResponse with regular expressions.
func plainResponse(lines ...string) httpfield.Response {
	r := response(func(*httpfield.Response) {})
	flags := map[string]*bool{
		"no-store": &r.NoStore, "no-cache": &r.NoCache, "private": &r.Private, "public": &r.Public,
		"must-revalidate": &r.MustRevalidate, "proxy-revalidate": &r.ProxyRevalidate,
		"must-understand": &r.MustUnderstand, "immutable": &r.Immutable,
	}
	times := map[string]*time.Duration{
		"max-age": &r.MaxAge, "s-maxage": &r.SharedMaxAge,
		"stale-while-revalidate": &r.StaleWhileRevalidate, "stale-if-error": &r.StaleIfError,
	}
	fields := map[string]*[]string{"no-cache": &r.NoCacheFields, "private": &r.PrivateFields}
	for _, line := range lines {
		for _, element := range plainElements(line) {
			m := plainDirective.FindStringSubmatch(element)
			if m == nil {
				continue
			}
			name := strings.ToLower(m[1])
			argument := m[4]
			if m[2] != "" {
				argument = ""
			}
			if list := fields[name]; list != nil && m[3] != "" {
				before := len(*list)
				if plainFields(list, argument) && len(*list) > before {
					continue
				}
			}
			if flag := flags[name]; flag != nil {
				*flag = true
			}
			if t := times[name]; t != nil && *t == httpfield.Absent {
				*t = plainTime(argument, 0)
			}
		}
	}
	return r
}

func plainFields(list *[]string, argument string) bool {
	names, ok := plainArgument(argument)
	if !ok {
		return false
	}
	for _, name := range plainElements(names) {
		if !plainToken.MatchString(name) || len(*list) == 64 {
			return false
		}
		*list = append(*list, textproto.CanonicalMIMEHeaderKey(name))
	}
	return true
}
