package httpfield_test

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

type byteRange = httpfield.ByteRange

func TestParseRange(t *testing.T) {
	t.Parallel()
	const huge = "99999999999999999999"
	for _, test := range []struct {
		rule, line string
		size       int64
		want       []byteRange
	}{
		{"RFC 9110, 14.1.2: first and last", "bytes=0-4", 10, []byteRange{{0, 5}}},
		{"… one byte", "bytes=9-9", 10, []byteRange{{9, 1}}},
		{"… an open end", "bytes=4-", 10, []byteRange{{4, 6}}},
		{"… an end beyond the last is the last", "bytes=4-10", 10, []byteRange{{4, 6}}},
		{"… however far", "bytes=4-" + huge, 10, []byteRange{{4, 6}}},
		{"… all of it", "bytes=0-", 10, []byteRange{{0, 10}}},
		{"… a suffix", "bytes=-3", 10, []byteRange{{7, 3}}},
		{"… as long as all", "bytes=-10", 10, []byteRange{{0, 10}}},
		{"… longer", "bytes=-11", 10, []byteRange{{0, 10}}},
		{"… however long", "bytes=-" + huge, 10, []byteRange{{0, 10}}},
		{"… leading zeros count for nothing", "bytes=004-0005", 10, []byteRange{{4, 2}}},
		{"RFC 9110, 14.1: the unit does not depend on case", "Bytes=0-4", 10, []byteRange{{0, 5}}},
		{"RFC 9110, 5.5: whitespace around is no part", " bytes=0-4\t", 10, []byteRange{{0, 5}}},
		{"RFC 9110, 14.1.1: several, in the order asked for", "bytes=6-7,0-1, -1", 10, []byteRange{{6, 2}, {0, 2}, {9, 1}}},
		{"RFC 9110, 5.6.1.2: empty elements do not count", "bytes=,0-1 ,\t, 4-5,", 10, []byteRange{{0, 2}, {4, 2}}},
		{"RFC 9110, 14.1.2: what cannot be satisfied is left out beside what can", "bytes=10-,0-1,-0," + huge + "-", 10, []byteRange{{0, 2}}},
		{"the largest size", "bytes=1-", math.MaxInt64, []byteRange{{1, math.MaxInt64 - 1}}},
		{"… and its last byte", "bytes=-1", math.MaxInt64, []byteRange{{math.MaxInt64 - 1, 1}}},
		{"RFC 9110, 14.2: two that overlap", "bytes=0-2,2-4,9-9", 10, []byteRange{{0, 3}, {2, 3}, {9, 1}}},
		{"side by side is not over one another", "bytes=0-1,2-3,4-5,6-7", 10, []byteRange{{0, 2}, {2, 2}, {4, 2}, {6, 2}}},
		{"… in the other order", "bytes=6-7,4-5,2-3,0-1", 10, []byteRange{{6, 2}, {4, 2}, {2, 2}, {0, 2}}},
		{"in total as much as there is", "bytes=0-4,5-9", 10, []byteRange{{0, 5}, {5, 5}}},
		{"as many as may be", "bytes=" + strings.Repeat("100-,", 15) + "0-0", 10, []byteRange{{0, 1}}},
	} {
		got, err := httpfield.ParseRange([]string{test.line}, test.size)
		if !slices.Equal(got, test.want) || err != nil {
			t.Errorf("%s: %q of %d gives %v, %v, want %v", test.rule, test.line, test.size, got, err, test.want)
		}
	}
}

func TestParseRangeRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule string
		want error
		size int64
		line []string
	}{
		{"RFC 9110, 14.1.2: nothing there", httpfield.ErrUnsatisfiable, 10, []string{
			"bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999-", "bytes=11-,12-,-0",
		}},
		{"… nothing at all", httpfield.ErrUnsatisfiable, 0, []string{"bytes=0-", "bytes=0-0", "bytes=-0", "bytes=1-2"}},
		{"the last of nothing is all of it", httpfield.ErrIgnored, 0, []string{"bytes=-1", "bytes=0-,-5"}},
		{"RFC 9110, 14.2: another unit", httpfield.ErrIgnored, 10, []string{"lines=0-4", "byte=0-4", "bytess=0-4", "byteſ=0-4", "=0-4", " =0-4", "bytes =0-4", "none"}},
		{"RFC 9110, 14.1.1: a malformed set", httpfield.ErrIgnored, 10, []string{
			"", "bytes", "bytes=", "bytes=,", "bytes= ,", "bytes=-", "bytes=--1", "bytes=5", "bytes=a-b", "bytes=0-b", "bytes=a-4",
			"bytes=0-4x", "bytes=0 -4", "bytes=0- 4", "bytes= 0-4", "bytes==0-4", "bytes=+0-4", "bytes=0-+4", "bytes=0-4-", "bytes=-1-2",
			"bytes=0x0-4", "bytes=0-4;", "bytes=0-4 5-6", `bytes="0-4"`, "bytes=0.0-4", "bytes=٠-4", "bytes:0-4", "bytes 0-4", "bytes=0-4/10",
		}},
		{"… in one place", httpfield.ErrIgnored, 10, []string{"bytes=0-1,x", "bytes=0-1,4-3", "bytes=x,0-1", "bytes=10-,x"}},
		{"RFC 9110, 14.1.1: the last before the first", httpfield.ErrIgnored, 10, []string{"bytes=4-3", "bytes=11-10", "bytes=99999999999999999999-1"}},
		{"RFC 9110, 14.2: more than 16", httpfield.ErrIgnored, 100, []string{
			"bytes=" + strings.Repeat("100-,", 16) + "0-0",
			"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32",
		}},
		{"RFC 9110, 14.2: more than two that overlap", httpfield.ErrIgnored, 100, []string{
			"bytes=0-1,1-2,2-3", "bytes=0-0,0-0,0-0", "bytes=0-1,1-2,50-51,51-52", "bytes=0-0,99-,-1,0-0", "bytes=0-9,4-5,2-3",
		}},
		{"RFC 9110, 17.15: more than there is", httpfield.ErrIgnored, 10, []string{"bytes=0-,0-", "bytes=0-5,5-9", "bytes=-10,0-0", "bytes=0-,-0,-1"}},
	} {
		for _, line := range test.line {
			got, err := httpfield.ParseRange([]string{line}, test.size)
			if got != nil || !errors.Is(err, test.want) {
				t.Errorf("%s: %q of %d gives %v, %v", test.rule, line, test.size, got, err)
			}
		}
	}
	for _, lines := range [][]string{nil, {"bytes=0-1", "bytes=0-1"}} {
		if got, err := httpfield.ParseRange(lines, 10); got != nil || !errors.Is(err, httpfield.ErrIgnored) {
			t.Errorf("RFC 9110, 14.2: a range is one line: %q gives %v, %v", lines, got, err)
		}
	}
	if got, err := httpfield.ParseRange([]string{"bytes=0-,0-"}, math.MaxInt64); !errors.Is(err, httpfield.ErrIgnored) {
		t.Errorf("a sum beyond 64 bits gives %v, %v", got, err)
	}
}

var plainRange = regexp.MustCompile(`^([0-9]*)-([0-9]*)$`)

// plainSpec restates one range with numbers of any size: the positions it covers,
// last exclusive, and whether it is a range at all.
func plainSpec(spec string, size *big.Int) (first, end *big.Int, ok bool) {
	m := plainRange.FindStringSubmatch(spec)
	if m == nil || m[1] == "" && m[2] == "" {
		return nil, nil, false
	}
	first, _ = new(big.Int).SetString(m[1], 10)
	last, _ := new(big.Int).SetString(m[2], 10)
	switch {
	case m[1] == "":
		first = new(big.Int).Sub(size, last)
		if first.Sign() < 0 {
			first.SetInt64(0)
		}
		return first, size, true
	case m[2] == "":
		return first, size, true
	}
	if last.Cmp(first) < 0 {
		return nil, nil, false
	}
	if end = last.Add(last, big.NewInt(1)); end.Cmp(size) > 0 {
		end = size
	}
	return first, end, true
}

func FuzzParseRange(f *testing.F) {
	f.Add("0-4,-3, 7-", int64(10))
	f.Add("-5", int64(0))
	f.Add("9223372036854775807-,0-9223372036854775806", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, set string, size int64) {
		size = max(0, size)
		got, err := httpfield.ParseRange([]string{"bytes=" + set}, size)
		if (err == nil) != (len(got) > 0) || len(got) > httpfield.MaxRanges {
			t.Fatalf("%q of %d gives %v, %v", set, size, got, err)
		}
		total := new(big.Int)
		for _, r := range got {
			if r.Start < 0 || r.Length <= 0 || r.Start > size-r.Length {
				t.Errorf("%q of %d gives %v", set, size, r)
			}
			total.Add(total, big.NewInt(r.Length))
		}
		if total.Cmp(big.NewInt(size)) > 0 {
			t.Errorf("%q of %d has %v bytes", set, size, total)
		}
		if !strings.Contains(set, ",") {
			checkOneRange(t, set, size, got, err)
		}
	})
}

func checkOneRange(t *testing.T, spec string, size int64, got []byteRange, err error) {
	t.Helper()
	first, end, ok := plainSpec(strings.TrimRight(spec, " \t"), big.NewInt(size))
	switch {
	case !ok:
		if !errors.Is(err, httpfield.ErrIgnored) && len(spec) < 19 {
			t.Errorf("%q is no range, but gives %v, %v", spec, got, err)
		}
	case first.Cmp(end) < 0:
		want := byteRange{first.Int64(), new(big.Int).Sub(end, first).Int64()}
		if !slices.Equal(got, []byteRange{want}) {
			t.Errorf("%q of %d gives %v, %v, want %v", spec, size, got, err, want)
		}
	case err == nil:
		t.Errorf("%q of %d has nothing, but gives %v", spec, size, got)
	case size > 0 && !errors.Is(err, httpfield.ErrUnsatisfiable):
		t.Errorf("%q of %d has nothing, but gives %v", spec, size, err)
	}
}
