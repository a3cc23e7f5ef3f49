package sqlite

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// A step of the compaction is bounded by what it drops, not by rows alone: appends
// wait for it.
func TestCompactionOfLargeRows(t *testing.T) {
	t.Parallel()
	const rows, size = 30, 1 << 20
	l, err := Open(t.Context(), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	large := []byte(strings.Repeat("x", size))
	for i := range rows {
		_, err := l.Append(t.Context(), func(s controlplane.State) ([]controlplane.Event, error) {
			moment := controlplane.Event{Type: "m", Data: large, Time: s.Now(), Audience: controlplane.Everyone}
			absence := moment
			absence.Entities, absence.Tombstone = []string{"e/" + strings.Repeat("i", i)}, true
			return []controlplane.Event{moment, absence}, nil
		}, eventlog.Request{Detail: string(large)})
		if err != nil {
			t.Fatal(err)
		}
	}
	cutoff := time.Now().Add(time.Hour)
	steps := map[string]func(*txn) (int, error){
		"states": dropStates(cutoff), "old moments": dropOldMoments(cutoff), "excess moments": dropExcessMoments(1), "audit": dropAudit(cutoff),
	}
	for name, step := range steps {
		var dropped int
		err := l.submit(t.Context(), &job{ctx: t.Context(), step: func(ctx context.Context) error {
			return l.writer.update(ctx, func(tx *txn) (err error) {
				dropped, err = step(tx)
				return err
			})
		}})
		if err != nil || dropped == 0 || dropped*size > compactStepBytes {
			t.Errorf("%s: a step drops %d rows of %d bytes, %v", name, dropped, size, err)
		}
	}
	for name, step := range steps {
		if err := l.repeat(t.Context(), step); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	page, err := l.Read(t.Context(), 0, 2*rows)
	audit, auditErr := l.Audit(t.Context(), eventlog.AuditQuery{Limit: rows})
	if err != nil || auditErr != nil || len(page.Units) > 1 || len(audit.Records) > 0 {
		t.Errorf("left: %d units, %d records, %v, %v", len(page.Units), len(audit.Records), err, auditErr)
	}
}
