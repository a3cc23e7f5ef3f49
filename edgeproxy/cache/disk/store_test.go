package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// diff compares bytes as a whole, and takes no bytes and nil for the same.
func diff(got, want any) string {
	return cmp.Diff(want, got, cmp.Comparer(bytes.Equal))
}

// TestStoredIsFound looks while records are queued, once they are written, and
// after a restart.
func TestStoredIsFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	odd := Record{URL: "http://a/\x00\xff" + strings.Repeat("long", 3000), Variant: "\x00\xfe'", Generation: 1<<64 - 1, SoftAt: -1}
	empty := Record{URL: "", Head: []byte{}, Body: nil}
	large := Record{URL: "http://a/large", Head: make([]byte, 70_000), Body: make([]byte, 3<<20)}
	records := []Record{record("http://a/", 1), odd, empty, large}
	for _, record := range records {
		r.put(record)
	}
	for _, when := range []func(){func() {}, r.writeAll, r.reopen} {
		when()
		for _, want := range records {
			if d := diff(r.get(want.URL), []Record{want}); d != "" {
				t.Fatal(d)
			}
		}
		if r.has("http://a", "http://a/2") != "" {
			t.Error("something else was found")
		}
	}
	r.check()
	if r.Generation() != 1<<64-1 {
		t.Errorf("generation %d", r.Generation())
	}
}

func TestNewestVariantsFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for n := range 3 * maxVariants {
		v := record("u", n)
		v.Variant = fmt.Sprint(n % (maxVariants + 2))
		r.put(v)
		if n%5 == 0 {
			r.writeAll()
		}
	}
	for _, when := range []func(){func() {}, r.writeAll, r.reopen} {
		when()
		var got []uint64
		for _, record := range r.get("u") {
			got = append(got, record.Generation)
		}
		want := []uint64{47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32}
		if d := diff(got, want); d != "" {
			t.Error(d)
		}
	}
	r.check()
	if n := r.Stats().Entries; n != maxVariants {
		t.Errorf("%d entries", n)
	}
}

// TestGoneBody reads the body of a record that was replaced after its head was
// read: never the other one's.
func TestGoneBody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("u", 1))
	r.writeAll()
	heads, err := r.Heads(t.Context(), "u")
	if err != nil || len(heads) != 1 {
		t.Fatal(heads, err)
	}
	r.put(record("u", 2))
	r.writeAll()
	if body, err := r.Body(t.Context(), heads[0]); !errors.Is(err, ErrGone) {
		t.Errorf("%q, %v", body, err)
	}
}

func TestRemoveSparesWhatComesAfter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, when := range []func(){func() {}, r.writeAll} {
		r.put(record("u", 1))
		when()
		r.Remove("u")
		if r.has("u") != "" {
			t.Error("found after its removal")
		}
		r.put(record("u", 2))
		for _, when := range []func(){func() {}, r.writeAll, r.reopen} {
			when()
			if d := diff(r.get("u"), []Record{record("u", 2)}); d != "" {
				t.Error(d)
			}
		}
	}
	r.check()
}

func TestClear(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for n := range 3 * tidyRows {
		r.put(record(fmt.Sprint(n), n))
	}
	r.writeAll()
	r.put(record("queued", 1))
	r.Clear()
	r.put(record("later", 1))
	check := func() {
		t.Helper()
		if got := r.has("7", "queued", "later"); got != "later" {
			t.Errorf("found %q", got)
		}
		scan, err := r.Scan(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scan {
			if s.URL != "later" {
				t.Errorf("scan found %q", s.URL)
			}
		}
	}
	check()
	if err := r.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	if r.Stats().Entries < tidyRows {
		t.Error("one transaction removed too much")
	}
	r.reopen()
	check()
	r.writeAll()
	check()
	r.check()
	if n := r.Stats().Entries; n != 1 {
		t.Errorf("%d entries left", n)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var want []string
	for n := range 25 {
		want = append(want, fmt.Sprint(n))
		r.put(record(fmt.Sprint(n), n))
	}
	r.writeAll()
	var got []string
	for after := int64(0); ; {
		page, err := r.Scan(t.Context(), after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			got = append(got, s.URL)
			after = s.ID
		}
		if len(page) < 10 {
			break
		}
	}
	if d := diff(got, want); d != "" {
		t.Error(d)
	}
}

func TestDroppedRecordGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("stays", 1))
	id := r.put(record("goes", 1))
	r.writeAll()
	r.drop(id)
	r.drop(4711)
	r.writeAll()
	if got := r.has("stays", "goes"); got != "stays" {
		t.Errorf("left: %s", got)
	}
	r.check()
}

func TestCancelledLookup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("u", 1))
	r.writeAll()
	heads, err := r.Heads(t.Context(), "u")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Heads(ctx, "u"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := r.Body(ctx, heads[0]); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := r.Scan(ctx, 0, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if r.has("u") != "u" || r.Stats().Unsound != 0 {
		t.Error("the record suffered")
	}
}

// TestRunWritesAndFlushes has Run write by itself, and what was queued last at its
// end.
func TestRunWritesAndFlushes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.run()
	r.put(record("first", 1))
	eventually(t, func() bool { return r.Stats().Entries == 1 && r.Stats().Queued == 0 })
	for n := range 3 * batchChanges {
		r.put(record(fmt.Sprint(n), 1))
	}
	r.Remove("first")
	stop()
	if _, ok := r.Put(record("late", 1)); ok {
		t.Error("a put after the end was taken")
	}
	r.reopen()
	if got := r.has("first", "0", fmt.Sprint(3*batchChanges-1), "late"); got != "0 1535" {
		t.Errorf("found %q", got)
	}
	r.check()
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it did not come to be")
		}
	}
}
