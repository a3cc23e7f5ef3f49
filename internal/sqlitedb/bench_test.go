package sqlitedb_test

import (
	"path/filepath"
	"testing"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// BenchmarkOpen compares the start of a process with and without the check, on
// 1,000,000 rows of 200 bytes.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log.db")
	o := sqlitedb.Options{Migrations: []string{itemsTable}, Synchronous: sqlitedb.Normal}
	db := open(b, path, o)
	fill(b, db, 1_000_000)
	closeDB(b, db)
	for name, check := range map[string]bool{"plain": false, "checked": true} {
		b.Run(name, func(b *testing.B) {
			o.Check = check
			for b.Loop() {
				closeDB(b, open(b, path, o))
			}
		})
	}
}
