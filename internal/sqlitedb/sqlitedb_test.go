package sqlitedb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

const itemsTable = `CREATE TABLE items (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`

func open(t testing.TB, path string, o sqlitedb.Options) *sqlitedb.DB {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func closeDB(t testing.TB, db *sqlitedb.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, pool *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := pool.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// value gives the one value that a query returns, as text.
func value(t testing.TB, pool *sql.DB, query string) string {
	t.Helper()
	var text string
	if err := pool.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// fill adds rows of 200 bytes.
func fill(t testing.TB, db *sqlitedb.DB, rows int) {
	t.Helper()
	exec(t, db.Write, `
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?)
		INSERT INTO items (body) SELECT randomblob(200) FROM n`, rows)
}

func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	o := sqlitedb.Options{Migrations: []string{itemsTable}, Check: true}
	db := open(t, path, o)
	fill(t, db, 10)
	if got := value(t, db.Read, "SELECT count(*) FROM items"); got != "10" {
		t.Errorf("the readers see %s rows", got)
	}
	closeDB(t, db)
	db = open(t, path, o)
	if got := value(t, db.Read, "SELECT count(*) FROM items"); got != "10" {
		t.Errorf("after opening again: %s rows", got)
	}
}

func TestPragmas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := open(t, filepath.Join(dir, "full.db"), sqlitedb.Options{})
	normal := open(t, filepath.Join(dir, "normal.db"), sqlitedb.Options{Synchronous: sqlitedb.Normal})
	for _, test := range []struct {
		pool         *sql.DB
		pragma, want string
	}{
		{full.Write, "synchronous", "2"},
		{normal.Write, "synchronous", "1"},
		{full.Write, "journal_mode", "wal"},
		{full.Read, "journal_mode", "wal"},
		{full.Write, "busy_timeout", "5000"},
		{full.Read, "busy_timeout", "5000"},
		{full.Read, "query_only", "1"},
		{full.Write, "query_only", "0"},
		{full.Write, "mmap_size", "0"},
		{full.Write, "cache_size", "-8192"},
		{full.Read, "cache_size", "-8192"},
		{full.Write, "journal_size_limit", "67108864"},
	} {
		if got := value(t, test.pool, "PRAGMA "+test.pragma); got != test.want {
			t.Errorf("%s: %s, want %s", test.pragma, got, test.want)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "log.db"), sqlitedb.Options{Migrations: []string{itemsTable}})
	if _, err := db.Read.ExecContext(t.Context(), "DELETE FROM items"); err == nil {
		t.Error("a reader deleted")
	}
}

func TestPoolSizes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "a.db"), sqlitedb.Options{MaxReaders: 7})
	for name, sizes := range map[string][2]int{
		"Write":   {db.Write.Stats().MaxOpenConnections, 1},
		"Read":    {db.Read.Stats().MaxOpenConnections, 7},
		"default": {open(t, filepath.Join(dir, "b.db"), sqlitedb.Options{}).Read.Stats().MaxOpenConnections, 4},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s has at most %d connections, want %d", name, sizes[0], sizes[1])
		}
	}
}

// TestReadTransactionIsASnapshot has a writer commit while a reader looks.
func TestReadTransactionIsASnapshot(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "log.db"), sqlitedb.Options{Migrations: []string{itemsTable}})
	tx, err := db.Read.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for range 2 {
		var rows int
		if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM items").Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d rows, %v", rows, err)
		}
		fill(t, db, 1)
	}
}

// TestWritersTakeTurns has many read-modify-write transactions run at once;
// without the lock taken at BEGIN some of them would fail as busy.
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	o := sqlitedb.Options{Migrations: []string{
		`CREATE TABLE counter (n INTEGER NOT NULL); INSERT INTO counter VALUES (0)`,
	}, Synchronous: sqlitedb.Normal}
	first, second := open(t, path, o), open(t, path, o)
	var writers sync.WaitGroup
	for _, db := range []*sqlitedb.DB{first, second, first, second} {
		writers.Go(func() {
			for range 25 {
				if err := increment(t.Context(), db.Write); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if got := value(t, first.Read, "SELECT n FROM counter"); got != "100" {
		t.Errorf("counted %s, want 100", got)
	}
}

func increment(ctx context.Context, pool *sql.DB) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT n FROM counter").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE counter SET n = ?", n+1); err != nil {
		return err
	}
	return tx.Commit()
}

func TestCloseMovesTheLogIntoTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	db := open(t, path, sqlitedb.Options{Migrations: []string{itemsTable}})
	fill(t, db, 10)
	if got := value(t, db.Read, "SELECT count(*) FROM items"); got != "10" {
		t.Errorf("%s rows", got)
	}
	for range 2 {
		closeDB(t, db)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the write-ahead log is still there: %v", err)
	}
}

func TestPathWithSpecialCharacters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a b.db", "a?mode=memory.db", "a#b.db", "a%20b.db", "a&b=c.db", "%", "ä.db", `a\b.db`, "a'b\".db", "file:a.db", "a+b.db"} {
		path := filepath.Join(dir, name)
		closeDB(t, open(t, path, sqlitedb.Options{Migrations: []string{itemsTable}}))
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q was not made: %v", name, err)
		}
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"log.db", "./b.db", "file:c.db"} {
		closeDB(t, open(t, path, sqlitedb.Options{Migrations: []string{itemsTable}}))
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenErrorsNameThePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent", "log.db"): "no such file or directory",
		filepath.Join(file, "log.db"):          "not a directory",
		dir:                                    "unable to open database file",
	} {
		db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{})
		if err == nil {
			db.Close()
			t.Errorf("%s: no error", path)
			continue
		}
		if !strings.HasPrefix(err.Error(), "open database "+path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q", err, want)
		}
		if sqlitedb.IsDamaged(err) {
			t.Errorf("%v counts as damage", err)
		}
	}
}
