package httpfield_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

func TestParseVary(t *testing.T) {
	t.Parallel()
	var names, sorted []string
	for i := range 64 {
		names = append(names, fmt.Sprintf("x%02d", 63-i))
		sorted = append(sorted, fmt.Sprintf("X%02d", i))
	}
	most := strings.Join(names, ",")
	for _, test := range []struct {
		rule  string
		lines []string
		want  []string
	}{
		{"RFC 9110, 12.5.5: names, over lines", []string{"Origin", "Accept"}, []string{"Accept", "Origin"}},
		{"RFC 9110, 5.1: names do not depend on case", []string{"accept-ENCODING, aCCEPT-encoding"}, []string{"Accept-Encoding"}},
		{"each once", []string{"b, a, b", "a, B"}, []string{"A", "B"}},
		{"RFC 9110, 5.6.1.2: empty elements do not count", []string{"", " ,, a\t,", ","}, []string{"A"}},
		{"nothing to vary on", nil, nil},
		{"a star in a name is one of its letters", []string{"a*, **"}, []string{"**", "A*"}},
		{"as many as may be", []string{most, most, most}, sorted},
	} {
		got, matchNone := httpfield.ParseVary(test.lines)
		if !slices.Equal(got, test.want) || matchNone {
			t.Errorf("%s: %q gives %q, %v", test.rule, test.lines, got, matchNone)
		}
	}
	for rule, lines := range map[string][][]string{
		"RFC 9111, 4.1: a star in any place": {{"*"}, {" * "}, {"*, a"}, {"a, *"}, {"a,*,b"}, {"a", "*"}, {"*", "a"}, {"", ",*,"}, {"*", "*"}},
		"what is no field name":              {{"a b"}, {"a, b;c"}, {`"a"`}, {`x"a, *, "`}, {"ü"}, {"a", "b:"}},
		"more than may be":                   {{most + ",y"}, {most, "y"}},
	} {
		for _, lines := range lines {
			if got, matchNone := httpfield.ParseVary(lines); got != nil || !matchNone {
				t.Errorf("%s: %q gives %q, %v", rule, lines, got, matchNone)
			}
		}
	}
}

func FuzzParseVary(f *testing.F) {
	f.Add("accept, *", "b")
	f.Add("b,,A-b ,a", "a b")
	f.Fuzz(func(t *testing.T, one, two string) {
		got, matchNone := httpfield.ParseVary([]string{one, two})
		want, star := map[string]bool{}, false
		for name := range strings.SplitSeq(one+","+two, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				want[strings.ToLower(name)] = true
				star = star || name == "*" || !plainToken.MatchString(name)
			}
		}
		if star = star || len(want) > 64; star != matchNone {
			t.Fatalf("%q, %q: matches none: %v, want %v", one, two, matchNone, star)
		}
		if !star && len(got) != len(want) || !slices.IsSorted(got) {
			t.Errorf("%q, %q gives %q", one, two, got)
		}
		for _, name := range got {
			if !want[strings.ToLower(name)] {
				t.Errorf("%q, %q gives %q", one, two, got)
			}
		}
	})
}

