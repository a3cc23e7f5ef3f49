package disk

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func limit(entries, bytes int64) func(*Config) {
	return func(c *Config) { c.MaxEntries, c.MaxBytes = entries, bytes }
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t, limit(4, 1<<20))
	for n, url := range []string{"a", "b", "c", "d"} {
		r.put(record(url, n))
		r.writeAll()
		r.now.advance(time.Second)
	}
	r.now.advance(UsedEvery)
	r.get("a") // reads the body
	r.writeAll()
	r.now.advance(time.Second)
	heads, err := r.Heads(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	r.Used(heads[0].ID)
	r.put(record("e", 1)) // evicts c
	r.writeAll()
	r.put(record("f", 1)) // evicts d
	r.writeAll()
	r.put(record("g", 1)) // evicts a
	r.writeAll()
	if got := r.has("a", "b", "c", "d", "e", "f", "g"); got != "b e f g" {
		t.Errorf("left: %s", got)
	}
	if n := r.Stats().Evicted; n != 3 {
		t.Errorf("%d evicted", n)
	}
	r.check()
}

func TestUsesAreWrittenCoarsely(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("u", 1))
	r.writeAll()
	r.now.advance(UsedEvery - time.Second)
	r.get("u")
	if !r.queue.idle() {
		t.Error("a use was noted too soon")
	}
	r.now.advance(time.Second)
	r.get("u")
	if r.queue.idle() {
		t.Error("a use was not noted")
	}
	r.writeAll()
	r.get("u")
	if !r.queue.idle() {
		t.Error("a use was noted again")
	}
}

// TestClockSetBack stores records when the clock is behind those of before, in
// this run and after a restart.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, limit(2, 1<<20))
	r.put(record("a", 1))
	r.put(record("b", 1))
	r.writeAll()
	r.now.advance(-time.Hour)
	r.put(record("c", 1))
	r.writeAll()
	if got := r.has("a", "b", "c"); got != "b c" {
		t.Errorf("left: %s", got)
	}
	r.reopen()
	r.put(record("d", 1))
	r.writeAll()
	if got := r.has("a", "b", "c", "d"); got != "c d" {
		t.Errorf("left after the restart: %s", got)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, limit(10, 10_000))
	fits := Record{URL: "u", Variant: "v", Body: make([]byte, 10_000-rowOverhead-2)}
	large := Record{URL: "u", Variant: "v", Head: make([]byte, 1), Body: fits.Body}
	if _, ok := r.Put(large); ok {
		t.Error("taken")
	}
	r.put(Record{URL: "other"})
	r.put(fits)
	r.writeAll()
	if got := r.has("u", "other"); got != "u" {
		t.Errorf("left: %s", got)
	}
	if n := r.Stats().Dropped; n != 1 {
		t.Errorf("%d dropped", n)
	}
	r.check()
}

func TestLoweredLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for n := range 3 * tidyRows {
		r.put(record(fmt.Sprint(n), 0))
	}
	r.writeAll()
	r.config.MaxEntries = 10
	r.reopen()
	r.put(record("new", 0))
	before := r.Stats()
	if err := r.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := r.Stats(); before.Entries-after.Entries != tidyRows || after.Queued != 1 {
		t.Errorf("one transaction went from %+v to %+v", before, after)
	}
	r.run()
	eventually(t, func() bool { s := r.Stats(); return s.Entries == 10 && s.Queued == 0 })
	r.check()
	if got := r.has("0", "1526", "1527", "1535", "new"); got != "1527 1535 new" {
		t.Errorf("left: %s", got)
	}
}

// TestFullQueue has no writer: records are refused, removals never.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("old", 1))
	r.writeAll()
	body := make([]byte, 1<<20)
	taken := 0
	for ; ; taken++ {
		if _, ok := r.Put(Record{URL: fmt.Sprint(taken), Body: body}); !ok {
			break
		}
	}
	s := r.Stats()
	if s.QueuedBytes > maxQueuedBytes || s.Queued != int64(taken) || taken < 60 || s.Dropped != 1 {
		t.Errorf("%d taken, %+v", taken, s)
	}
	r.Remove("old")
	r.Remove("5")
	if got := r.has("old", "4", "5", "6"); got != "4 6" {
		t.Errorf("found %s", got)
	}
	r.put(Record{URL: "7", Body: body[1:]}) // there is room again
	b := r.queue.take()
	if n := len(b.changes); n != batchBytes>>20+1 { // one is a removal
		t.Errorf("a batch of %d changes", n)
	}
	if s := r.Stats(); s.QueuedBytes > maxQueuedBytes || s.QueuedBytes < maxQueuedBytes*7/8 {
		t.Errorf("while a batch is written: %+v", s)
	}
	if _, ok := r.Put(Record{URL: "more", Body: make([]byte, 2<<20)}); ok {
		t.Error("what is being written was not counted")
	}
	if err := r.commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	r.queue.done(b, true)
	r.writeAll()
	if got := r.has("old", "4", "5", "6", "7"); got != "4 6 7" {
		t.Errorf("found %s", got)
	}
	if s := r.Stats(); s.Queued != 0 || s.QueuedBytes != 0 {
		t.Errorf("after all was written: %+v", s)
	}
	for n := range maxQueued {
		r.put(Record{URL: fmt.Sprint(n)})
	}
	if _, ok := r.Put(Record{URL: "more"}); ok {
		t.Error("too many records were taken")
	}
	b = r.queue.take()
	if n := len(b.changes); n != batchChanges {
		t.Errorf("a batch of %d changes", n)
	}
	if _, ok := r.Put(Record{URL: "more"}); ok {
		t.Error("what is being written was not counted")
	}
	r.queue.done(b, false)
	r.writeAll()
	r.check()
}

// TestEndlessRemovals has so many that memory would not do.
func TestEndlessRemovals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("old", 1))
	r.writeAll()
	for n := range maxRemovalBytes/removalOverhead + 1 {
		r.Remove(fmt.Sprint("removed/", n))
		if n == 1000 && r.has("old") == "" {
			t.Error("everything went too soon")
		}
	}
	if len(r.queue.waiting) > maxRemovalBytes/removalOverhead {
		t.Errorf("%d wait", len(r.queue.waiting))
	}
	r.put(record("new", 1))
	for _, when := range []func(){func() {}, r.writeAll, r.reopen} {
		when()
		if got := r.has("old", "removed/0", "new"); got != "new" {
			t.Errorf("found %s", got)
		}
	}
}

func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("u", 1))
	r.writeAll()
	for id := range int64(2 * maxNotes) {
		r.Used(id)
	}
	r.drop(4711)
	if n := len(r.queue.notes.used); n != maxNotes {
		t.Errorf("%d notes", n)
	}
	select {
	case <-r.queue.wake:
	default:
		t.Error("the writer was not told")
	}
	r.writeAll()
	r.check()
}

// TestLogIsTruncated has a lookup go on for so long that SQLite cannot begin its
// write-ahead log anew.
func TestLogIsTruncated(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("u", 1))
	r.writeAll()
	tx, err := r.file.db.Read.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SELECT count(*) FROM heads`); err != nil {
		t.Fatal(err)
	}
	grow := func() int64 {
		r.put(Record{URL: "grows", Body: make([]byte, 7<<20)})
		r.writeAll()
		info, err := os.Stat(r.config.Path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for grow() < maxLogBytes-(7<<20) {
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	grow()
	if n := grow(); n > maxLogBytes/2 {
		t.Errorf("the log has %d bytes", n)
	}
	r.check()
}
