package httpfield_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

func TestParseTargeted(t *testing.T) {
	t.Parallel()
	type resp = httpfield.Response
	nothing := response(func(*resp) {})
	for _, test := range []struct {
		rule  string
		lines []string
		want  resp
	}{
		{"RFC 9213, 2.1: the directives of Cache-Control", []string{
			"no-store, no-cache, private, public, must-revalidate, proxy-revalidate, must-understand, immutable",
			"max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4",
		}, resp{
			NoStore: true, NoCache: true, Private: true, Public: true, MustRevalidate: true, ProxyRevalidate: true,
			MustUnderstand: true, Immutable: true, MaxAge: time.Second, SharedMaxAge: 2 * time.Second,
			StaleWhileRevalidate: 3 * time.Second, StaleIfError: 4 * time.Second,
		}},
		{"unknown members are passed over", []string{`x, y=1.5, z="max-age=1", w=(1 a "b");c, max-age=60, v=:aGk=:, u=@5, s=%"f%c3%bc"`}, maxAge(time.Minute)},
		{"a field of unknown members is a field", []string{"x"}, nothing},
		{"RFC 9651, 3.3.6: true and false", []string{"no-store=?1, public=?0, private=?0, no-cache=?0"}, response(func(r *resp) { r.NoStore = true })},
		{"RFC 9651, 4.2.2: of a repeated member the last counts", []string{"max-age=1, no-store, max-age=60, no-store=?0"}, maxAge(time.Minute)},
		{"… wrong or not", []string{"max-age=1, max-age=x"}, nothing},
		{"… over lines too", []string{"max-age=1", "max-age=60"}, maxAge(time.Minute)},
		{"RFC 9213, 2.1: parameters are ignored", []string{"max-age=60;x=1;y, no-store;z=?0"}, response(func(r *resp) { r.MaxAge, r.NoStore = time.Minute, true })},
		{"RFC 9213, 2.1: a flag of another type is not taken", []string{`no-store=1, public="x", immutable=a, must-revalidate=(a), must-understand=1.0`}, nothing},
		{"RFC 9213, 2.1: a time of another type is not taken", []string{`max-age="60", s-maxage=60.0, stale-if-error, stale-while-revalidate=(60)`}, nothing},
		{"… as a Date or Token", []string{`max-age=@60, s-maxage=a60`}, nothing},
		{"a negative time is not taken", []string{"max-age=-1"}, nothing},
		{"0 is a time", []string{"max-age=0, s-maxage=-0"}, response(func(r *resp) { r.MaxAge, r.SharedMaxAge = 0, 0 })},
		{"RFC 9651, 4.2.4: leading zeros count for nothing", []string{"max-age=0060"}, maxAge(time.Minute)},
		{"RFC 9111, 1.2.2: too large is 2^31", []string{"max-age=999999999999999"}, maxAge(most)},
		{"just below 2^31", []string{"max-age=2147483647"}, maxAge(most - time.Second)},
		{"a qualified form restricts all: String", []string{`no-cache="set-cookie"`}, response(func(r *resp) { r.NoCache = true })},
		{"… Inner List", []string{`private=("a" "b");x`}, response(func(r *resp) { r.Private = true })},
		{"… empty", []string{`private=()`}, response(func(r *resp) { r.Private = true })},
		{"… Token", []string{`private=set-cookie`}, response(func(r *resp) { r.Private = true })},
		{"… but nothing that is no list", []string{`private=1, no-cache=1.5`}, nothing},
		{"RFC 9651, 4.2: spaces around, whitespace around commas", []string{"  max-age=60 \t,\t no-store  "}, response(func(r *resp) { r.MaxAge, r.NoStore = time.Minute, true })},
		{"RFC 9651, 3.2: a dictionary has room for 1024 members", []string{manyMembers(1024) + "max-age=60"}, maxAge(time.Minute)},
	} {
		got, ok := httpfield.ParseTargeted(test.lines)
		if diff := cmp.Diff(test.want, got); diff != "" || !ok {
			t.Errorf("%s: %q: %v (-want +got)\n%s", test.rule, test.lines, ok, diff)
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%063d=%d, ", i, i)
	}
	return b.String()
}

// TestParseTargetedRefuses has fields that a cache must ignore as a whole (RFC 9213,
// section 2.1).
func TestParseTargetedRefuses(t *testing.T) {
	t.Parallel()
	want := response(func(*httpfield.Response) {})
	for _, test := range []struct {
		rule  string
		lines []string
	}{
		{"RFC 9213, 2.1: absent", nil},
		{"RFC 9213, 2.1: empty", []string{""}},
		{"… of spaces", []string{"  "}},
		{"… on two lines, which is a comma", []string{"", ""}},
		{"RFC 9651, 4.2: an empty line leaves a comma", []string{"max-age=60", ""}},
		{"RFC 9651, 4.2.2: a trailing comma", []string{"max-age=60,"}},
		{"… an empty element", []string{"max-age=60,, public"}},
		{"… a leading comma", []string{", max-age=60"}},
		{"… no comma between", []string{"max-age=60 public"}},
		{"RFC 9651, 4.2: a tab before all", []string{"\tmax-age=60"}},
		{"RFC 9651, 3.1.2: a name in upper case", []string{"Max-Age=60"}},
		{"… beginning with a digit", []string{"max-age=60, 1x"}},
		{"… with something else", []string{"max-age=60, x!"}},
		{"… none", []string{"max-age=60, =1"}},
		{"spaces around the sign", []string{"max-age = 60"}},
		{"… before it", []string{"max-age =60"}},
		{"… after it", []string{"max-age= 60"}},
		{"no value after the sign", []string{"max-age="}},
		{"RFC 9651, 4.2.4: 16 digits", []string{"max-age=1000000000000000"}},
		{"… a decimal without digits", []string{"max-age=60."}},
		{"… with four", []string{"max-age=60.0000"}},
		{"… with 13 before the point", []string{"max-age=1234567890123.0"}},
		{"… a plus sign", []string{"max-age=+60"}},
		{"… a sign alone", []string{"max-age=-"}},
		{"… letters after the number", []string{"max-age=60s"}},
		{"RFC 9651, 4.2.5: a quote left open", []string{`max-age=60, x="a`}},
		{"… an escape of something else", []string{`max-age=60, x="\a"`}},
		{"… a character beyond ASCII", []string{`max-age=60, x="ü"`}},
		{"… a control character", []string{"max-age=60, x=\"a\tb\""}},
		{"… DEL", []string{"max-age=60, x=\"a\x7fb\""}},
		{"RFC 9651, 4.2.8: a Boolean of another digit", []string{"max-age=60, x=?2"}},
		{"… of none", []string{"max-age=60, x=?"}},
		{"RFC 9651, 4.2.7: bytes that are not base64", []string{"max-age=60, x=:a!:"}},
		{"… left open", []string{"max-age=60, x=:aGk="}},
		{"RFC 9651, 4.2.9: a Date with a fraction", []string{"max-age=60, x=@1.5"}},
		{"RFC 9651, 4.2.10: a Display String in upper case hexadecimal", []string{`max-age=60, x=%"%C3%BC"`}},
		{"… that is not UTF-8", []string{`max-age=60, x=%"%c3"`}},
		{"RFC 9651, 4.2.1.2: an Inner List left open", []string{"max-age=60, x=(a b"}},
		{"… with a comma", []string{"max-age=60, x=(a, b)"}},
		{"… in one another", []string{"max-age=60, x=((a))"}},
		{"… without a space between", []string{`max-age=60, x=("a""b")`}},
		{"RFC 9651, 4.2.3.2: a parameter in upper case", []string{"max-age=60;X"}},
		{"… without a name", []string{"max-age=60;"}},
		{"… with a space before the semicolon", []string{"max-age=60 ;x"}},
		{"… with an Inner List", []string{"max-age=60;x=(a)"}},
		{"single quotes", []string{"max-age='60'"}},
		{"longer than 512 KiB", []string{"max-age=60, x=" + strings.Repeat("a", 1<<19)}},
		{"… over all lines", slices.Repeat([]string{"max-age=60, x=" + strings.Repeat("a", 1<<16)}, 8)},
	} {
		got, ok := httpfield.ParseTargeted(test.lines)
		if diff := cmp.Diff(want, got); diff != "" || ok {
			t.Errorf("%s: %.40q: %v (-want +got)\n%s", test.rule, test.lines, ok, diff)
		}
	}
}

func FuzzParseTargeted(f *testing.F) {
	f.Add(`max-age=60;x, no-cache=("a"), private="b", public=?0`, "s-maxage=5")
	f.Fuzz(func(t *testing.T, one, two string) {
		r, ok := httpfield.ParseTargeted([]string{one, two})
		again, okAgain := httpfield.ParseTargeted([]string{one + ", " + two})
		if diff := cmp.Diff(r, again); diff != "" || ok != okAgain {
			t.Errorf("on one line (-lines +line)\n%s", diff)
		}
		if !ok {
			if diff := cmp.Diff(response(func(*httpfield.Response) {}), r); diff != "" {
				t.Errorf("%q, %q: refused with directives\n%s", one, two, diff)
			}
			return
		}
		lines := written(r)
		if diff := cmp.Diff(r, httpfield.ParseResponse(lines)); diff != "" {
			t.Errorf("as Cache-Control (-want +got)\n%s", diff)
		}
		if again, _ := httpfield.ParseTargeted(lines); len(lines) > 0 && !cmp.Equal(again, r) {
			t.Errorf("written again: %+v, want %+v", again, r)
		}
	})
}

func TestParseGroups(t *testing.T) {
	t.Parallel()
	long := slices.Repeat([]string{strings.Repeat("g", 128)}, 128)
	escaped := `"` + strings.Repeat(`\"`, 256) + `", `
	for _, test := range []struct {
		rule  string
		lines []string
		want  []string
	}{
		{"1,000 escaped groups of 256", []string{strings.Repeat(escaped, 999) + `"a"`}, append(slices.Repeat([]string{strings.Repeat(`"`, 256)}, 999), "a")},
		{"an empty List has no groups", []string{""}, nil},
		{"RFC 9875, 2: a List of Strings, case-sensitive", []string{`"a", "A", "a"`}, []string{"a", "A", "a"}},
		{"RFC 9651, 4.2: over lines", []string{`"a"`, `"b", "c"`}, []string{"a", "b", "c"}},
		{"RFC 9651, 4.2.1: whitespace around commas", []string{` "a"` + "\t,  " + `"b" `}, []string{"a", "b"}},
		{"RFC 9651, 3.3.3: commas, spaces and escapes are text", []string{`"a, b", "c\"d\\", ""`}, []string{"a, b", `c"d\`, ""}},
		{"RFC 9875, 2: parameters are ignored", []string{`"a";x, "b"; y=1.5;z="q,;"`}, []string{"a", "b"}},
		{"RFC 9875, 2: 128 groups of 128 characters", []string{`"` + strings.Join(long, `", "`) + `"`}, long},
	} {
		got, ok := httpfield.ParseGroups(test.lines)
		if !slices.Equal(got, test.want) || !ok {
			t.Errorf("%s: %q gives %q, %v, want %q", test.rule, test.lines, got, ok, test.want)
		}
	}
	for _, test := range []struct {
		rule  string
		lines []string
	}{
		{"RFC 9875, 2: a Token is no String", []string{`"a", b`}},
		{"… nor is a number", []string{`1, "a"`}},
		{"… nor an Inner List", []string{`("a")`}},
		{"… nor bytes", []string{`:aGk=:`}},
		{"… nor a Display String", []string{`%"a"`}},
		{"RFC 9651, 4.2.1: a trailing comma", []string{`"a",`}},
		{"… a leading one", []string{`, "a"`}},
		{"… none between", []string{`"a" "b"`}},
		{"… an empty line", []string{`"a"`, ``}},
		{"RFC 9651, 4.2.5: left open", []string{`"a", "b`}},
		{"… a bad escape", []string{`"a\b"`}},
		{"… a character beyond ASCII", []string{`"ü"`}},
		{"RFC 9651, 4.2.3.2: a parameter without a name", []string{`"a";`}},
		{"longer than 512 KiB", []string{`"` + strings.Repeat("a", 1<<19) + `"`}},
	} {
		if got, ok := httpfield.ParseGroups(test.lines); got != nil || ok {
			t.Errorf("%s: %.40q gives %.40q, %v", test.rule, test.lines, got, ok)
		}
	}
}

func FuzzParseGroups(f *testing.F) {
	f.Add(`"a";p=1, "b\\"`)
	f.Fuzz(func(t *testing.T, line string) {
		groups, ok := httpfield.ParseGroups([]string{line})
		if !ok && groups != nil {
			t.Fatalf("%q: refused with groups", line)
		}
		escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		var items []string
		for _, group := range groups {
			if strings.ContainsFunc(group, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Errorf("%q gives %q, which no String is", line, group)
			}
			items = append(items, `"`+escape.Replace(group)+`"`)
		}
		if again, ok := httpfield.ParseGroups(items); !slices.Equal(again, groups) || !ok {
			t.Errorf("written again: %q, want %q", again, groups)
		}
	})
}
