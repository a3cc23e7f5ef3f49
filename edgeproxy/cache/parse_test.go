package cache

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestReadTags(t *testing.T) {
	t.Parallel()
	got, err := readTags(fieldsOf(
		"X-Cache-Tags: b, a ,,b", "Cache-Tag: c", "Cache-Tag: d,e", "Cache-Tags: F", "Surrogate-Key: g  h",
		`Cache-Groups: "i j", "k\"l";x;y=1`, `Cache-Groups: "m"`,
	))
	want := []string{"F", "a", "b", "c", "d", "e", "g", "h", "i j", `k"l`, "m"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestParseGroups(t *testing.T) {
	t.Parallel()
	for field, want := range map[string][]string{
		``:                            nil,
		`"a"`:                         {"a"},
		` "a" ,` + "\t" + `"b, c" `:   {"a", "b, c"},
		`"a\\\""`:                     {`a\"`},
		`"a";p`:                       {"a"},
		`"a"; p=1.5;q="x;,";r=?1, ""`: {"a", ""},
		`"a";p=:aGk=:`:                {"a"},
		`"a";p=@123`:                  {"a"},
	} {
		got, err := parseGroups(field)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", field, got, err, want)
		}
	}
	for _, field := range []string{`a`, `"a`, `"a",`, `"a" "b"`, `"a\b"`, "\"a\x7f\"", `"a";`, `"a";P`, `"a";p=`, `"a", b`, `("a")`, `,"a"`, `"a";p="`} {
		if got, err := parseGroups(field); err == nil {
			t.Errorf("%s: got %q, want an error", field, got)
		}
	}
}

func TestParseGroupsReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringMatching(`[ -~]*`)).Draw(t, "groups")
		escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		var items []string
		for _, s := range want {
			items = append(items, `"`+escape.Replace(s)+`"`)
		}
		got, err := parseGroups(strings.Join(items, ", "))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	})
}

func FuzzParseGroups(f *testing.F) {
	f.Add(`"a";p=1, "b\\"`)
	f.Fuzz(func(t *testing.T, field string) {
		groups, err := parseGroups(field)
		if err != nil && groups != nil {
			t.Errorf("both %q and %v", groups, err)
		}
	})
}

func FuzzParseDirectives(f *testing.F) {
	f.Add(`max-age="60", private="a,b", x=\`)
	f.Fuzz(func(t *testing.T, line string) {
		d := parseDirectives([]string{line})
		if d.maxAge > maxSeconds*time.Second || d.noStore && !strings.Contains(strings.ToLower(line), "no-store") {
			t.Errorf("%q gives %+v", line, d)
		}
	})
}

// TestFreshness restates RFC 9111, section 4.2, without looking at how the code
// goes about it.
func TestFreshness(t *testing.T) {
	t.Parallel()
	came := time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		delay := time.Duration(rapid.IntRange(0, 5).Draw(t, "delay")) * time.Second
		skew := time.Duration(rapid.IntRange(-20, 20).Draw(t, "skew")) * time.Second
		maxAge, age := rapid.IntRange(0, 60).Draw(t, "max-age"), rapid.IntRange(0, 60).Draw(t, "age")
		date := came.Add(skew)
		lines := []string{"Date: " + date.UTC().Format(fixdate)}
		if rapid.Bool().Draw(t, "by expires") {
			lines = append(lines, "Expires: "+date.Add(time.Duration(maxAge)*time.Second).UTC().Format(rfc850))
		} else {
			lines = append(lines, "Cache-Control: max-age="+strconv.Itoa(maxAge))
		}
		h := fieldsOf(append(lines, "Age: "+strconv.Itoa(age))...)
		f, explicit := newFreshness(h, parseDirectives(h["Cache-Control"]), came.Add(-delay), came)

		resident := time.Duration(rapid.IntRange(0, 60).Draw(t, "resident")) * time.Second
		current := max(0, -skew, time.Duration(age)*time.Second+delay) + resident
		now := came.Add(resident)
		if !explicit || f.age(now) != current {
			t.Fatalf("age is %v, want %v", f.age(now), current)
		}
		if got, want := f.staleness(now, 0) < 0, time.Duration(maxAge)*time.Second > current; got != want {
			t.Fatalf("fresh: %v, want %v", got, want)
		}
	})
}
