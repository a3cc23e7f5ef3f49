package sqlitedb

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/mattn/go-sqlite3"
)

const (
	// busyTimeoutMillis is how long a connection waits for a lock. Only a
	// checkpoint or a backup tool ever holds one against it.
	busyTimeoutMillis = 5000
	// cacheKiB bounds the page cache of one connection. What does not fit comes
	// from the system's own cache.
	cacheKiB = 8 << 10
	// walLimitBytes is what the write-ahead log is cut back to after a large
	// transaction, which would otherwise keep its disk space for good.
	walLimitBytes = 64 << 20
	// checkpointPages is how long the write-ahead log gets before its pages are moved
	// into the file, 32 MiB. A page that was changed often meanwhile is moved once: of
	// rows in no order that is most of them.
	checkpointPages = 8192
)

// connector opens connections with their pragmas set, however often the pool
// replaces one.
type connector struct {
	driver *sqlite3.SQLiteDriver
	name   string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }
func (c connector) Driver() driver.Driver                        { return c.driver }

func openWriter(path string, o Options) *sql.DB {
	return newPool(path, "immediate", sharedPragmas(cmp.Or(o.WriterCacheKiB, cacheKiB))+writerPragmas(o.Synchronous), 1)
}

func openReaders(path string, o Options) *sql.DB {
	readers := o.MaxReaders
	if readers <= 0 {
		readers = defaultMaxReaders
	}
	return newPool(path, "deferred", sharedPragmas(cacheKiB)+"PRAGMA query_only = ON;", readers)
}

// sharedPragmas leave memory-mapped reading off: an input error would kill the
// process by SIGBUS where now a query fails.
func sharedPragmas(cacheKiB int) string {
	return fmt.Sprintf("PRAGMA busy_timeout = %d; PRAGMA cache_size = -%d; PRAGMA mmap_size = 0;",
		busyTimeoutMillis, cacheKiB)
}

// writerPragmas flush the drive's own cache as well on macOS, where fsync alone
// does not.
func writerPragmas(s Synchronous) string {
	level := "NORMAL"
	switch s {
	case Full:
		level = "FULL; PRAGMA fullfsync = ON"
	case Off:
		level = "OFF"
	}
	return fmt.Sprintf("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = %d; PRAGMA wal_autocheckpoint = %d; "+
		"PRAGMA checkpoint_fullfsync = ON; PRAGMA synchronous = %s;", walLimitBytes, checkpointPages, level)
}

// newPool gives a pool that keeps its connections and their page caches. It
// opens none yet. The connections have no mutex of SQLite's own, which a large
// read spends a fifth of its time on: database/sql lets one goroutine at a time
// use a connection, and only an interrupt, which needs none, comes from another
// (sqlite.org/threadsafe.html, "multi-thread").
func newPool(path, txlock, pragmas string, size int) *sql.DB {
	pool := sql.OpenDB(connector{
		driver: &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
			_, err := conn.Exec(pragmas, nil)
			return err
		}},
		name: fileURI(path) + "?_mutex=no&_txlock=" + txlock,
	})
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool
}

// fileURI escapes what has a meaning in SQLite's file names
// (sqlite.org/uri.html, section 3.1).
func fileURI(path string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}
