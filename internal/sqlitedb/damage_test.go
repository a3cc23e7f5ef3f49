package sqlitedb_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

const pageSize = 4096

var options = sqlitedb.Options{Migrations: []string{itemsTable}}

// filled makes a closed database of about fifty pages and gives its path.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path, options)
	fill(t, db, 1000)
	closeDB(t, db)
	return path
}

func overwrite(t *testing.T, path string, offset int64, data []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(data, offset); err != nil {
		t.Fatal(err)
	}
}

func expectDamaged(t *testing.T, path string, o sqlitedb.Options) {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), path, o)
	if err == nil {
		db.Close()
		t.Fatal("it opened")
	}
	if !errors.Is(err, sqlitedb.ErrDamaged) || !sqlitedb.IsDamaged(err) {
		t.Errorf("%v does not wrap ErrDamaged", err)
	}
}

func TestGarbageIsDamage(t *testing.T) {
	t.Parallel()
	path := filled(t)
	overwrite(t, path, 0, bytes.Repeat([]byte("garbage "), pageSize/8))
	expectDamaged(t, path, options)
}

func TestTruncatedFileIsDamage(t *testing.T) {
	t.Parallel()
	path := filled(t)
	if err := os.Truncate(path, 5*pageSize); err != nil {
		t.Fatal(err)
	}
	checked := options
	checked.Check = true
	expectDamaged(t, path, checked)
}

// TestDamagedPage overwrites one page in the middle: the check finds it at once,
// and without the check the first query that comes by.
func TestDamagedPage(t *testing.T) {
	t.Parallel()
	path := filled(t)
	overwrite(t, path, 20*pageSize, bytes.Repeat([]byte{0xff}, pageSize))
	checked := options
	checked.Check = true
	expectDamaged(t, path, checked)

	db := open(t, path, options)
	_, err := db.Write.ExecContext(t.Context(), "UPDATE items SET body = zeroblob(200)")
	if !sqlitedb.IsDamaged(err) {
		t.Errorf("the query gave %v", err)
	}
	if sqlitedb.IsFull(err) || sqlitedb.IsBusy(err) {
		t.Errorf("%v counts as something else too", err)
	}
}

// TestFull lets SQLite's own limit stand for a full disk.
func TestFull(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "log.db"), options)
	exec(t, db.Write, "PRAGMA max_page_count = 10")
	_, err := db.Write.ExecContext(t.Context(), "INSERT INTO items (body) VALUES (zeroblob(100000))")
	if !sqlitedb.IsFull(err) || sqlitedb.IsDamaged(err) || sqlitedb.IsBusy(err) {
		t.Errorf("got %v", err)
	}
	fill(t, db, 1)
}

func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	first, second := open(t, path, options), open(t, path, options)
	tx, err := first.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	exec(t, second.Write, "PRAGMA busy_timeout = 1")
	_, err = second.Write.ExecContext(t.Context(), "INSERT INTO items (body) VALUES ('')")
	if !sqlitedb.IsBusy(err) || sqlitedb.IsFull(err) || sqlitedb.IsDamaged(err) {
		t.Errorf("got %v", err)
	}
}

func TestOtherErrorsAreNone(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, fs.ErrNotExist, sqlite3.Error{Code: sqlite3.ErrConstraint}, sqlite3.Error{Code: sqlite3.ErrIoErr}} {
		if sqlitedb.IsDamaged(err) || sqlitedb.IsFull(err) || sqlitedb.IsBusy(err) {
			t.Errorf("%v is classified", err)
		}
	}
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	for suffix, content := range map[string]string{"": "garbage", "-wal": "log", "-shm": "index"} {
		if err := os.WriteFile(path+suffix, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600))
	aside, err := sqlitedb.SetAside(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := path + ".damaged-20260203T030506.000000007Z"; aside != want {
		t.Errorf("set aside as %s, want %s", aside, want)
	}
	for suffix, want := range map[string]string{"": "garbage", "-wal": "log", "-shm": "index"} {
		if got, err := os.ReadFile(aside + suffix); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", aside+suffix, got, err)
		}
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", path+suffix)
		}
	}
	closeDB(t, open(t, path, options))
	if _, err := sqlitedb.SetAside(path, now.Add(1)); err != nil {
		t.Errorf("without log and index: %v", err)
	}
	if _, err := sqlitedb.SetAside(path, now.Add(2)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a database: %v", err)
	}
}

func TestCheckCanBeCancelled(t *testing.T) {
	t.Parallel()
	path := filled(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlitedb.Open(ctx, path, sqlitedb.Options{Migrations: options.Migrations, Check: true})
	if !errors.Is(err, context.Canceled) || sqlitedb.IsDamaged(err) {
		t.Errorf("got %v", err)
	}
}
