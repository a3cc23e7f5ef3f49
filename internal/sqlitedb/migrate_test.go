package sqlitedb_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

func TestMigrationsRunOnceAndInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	migrations := []string{
		`CREATE TABLE steps (n INTEGER); INSERT INTO steps VALUES (1)`,
		`INSERT INTO steps VALUES (2)`,
		`INSERT INTO steps VALUES (3)`,
	}
	for _, upTo := range []int{0, 1, 1, 3, 3} {
		db := open(t, path, sqlitedb.Options{Migrations: migrations[:upTo]})
		if upTo > 0 {
			want := "1,2,3"[:2*upTo-1]
			if got := value(t, db.Read, "SELECT group_concat(n) FROM steps"); got != want {
				t.Errorf("after %d migrations: steps %s, want %s", upTo, got, want)
			}
		}
		closeDB(t, db)
	}
}

// TestFailedMigrationLeavesNothing lets the second half of a migration fail.
func TestFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	good := `CREATE TABLE a (n INTEGER)`
	bad := `CREATE TABLE b (n INTEGER); INSERT INTO absent VALUES (1)`
	_, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: []string{good, bad}})
	if err == nil || !strings.Contains(err.Error(), "open database "+path+": migrate to schema 2: ") {
		t.Fatalf("got %v", err)
	}
	db := open(t, path, sqlitedb.Options{Migrations: []string{good}})
	if got := value(t, db.Read, "PRAGMA user_version"); got != "1" {
		t.Errorf("schema %s, want 1", got)
	}
	if got := value(t, db.Read, "SELECT group_concat(name) FROM sqlite_schema"); got != "a" {
		t.Errorf("tables %s, want a", got)
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	closeDB(t, open(t, path, sqlitedb.Options{Migrations: []string{itemsTable, "SELECT 1", "SELECT 1"}}))
	_, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: []string{itemsTable, "SELECT 1"}})
	want := "open database " + path +
		": database was written by a newer version of ringcast: the file has schema 3, this version knows up to 2"
	if !errors.Is(err, sqlitedb.ErrNewerSchema) || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	closeDB(t, open(t, path, sqlitedb.Options{Migrations: []string{itemsTable, "SELECT 1", "SELECT 1"}}))
}
