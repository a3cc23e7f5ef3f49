package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// TestUpgradeFromBeforeChannels opens a log that was written before events had one.
func TestUpgradeFromBeforeChannels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, err := sqlitedb.Open(t.Context(), filepath.Join(dir, FileName), sqlitedb.Options{Migrations: migrations[:2], Synchronous: sqlitedb.Full})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Write.ExecContext(t.Context(), `
		INSERT INTO head VALUES (1, '7f3a9c', 3, 0, 0);
		INSERT INTO events (position, unit, kind, audience, type, time, expires_at, refs, entities, data)
		VALUES (3, 3, 2, 7, 'cache_invalidated', 1800000000, 0, 0, '', CAST('{}' AS BLOB))`); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	page, err := log.Read(t.Context(), 0, 10)
	want := []controlplane.Unit{{Position: 3, Events: []controlplane.Event{{
		Position: 3, Type: "cache_invalidated", Data: []byte(`{}`), Time: time.Unix(1_800_000_000, 0), Audience: controlplane.Everyone,
	}}}}
	if diff := cmp.Diff(want, page.Units); err != nil || diff != "" || page.Head.Epoch != "7f3a9c" {
		t.Errorf("%v %+v (-want +got):\n%s", err, page.Head, diff)
	}
}
