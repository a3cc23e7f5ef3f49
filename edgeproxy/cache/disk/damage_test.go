package disk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// filled has records of all sizes in a file, whose write-ahead log is empty.
func filled(t *testing.T, n int) *rig {
	t.Helper()
	r := newRig(t)
	for n := range n {
		r.put(record(fmt.Sprint(n), n))
	}
	r.writeAll()
	return r
}

// execFile changes the file behind the store's back.
func execFile(t *testing.T, r *rig, query string, args ...any) {
	t.Helper()
	if _, err := r.file.db.Write.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func aside(t *testing.T, r *rig) int {
	t.Helper()
	files, err := filepath.Glob(r.config.Path + ".damaged-*Z")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// TestChecksums changes one column at a time, in ways that SQLite finds nothing
// wrong with.
func TestChecksums(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		`UPDATE heads SET variant = 'w'`,
		`UPDATE heads SET generation = generation + 1`,
		`UPDATE heads SET soft_at = 7`,
		`UPDATE heads SET body_size = body_size - 1`,
		`UPDATE heads SET body_sum = body_sum + 1`,
		`UPDATE heads SET body_sum = body_sum + (1 << 32)`,
		`UPDATE heads SET sum = sum + 1`,
		`UPDATE heads SET head = CAST(head || x'00' AS BLOB)`,
		`UPDATE heads SET head = CAST(substr(head, 1, 8) || 'X' || substr(head, 10) AS BLOB)`,
		`UPDATE heads SET url = url || 'x', head = substr(head, 2)`,
		`UPDATE heads SET id = id + 100`,
		`UPDATE bodies SET body = substr(body, 2)`,
		`UPDATE bodies SET body = CAST('X' || substr(body, 2) AS BLOB)`,
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			r := filled(t, 1)
			execFile(t, r, change)
			if got := r.get("0"); len(got) > 0 {
				t.Fatalf("found %+v", got)
			}
			if _, err := r.Scan(t.Context(), 0, 1); err != nil {
				t.Error(err)
			}
			r.writeAll()
			if change != `UPDATE heads SET url = url || 'x', head = substr(head, 2)` && r.log.lines("failed its checksum") != 1 {
				t.Error("not logged")
			}
			if s := r.Stats(); s.Entries != 0 || s.Bytes != 0 || s.Unsound == 0 {
				t.Errorf("left: %+v", s)
			}
			r.put(record("0", 1))
			r.writeAll()
			if r.has("0") != "0" {
				t.Error("it cannot be stored again")
			}
		})
	}
}

// TestContradictingTotals finds out while writing that the file makes no sense.
func TestContradictingTotals(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		`UPDATE heads SET size = 1 << 40`,
		`UPDATE heads SET size = -1`,
		`DELETE FROM heads`,
	} {
		r := filled(t, 3)
		execFile(t, r, change)
		r.config.MaxEntries = 1
		r.reopen()
		r.run()
		eventually(t, r.retired.Load)
	}
}

func TestUnusableFilesAreSetAside(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, r *rig){
		"garbage":    func(t *testing.T, r *rig) { writeFile(t, r, []byte("this was never a database, and long enough")) },
		"totals":     func(t *testing.T, r *rig) { execFile(t, r, `UPDATE meta SET generation = 1 << 60`) },
		"no totals":  func(t *testing.T, r *rig) { execFile(t, r, `DELETE FROM meta`) },
		"no table":   func(t *testing.T, r *rig) { execFile(t, r, `DROP TABLE bodies`) },
		"no version": func(t *testing.T, r *rig) { execFile(t, r, `PRAGMA user_version = 0`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := filled(t, 3)
			spoil(t, r)
			r.reopen()
			if aside(t, r) != 1 || r.log.lines("set aside") != 1 {
				t.Errorf("%d files aside, %d lines", aside(t, r), r.log.lines("set aside"))
			}
			if r.has("0") != "" || r.Stats().Entries != 0 || r.Generation() != 0 {
				t.Error("the new file is not empty")
			}
		})
	}
}

func writeFile(t *testing.T, r *rig, content []byte) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.config.Path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDiscardedFiles(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, r *rig){
		"foreign": func(_ *testing.T, r *rig) { r.config.Instance = "two" },
		"newer":   func(t *testing.T, r *rig) { execFile(t, r, `PRAGMA user_version = 99`) },
		"large": func(t *testing.T, r *rig) {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r.config.MaxBytes = 1 << 20
			if err := os.Truncate(r.config.Path, 2*(1<<20+slackBytes)+2); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := filled(t, 3)
			spoil(t, r)
			r.reopen()
			if aside(t, r) != 0 || r.log.lines("discarded") != 1 {
				t.Errorf("%d files aside, %d lines", aside(t, r), r.log.lines("discarded"))
			}
			r.put(record("new", 1))
			r.writeAll()
			r.reopen()
			if got := r.has("0", "new"); got != "new" || r.log.lines("discarded") != 1 {
				t.Errorf("found %q", got)
			}
		})
	}
}

func TestPathThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none", "cache.db")} {
		if s, err := Open(t.Context(), Config{Path: path}); err == nil {
			s.Close()
			t.Errorf("%s was opened", path)
		}
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}

// TestDiskFull lets SQLite's own limit stand for a full disk.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	r := filled(t, 3)
	execFile(t, r, `PRAGMA max_page_count = 1`) // as many as there are
	r.Remove("1")
	big := Record{URL: "big", Body: make([]byte, 1<<20)}
	for range 2 {
		r.put(big)
		err := r.write(t.Context())
		if err == nil {
			t.Fatal("it was written")
		}
		r.report(err)
	}
	if r.log.lines("cannot be written") != 1 || r.retired.Load() {
		t.Error("not logged once")
	}
	if got := r.has("0", "1", "2", "big"); got != "0 2" {
		t.Errorf("found %s", got)
	}
	if s := r.Stats(); s.Dropped != 2 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
	execFile(t, r, `PRAGMA max_page_count = 100000`)
	r.run() // the removal takes its turn again by itself
	eventually(t, func() bool { return r.Stats().Entries == 2 })
	r.audit()
}

// TestRandomDamage flips bytes of the file, under an open store or before it is
// opened, and then does all that can be done: nothing wrong is ever read.
func TestRandomDamage(t *testing.T) {
	t.Parallel()
	const records = 60
	random := rand.New(rand.NewPCG(1, 2))
	unsound, retired, setAside := 0, 0, 0
	for round := range 60 {
		r := newRig(t)
		r.Store.config.MaxEntries = records
		for n := range records {
			r.put(record(fmt.Sprint(n), n%20))
		}
		r.writeAll()
		execFile(t, r, `PRAGMA wal_checkpoint(TRUNCATE)`)
		if round%2 == 0 {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		flip(t, random, r.config.Path, 1+random.IntN(4*(1+round%5)))
		if round%2 == 0 {
			r.open()
			r.Store.config.MaxEntries = records
		}
		exercise(t, r, records)
		unsound += int(r.Stats().Unsound)
		if r.retired.Load() {
			retired++
		}
		r.Close()
		setAside += aside(t, r)
	}
	t.Logf("%d unsound, %d retired, %d set aside", unsound, retired, setAside)
	if unsound == 0 || retired == 0 || setAside == 0 {
		t.Error("the damage did nothing")
	}
}

func exercise(t *testing.T, r *rig, records int) {
	t.Helper()
	stop := r.run()
	defer stop()
	if _, err := r.Scan(t.Context(), 0, records); err != nil {
		t.Log(err)
	}
	for n := range records {
		url := fmt.Sprint(n)
		if n%7 == 3 {
			r.Remove(url)
		}
		expectSound(t, r, url, n%20)
		if n%5 == 0 {
			r.Put(record(url, n%20))
		}
	}
}

// expectSound allows only what was put, or nothing.
func expectSound(t *testing.T, r *rig, url string, n int) {
	t.Helper()
	heads, err := r.Heads(t.Context(), url)
	if err != nil {
		t.Log(err)
	}
	for _, h := range heads {
		body, err := r.Body(t.Context(), h)
		if err != nil {
			if !errors.Is(err, ErrGone) {
				t.Log(err)
			}
			continue
		}
		got, want := Record{h.URL, h.Variant, h.Generation, 0, h.Head, body}, record(url, n)
		want.SoftAt = 0
		if d := diff(got, want); d != "" {
			t.Fatal(d)
		}
	}
}

func flip(t *testing.T, random *rand.Rand, path string, times int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range times {
		at := random.IntN(len(content))
		if random.IntN(2) == 0 {
			at = at&^4095 + random.IntN(64) // where SQLite keeps what a page is
		}
		if _, err := file.WriteAt([]byte{content[at] ^ byte(1+random.IntN(255))}, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRetired goes on with a store whose file turned out to be damaged.
func TestRetired(t *testing.T) {
	t.Parallel()
	r := filled(t, 3)
	stop := r.run()
	heads, err := r.Heads(t.Context(), "0")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.retire(errors.New("damage"))
	}
	if _, ok := r.Put(record("new", 1)); ok {
		t.Error("a put was taken")
	}
	r.Remove("1")
	r.Clear()
	r.drop(1)
	if got := r.has("0", "1", "new"); got != "" {
		t.Errorf("found %s", got)
	}
	if _, err := r.Body(context.Background(), heads[0]); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if scan, err := r.Scan(t.Context(), 0, 10); err != nil || len(scan) > 0 {
		t.Error(scan, err)
	}
	stop()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if aside(t, r) != 1 || r.log.lines("is damaged") != 1 {
		t.Errorf("%d files aside", aside(t, r))
	}
	r.open()
	if r.Stats().Entries != 0 {
		t.Error("the new file is not empty")
	}
}
