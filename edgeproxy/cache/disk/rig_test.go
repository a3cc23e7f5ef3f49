package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rig is a store on a clock of its own. Without run, the test writes the batches
// itself.
type rig struct {
	*Store
	t      testing.TB
	config Config
	log    *syncBuffer
	now    *clock
	// exact: the counters are those of the rows.
	exact bool
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// lines counts the lines that have text.
func (s *syncBuffer) lines(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.b.String(), text)
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	r := &rig{t: t, log: &syncBuffer{}, now: &clock{now: time.Unix(1_800_000_000, 0)}}
	r.config = Config{
		Path: filepath.Join(t.TempDir(), "cache.db"), Instance: "one",
		MaxBytes: 1 << 30, MaxEntries: 1 << 15,
		Logger: slog.New(slog.NewTextHandler(r.log, nil)), Now: r.now.Now,
	}
	for _, f := range change {
		f(&r.config)
	}
	r.open()
	t.Cleanup(func() { r.Close() })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	s, err := Open(context.Background(), r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Store = s
	if err := s.count(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) reopen() {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open()
}

// writeAll writes what is queued and tidies up, as Run would.
func (r *rig) writeAll() {
	r.t.Helper()
	for !r.queue.idle() || r.state.untidy {
		if err := r.write(context.Background()); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) put(record Record) int64 {
	r.t.Helper()
	id, ok := r.Put(record)
	if !ok {
		r.t.Fatalf("put of %s was refused", record.URL)
	}
	return id
}

// run runs the writer until the returned function is called, or the test ends.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(stop)
	return stop
}

// get gives what is found for a URL, each with its body, newest first.
func (r *rig) get(url string) []Record {
	r.t.Helper()
	heads, err := r.Heads(context.Background(), url)
	if err != nil {
		r.t.Fatal(err)
	}
	records := []Record{}
	for _, h := range heads {
		body, err := r.Body(context.Background(), h)
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			r.t.Fatal(err)
		}
		records = append(records, Record{h.URL, h.Variant, h.Generation, h.SoftAt, h.Head, body})
	}
	return records
}

// has tells which of the URLs have a record.
func (r *rig) has(urls ...string) string {
	r.t.Helper()
	var found []string
	for _, url := range urls {
		if len(r.get(url)) > 0 {
			found = append(found, url)
		}
	}
	return strings.Join(found, " ")
}

// audit compares the totals with the rows, and both with the limits.
func (r *rig) audit() {
	r.t.Helper()
	var entries, bytes, real, bodies int64
	const query = `SELECT count(*), coalesce(sum(size), 0),
		coalesce(sum(length(CAST(url AS BLOB)) + length(CAST(variant AS BLOB)) + length(head) + body_size), 0),
		(SELECT coalesce(sum(length(body)), 0) - (SELECT coalesce(sum(body_size), 0) FROM heads) FROM bodies) FROM heads`
	if err := r.file.db.Read.QueryRow(query).Scan(&entries, &bytes, &real, &bodies); err != nil {
		r.t.Fatal(err)
	}
	if bytes != real+entries*rowOverhead || bodies != 0 {
		r.t.Fatalf("%d bytes, but the rows have %d, and %d of bodies too many", bytes, real, bodies)
	}
	if s := r.Stats(); s.Entries != entries || s.Bytes != bytes {
		r.t.Fatalf("totals %+v, but there are %d entries of %d bytes", s, entries, bytes)
	}
	r.auditPresence()
	if entries > r.config.MaxEntries || bytes > r.config.MaxBytes {
		r.t.Fatalf("%d entries of %d bytes", entries, bytes)
	}
}

// check has SQLite look for contradictions too.
func (r *rig) check() {
	r.t.Helper()
	r.audit()
	var finding string
	if err := r.file.db.Read.QueryRow(`PRAGMA integrity_check`).Scan(&finding); err != nil || finding != "ok" {
		r.t.Fatal(finding, err)
	}
}

// record makes one whose content follows from its number.
func record(url string, n int) Record {
	seed := fmt.Sprintf("%s %d ", url, n)
	return Record{
		URL: url, Variant: "v", Generation: uint64(n), SoftAt: int64(n),
		Head: []byte("head " + seed), Body: bytes.Repeat([]byte(seed), 1+n*7919%3000),
	}
}

// auditPresence compares the counters with the rows. None is too low; those that
// are too high are of batches that failed, and of a second count by Run.
func (r *rig) auditPresence() {
	r.t.Helper()
	want := newPresence(r.config.MaxEntries)
	rows, err := r.file.db.Read.Query(`SELECT hash FROM heads`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash int64
		if err := rows.Scan(&hash); err != nil {
			r.t.Fatal(err)
		}
		want.add(hash)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	for i := range want.words {
		if r.presence.words[i].Load() == want.words[i].Load() {
			continue
		}
		for shift := 0; shift < 32; shift += 8 {
			got, want := r.presence.words[i].Load()>>shift&fullCounter, want.words[i].Load()>>shift&fullCounter
			if got < want || r.exact && got > want {
				r.t.Fatalf("counter %d: %d, the rows make %d", 4*i+shift/8, got, want)
			}
		}
	}
}
