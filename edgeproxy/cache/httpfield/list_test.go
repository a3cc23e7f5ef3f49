package httpfield_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

func TestListElements(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule  string
		lines []string
		want  []string
	}{
		{"no lines have no elements", nil, nil},
		{"RFC 9110, 5.6.1.2: empty elements do not count", []string{"", " ", ",, ,\t,"}, nil},
		{"RFC 9110, 5.6.1.1: whitespace around commas is no part", []string{" a ,\tb\t, c d "}, []string{"a", "b", "c d"}},
		{"RFC 9110, 5.3: lines continue the list", []string{"a, b", "c"}, []string{"a", "b", "c"}},
		{"RFC 9110, 5.6.4: a comma in quotes is text", []string{`x="a,b", "c,d"`}, []string{`x="a,b"`, `"c,d"`}},
		{"RFC 9110, 5.6.4: an escaped quote does not close", []string{`"a\",b", c`}, []string{`"a\",b"`, "c"}},
		{"RFC 9110, 5.6.4: an escaped backslash escapes nothing", []string{`"a\\", c`}, []string{`"a\\"`, "c"}},
		{"outside quotes a backslash is a character", []string{`\,b`, `\"a,b"`}, []string{`\`, "b", `\"a,b"`}},
		{"a quote left open reaches to the end of its line only", []string{`a, "b, c`, "d"}, []string{"a", `"b, c`, "d"}},
		{"an escape at the end of a line closes nothing", []string{`a, "b\`, "d"}, []string{"a", `"b\`, "d"}},
		{"single quotes do not quote", []string{"'a,b'"}, []string{"'a", "b'"}},
	} {
		if got := slices.Collect(httpfield.ListElements(test.lines)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q gives %q, want %q", test.rule, test.lines, got, test.want)
		}
	}
}

func TestListElementsStopsWhenAsked(t *testing.T) {
	t.Parallel()
	for element := range httpfield.ListElements([]string{"a, b", "c"}) {
		if element != "a" {
			t.Errorf("went on to %q", element)
		}
		break
	}
}

func FuzzListElements(f *testing.F) {
	f.Add(`a, "b\",c", ,d="e`, `"f"g,h`)
	f.Fuzz(func(t *testing.T, one, two string) {
		want := append(plainElements(one), plainElements(two)...)
		if got := slices.Collect(httpfield.ListElements([]string{one, two})); !slices.Equal(got, want) {
			t.Errorf("%q, %q: got %q, want %q", one, two, got, want)
		}
	})
}

// plainElements restates ListElements for one line, a byte at a time.
func plainElements(line string) (elements []string) {
	var element []byte
	quoted, escaped := false, false
	end := func() {
		if s := strings.Trim(string(element), " \t"); s != "" {
			elements = append(elements, s)
		}
		element = nil
	}
	for _, c := range []byte(line) {
		if c == ',' && !quoted {
			end()
			continue
		}
		if c == '"' && !escaped {
			quoted = !quoted
		}
		escaped = quoted && c == '\\' && !escaped
		element = append(element, c)
	}
	end()
	return elements
}
