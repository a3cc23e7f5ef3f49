package sqlitedb_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// After a checkpoint the file has what the log had; one that truncates leaves no log,
// and none comes to its end while somebody reads what was before.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path, sqlitedb.Options{Migrations: []string{itemsTable}})
	size := func(name string) int64 {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	fill(t, db, 1000)
	before := size(path)
	if err := db.Checkpoint(t.Context(), sqlitedb.CheckpointFull); err != nil {
		t.Fatal(err)
	}
	if after := size(path); after < before+200*1000 {
		t.Errorf("the file has %d bytes, %d before", after, before)
	}
	if size(path+"-wal") == 0 {
		t.Error("no log is left")
	}
	tx, err := db.Read.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM items`).Scan(&n); err != nil || n != 1000 {
		t.Fatal(n, err)
	}
	fill(t, db, 10)
	if err := db.Checkpoint(t.Context(), sqlitedb.CheckpointTruncate); !errors.Is(err, sqlitedb.ErrCheckpointBusy) {
		t.Errorf("beside a reader: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(t.Context(), sqlitedb.CheckpointTruncate); err != nil || size(path+"-wal") != 0 {
		t.Errorf("%v, a log of %d bytes", err, size(path+"-wal"))
	}
}