func TestNormalizeSelecting(t *testing.T) {
	t.Parallel()
	most := strings.Repeat("B, a, ", 128)
	for _, test := range []struct {
		rule, name string
		lines      []string
		want       string
	}{
		{"RFC 9111, 4.1: lines are combined", "X", []string{"b", "a"}, "b, a"},
		{"… as one line has it", "X", []string{"b, a"}, "b, a"},
		{"… empty ones too", "X", []string{"", "a"}, ", a"},
		{"… at the end", "X", []string{"a", ""}, "a,"},
		{"whitespace around is no part", "X", []string{" \ta b "}, "a b"},
		{"… of any line", "X", []string{" b ", " a "}, "b, a"},
		{"of an unknown field all else may matter", "User-Agent", []string{"B (x,  y) ; A,a"}, "B (x,  y) ; A,a"},
		{"present and empty", "X", []string{""}, ""},
		{"present and empty", "Accept", []string{" "}, ""},

		{"RFC 9110, 12.5.4: languages: whitespace, case, order", "Accept-Language", []string{"en-US ,DE\t, fr"}, "de,en-us,fr"},
		{"RFC 9110, 12.5.3: codings", "Accept-Encoding", []string{"GZIP, br, deflate"}, "br,deflate,gzip"},
		{"RFC 9110, 12.5.2: charsets", "Accept-Charset", []string{"UTF-8", "iso-8859-1"}, "iso-8859-1,utf-8"},
		{"RFC 9110, 12.5.1: types", "Accept", []string{"Text/HTML, */*"}, "*/*,text/html"},
		{"RFC 9110, 5.6.1.2: empty elements do not count", "Accept-Encoding", []string{"", ", gzip,, br ,"}, "br,gzip"},
		{"RFC 9110, 12.4.2: weights are kept, whitespace around semicolons is not", "Accept-Encoding", []string{"gzip ; Q=0.5, br\t;q=1"}, "br;q=1,gzip;q=0.5"},
		{"… inside a weight it is wrong, and stays", "Accept-Encoding", []string{"gzip;q = 0.5, Br; q =1"}, "br;q =1,gzip;q = 0.5"},
		{"a weight that is the default is not dropped", "Accept-Encoding", []string{"gzip;q=1.0"}, "gzip;q=1.0"},
		{"the same again is not dropped", "Accept-Encoding", []string{"gzip, gzip;q=0"}, "gzip,gzip;q=0"},
		{"RFC 9110, 5.6.6: names of parameters in lower case, values as they are", "Accept", []string{`Text/X ;Profile=Foo; B="C ;D, E"`}, `text/x;profile=Foo;b="C ;D, E"`},
		{"what is quoted stays, wherever it is", "Accept", []string{`B/b;"X ; Y", "A"`}, `"A",b/b;"X ; Y"`},
		{"a quoted comma ends nothing", "Accept", []string{`z/z;a=", B", a/a`}, `a/a,z/z;a=", B"`},
		{"an empty parameter is kept", "Accept", []string{"A/a; ;q=1 ;"}, "a/a;;q=1;"},
		{"a quote left open: as it came", "Accept", []string{`B/b, A/a;x="`, "C"}, `B/b, A/a;x=", C`},
		{"a quote closed on another line closes it", "Accept", []string{`B/b, A/a;x="`, `C"`}, `a/a;x=", C",b/b`},
		{"foreign letters stay", "Accept-Language", []string{"Ü, \xffA, \u212a"}, "Ü,\u212a,\xffa"},
		{"256 elements are sorted", "Accept-Encoding", []string{most}, strings.Repeat("a,", 128) + strings.TrimRight(strings.Repeat("b,", 128), ",")},
		{"more are compared as they came", "Accept-Encoding", []string{most, "C"}, most[:len(most)-1] + ", C"},
	} {
		got, present := httpfield.NormalizeSelecting(test.name, test.lines)
		if got != test.want || !present {
			t.Errorf("%s: %s: %q gives %q, %v, want %q", test.rule, test.name, test.lines, got, present, test.want)
		}
	}
	if got, present := httpfield.NormalizeSelecting("Accept", nil); got != "" || present {
		t.Errorf("absent gives %q, %v", got, present)
	}
}

// TestNormalizeSelectingHowever writes a list in several ways that mean the same.
func TestNormalizeSelectingHowever(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		element := rapid.StringMatching(`[a-zA-Z*][a-zA-Z-]{0,3}(/[a-z])?(;[qQ]=[01]|;p="[a-z ,;]*")?`)
		elements := rapid.SliceOfN(element, 1, 8).Draw(t, "elements")
		want, _ := httpfield.NormalizeSelecting("Accept", []string{strings.Join(elements, ",")})

		space := rapid.SampledFrom([]string{"", " ", "\t", "  "})
		var lines []string
		for _, e := range rapid.Permutation(elements).Draw(t, "order") {
			name, parameter, ok := strings.Cut(e, ";")
			if ok {
				parameter = space.Draw(t, "space") + ";" + space.Draw(t, "space") + parameter
			}
			e = space.Draw(t, "space") + strings.ToUpper(name) + parameter + space.Draw(t, "space")
			if len(lines) > 0 && rapid.Bool().Draw(t, "same line") {
				lines[len(lines)-1] += "," + e
			} else {
				lines = append(lines, e, "")
			}
		}
		if got, _ := httpfield.NormalizeSelecting("Accept", lines); got != want {
			t.Fatalf("%q gives %q, want %q", lines, got, want)
		}
	})
}

func FuzzNormalizeSelecting(f *testing.F) {
	f.Add("Accept", `z="q;W ", m="X y`, "a")
	f.Add("Accept-Language", `en ; Q = 1,, de`, "")
	f.Add("X", " a", " B")
	f.Fuzz(func(t *testing.T, name, one, two string) {
		value, _ := httpfield.NormalizeSelecting(name, []string{one, two})
		if again, _ := httpfield.NormalizeSelecting(name, []string{value}); again != value {
			t.Errorf("%q, %q gives %q and then %q", one, two, value, again)
		}
		joined, _ := httpfield.NormalizeSelecting(name, []string{strings.Trim(one, " \t") + ", " + strings.Trim(two, " \t")})
		if joined != value {
			t.Errorf("%q, %q gives %q, on one line %q", one, two, value, joined)
		}
		if got, want := letters(value), letters(one+two); got != want {
			t.Errorf("%q, %q gives %q: %s, want %s", one, two, value, got, want)
		}
	})
}

// letters gives what normalising must neither add nor lose, in some order.
func letters(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	b = slices.DeleteFunc(b, func(c byte) bool { return c == ' ' || c == '\t' || c == ',' })
	slices.Sort(b)
	return string(b)
}
