package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// What SQLite's write-ahead log is made of, in bytes (sqlite.org/fileformat2.html, 4).
const (
	walHeader      = 32
	walFrameHeader = 24
	walFrame       = walFrameHeader + 4096
)

// wish is a mutation that its caller repeats under one id until it is acknowledged.
type wish struct {
	id     string
	events int
	// position is where it was acknowledged, and wal the size of the write-ahead log then.
	position uint64
	wal      int64
}

// decide makes events that name the wish.
func (w wish) decide(s controlplane.State) ([]controlplane.Event, error) {
	e := controlplane.Event{Type: "m", Data: []byte(w.id), Time: s.Now(), Audience: controlplane.Everyone}
	return slices.Repeat([]controlplane.Event{e}, w.events), nil
}

func (w wish) request() eventlog.Request {
	return eventlog.Request{Principal: "alice", RPC: "/m", ID: w.id, Digest: [32]byte{byte(w.events)}, Detail: `{}`}
}

// TestKilledAtEachStep: a process that is killed leaves the write-ahead log up to any
// of its writes. Whichever it is, what was acknowledged is there, and whoever repeats
// all that he wished for finds each applied once, and in the audit once.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openIn(t, dir)
	began := walSize(t, dir)
	before := readFile(t, filepath.Join(dir, FileName))
	var wishes []wish
	for group, sizes := range [][]int{{1}, {3}, {1, 2, 1}, {eventlog.MaxUnit}, {1}} {
		var made []wish
		for member, events := range sizes {
			made = append(made, wish{id: fmt.Sprintf("%d.%d", group, member), events: events})
		}
		wishes = append(wishes, appendTogether(t, l, dir, made)...)
	}
	db, wal := readFile(t, filepath.Join(dir, FileName)), readFile(t, filepath.Join(dir, FileName+"-wal"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if string(db) != string(before) {
		t.Fatal("the file was written to: the write-ahead log is not all")
	}
	killed := 0
	for frame := (began - walHeader) / walFrame; walHeader+frame*walFrame <= int64(len(wal)); frame++ {
		boundary := walHeader + frame*walFrame
		for _, cut := range []int64{boundary, boundary + walFrameHeader, boundary + walFrame - 1} {
			if cut <= int64(len(wal)) {
				repeatAfter(t, db, wal[:cut], wishes)
				killed++
			}
		}
	}
	if killed < 3*len(wishes) {
		t.Errorf("killed %d times only", killed)
	}
}

// appendTogether appends in one transaction.
func appendTogether(t *testing.T, l *Log, dir string, group []wish) []wish {
	t.Helper()
	jobs := make([]*job, len(group))
	for i, w := range group {
		jobs[i] = &job{ctx: t.Context(), decide: w.decide, requests: []eventlog.Request{w.request()}, done: make(chan error, 1)}
	}
	err := l.submit(t.Context(), &job{ctx: t.Context(), step: func(context.Context) error {
		l.commit(jobs)
		return nil
	}})
	for i, j := range jobs {
		if err = errors.Join(err, <-j.done); err != nil {
			t.Fatal(err)
		}
		group[i].position, group[i].wal = j.receipts[0].Position, walSize(t, dir)
	}
	return group
}

// repeatAfter opens what is left, and repeats every wish.
func repeatAfter(t *testing.T, db, wal []byte, wishes []wish) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{FileName: db, FileName + "-wal": wal} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := openIn(t, dir)
	defer l.Close()
	for _, w := range wishes {
		receipts, err := l.Append(t.Context(), w.decide, w.request())
		if err != nil {
			t.Fatalf("cut at %d: %s: %v", len(wal), w.id, err)
		}
		acknowledged := w.wal <= int64(len(wal))
		if acknowledged && !receipts[0].Repeated || receipts[0].Position != w.position {
			t.Errorf("cut at %d: %+v is now %+v", len(wal), w, receipts[0])
		}
	}
	page, err := l.Read(t.Context(), 0, 10*eventlog.MaxUnit)
	audit, auditErr := l.Audit(t.Context(), eventlog.AuditQuery{Limit: 100})
	if err != nil || auditErr != nil || len(page.Units) != len(wishes) || len(audit.Records) != len(wishes) {
		t.Fatalf("cut at %d: %d units and %d records of %d wishes, %v, %v", len(wal), len(page.Units), len(audit.Records), len(wishes), err, auditErr)
	}
	for i, w := range wishes {
		unit, record := page.Units[i], audit.Records[len(wishes)-1-i]
		if unit.Position != w.position || len(unit.Events) != w.events || string(unit.Events[0].Data) != w.id {
			t.Errorf("cut at %d: unit %d of %d events, want %+v", len(wal), unit.Position, len(unit.Events), w)
		}
		if record.Position != w.position || record.RequestID != w.id {
			t.Errorf("cut at %d: record %+v, want %+v", len(wal), record, w)
		}
	}
}

func openIn(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func walSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, FileName+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
