package cache

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// entryOptions compare what an entry is, and not what the cache noted about it.
var entryOptions = cmp.Options{
	cmp.AllowUnexported(Entry{}, place{}, variant{}, freshness{}, validators{}),
	cmpopts.IgnoreFields(Entry{}, "checked", "softAt", "rowID", "usedAt", "refreshing", "row", "body", "length", "whole", "put"),
	cmpopts.EquateEmpty(),
}

func genEntry(t *rapid.T) *Entry {
	texts := rapid.SliceOfN(rapid.StringN(0, 20, 80), 0, 4)
	moment := rapid.Map(rapid.Int64(), func(n int64) time.Time { return time.Unix(0, n) })
	span := rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) })
	header := Header{}
	for name, values := range rapid.MapOfN(rapid.StringMatching(`[A-Z][a-z]{0,9}`), texts, 0, 6).Draw(t, "header") {
		header[name] = values
	}
	header["Etag"] = []string{rapid.SampledFrom([]string{`"a"`, `W/"b"`, "junk"}).Draw(t, "tag")}
	header["Last-Modified"] = []string{rapid.SampledFrom([]string{"Fri, 15 Jan 2027 08:00:00 GMT", "junk"}).Draw(t, "modified")}
	names := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,9}`), 0, 3).Draw(t, "names")
	values := rapid.SliceOfN(rapid.String(), len(names), len(names))
	e := &Entry{
		place:  newPlace("http", genHost.Draw(t, "host"), genTarget.Draw(t, "target")),
		status: rapid.IntRange(200, 599).Draw(t, "status"), began: rapid.Uint64().Draw(t, "began"),
		fields: storedFields(header, nil, true), tags: texts.Draw(t, "tags"),
		variant: variant{names: names, values: values.Draw(t, "values"), raw: values.Draw(t, "raw")},
		date:    moment.Draw(t, "date"), beganAt: moment.Draw(t, "began at"),
		freshness: freshness{
			born: moment.Draw(t, "born"), lifetime: span.Draw(t, "lifetime"),
			whileRevalidate: span.Draw(t, "swr"), onError: span.Draw(t, "sie"),
		},
	}
	e.freshness.setFlags(rapid.Uint64Range(0, 31).Draw(t, "flags"))
	e.validators = newValidators(fieldList(e.fields), e.date)
	return e
}

func TestHeadsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := genEntry(t)
		head := e.head()
		got, err := decodeHead(e.place.url, e.began, head)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, entryOptions); diff != "" {
			t.Fatal(diff)
		}
		if got.whole || got.checked.Load() != e.began {
			t.Fatalf("whole is %v, checked at %d of %d", got.whole, got.checked.Load(), e.began)
		}
		n := rapid.IntRange(0, len(head)-1).Draw(t, "cut")
		if _, err := decodeHead(e.place.url, e.began, head[:n]); err == nil {
			t.Fatalf("%d of %d bytes are an entry", n, len(head))
		}
		if _, err := decodeHead(e.place.url, e.began, append(head, 0)); err == nil {
			t.Fatal("a byte too many is no matter")
		}
	})
}

// TestEachFlagHasItsBit: one that is lost in a restart changes how a response may
// be used.
func TestEachFlagHasItsBit(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]freshness{
		"explicit": {explicit: true}, "validate": {validate: true}, "strict": {strict: true},
		"fixed": {fixed: true}, "immutable": {immutable: true},
	} {
		var got freshness
		got.setFlags(f.flags())
		if got != f {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestOtherVersionsDoNotDecode(t *testing.T) {
	t.Parallel()
	head := (&Entry{status: 200}).head()
	head[0]++
	if _, err := decodeHead("http://h/", 1, head); err == nil {
		t.Error("a head of another version is read")
	}
}

// TestVariantIDs tell apart what equal tells apart.
func TestVariantIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab\x00, ]{0,2}`)
		draw := func(label string) variant {
			names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 0, 2).Draw(t, label)
			return variant{names: names, values: rapid.SliceOfN(text, len(names), len(names)).Draw(t, label+" values")}
		}
		v, w := draw("v"), draw("w")
		if v.equal(&w) != (v.id() == w.id()) {
			t.Fatalf("%q and %q", v.id(), w.id())
		}
	})
}

// FuzzDecodeHead: junk is refused, or an entry that is written as it was read, and
// takes memory in proportion to itself.
func FuzzDecodeHead(f *testing.F) {
	now := newClock().Now()
	full := &Entry{
		status: 200, date: now, beganAt: now, tags: []string{"a", "b"},
		variant: variant{[]string{"accept"}, []string{"x"}, []string{"X"}},
		fields:  []Field{{"Etag", []string{`"1"`}}, {"Vary", []string{"Accept", "B"}}},
	}
	f.Add((&Entry{}).head())
	f.Add(full.head())
	f.Add([]byte{headVersion, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, head []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, err := decodeHead("http://h/p?q", 7, head)
		runtime.ReadMemStats(&after)
		// Another goroutine of the fuzzer may allocate something, too.
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+100*uint64(len(head)) {
			t.Errorf("%d bytes for a head of %d", took, len(head))
		}
		if err != nil {
			return
		}
		again, err := decodeHead("http://h/p?q", 7, e.head())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, again, entryOptions); diff != "" {
			t.Error(diff)
		}
		e.size()
		e.variant.matches(Header{})
	})
}
