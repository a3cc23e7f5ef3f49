package coalesce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/internal/wire"
)

const (
	crowd = 16 // callers
	each  = 40 // calls of one
)

// acked is what a caller was told of a tag of its own.
type acked struct {
	tag     string
	receipt eventlog.Receipt
}

// TestOnSQLite has many callers on the real log: new requests, repeats, reused ids
// and impatient callers in one stream. Each that was acknowledged is in the event
// that was named, each request has one record, and no event has what nobody asked for.
func TestOnSQLite(t *testing.T) {
	t.Parallel()
	log, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	c := start(t, log, time.Millisecond)
	var mu sync.Mutex
	var all []acked
	var callers sync.WaitGroup
	for n := range crowd {
		callers.Go(func() {
			told := callALot(t, c, n)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, told...)
		})
	}
	callers.Wait()
	c.groups.Wait() // Close would leave the outcome of an append that nobody waits for open
	events := eventsOf(t, log)
	if len(events) == 0 || len(events) > len(all)/2 {
		t.Errorf("%d events for %d acknowledged calls", len(events), len(all))
	}
	for _, a := range all {
		if !slices.Contains(events[a.receipt.Position].Tags, a.tag) {
			t.Errorf("%s is not in event %d", a.tag, a.receipt.Position)
		}
	}
	auditEquals(t, log, events)
}

// callALot is one caller's calls, each of a tag of its own.
func callALot(t *testing.T, c *Invalidations, caller int) (told []acked) {
	for n := range each {
		tag := fmt.Sprintf("%d-%d", caller, n)
		r := requestFor(fmt.Sprint("caller ", caller), tag, tags(tag))
		receipt, err := c.Append(t.Context(), tags(tag), r)
		if err != nil {
			t.Errorf("%s: %v", tag, err)
			continue
		}
		told = append(told, acked{tag, receipt})
		switch rand.IntN(4) {
		case 0:
			if again, err := c.Append(t.Context(), tags(tag), r); err != nil || again.Position != receipt.Position {
				t.Errorf("repeated: %+v, %v; want %+v", again, err, receipt)
			}
		case 1:
			r.Digest[0]++
			if _, err := c.Append(t.Context(), tags("reused"), r); !errors.Is(err, eventlog.ErrRequestReused) {
				t.Errorf("reused: %v", err)
			}
		case 2:
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := c.Append(ctx, tags("impatient"), requestFor("impatient", "", tags("impatient")))
			cancel()
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("impatient: %v", err)
			}
		}
	}
	return told
}

func eventsOf(t *testing.T, log eventlog.Log) map[uint64]wire.CacheInvalidated {
	t.Helper()
	page, err := log.Read(t.Context(), 0, 2*crowd*each)
	if err != nil || page.Next != page.Head.Position {
		t.Fatalf("read up to %d of %d: %v", page.Next, page.Head.Position, err)
	}
	events := map[uint64]wire.CacheInvalidated{}
	for _, u := range page.Units {
		event, err := wire.Decode(u.Events[0].Type, u.Events[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		events[u.Position] = *event.(*wire.CacheInvalidated)
	}
	return events
}

// auditEquals wants each tag of an event to have its request's record, and each
// record its tag.
func auditEquals(t *testing.T, log eventlog.Log, events map[uint64]wire.CacheInvalidated) {
	t.Helper()
	recorded := auditOf(t, log)
	if len(recorded) != len(events) {
		t.Errorf("the audit has %d positions, the log %d events", len(recorded), len(events))
	}
	for position, event := range events {
		got, want := recorded[position], event.Tags
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("event %d selects %v; the audit has %v", position, want, got)
		}
	}
}

// auditOf gives the tag of each request by position; that of the impatient, who
// have no id, once.
func auditOf(t *testing.T, log eventlog.Log) map[uint64][]string {
	t.Helper()
	tags := map[uint64][]string{}
	for query := (eventlog.AuditQuery{Limit: 100}); ; {
		page, err := log.Audit(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			tag := cmp.Or(r.RequestID, r.Principal)
			if r.RequestID != "" || !slices.Contains(tags[r.Position], tag) {
				tags[r.Position] = append(tags[r.Position], tag)
			}
		}
		if query.After = page.Next; page.Next == (eventlog.AuditCursor{}) {
			return tags
		}
	}
}
