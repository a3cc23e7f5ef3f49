package sqlitedb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// asideLayout is RFC 3339's basic form, in UTC: it sorts by time and has no
// character that a file system refuses.
const asideLayout = "20060102T150405.000000000Z"

// SetAside renames a damaged database, with the files that belong to it, to
// <path>.damaged-<time> and returns that path, so that a new one can be made.
// Connections that are open keep the renamed files, and must be closed before that: at
// its close SQLite removes a log of the old name.
func SetAside(path string, now time.Time) (string, error) {
	aside := path + ".damaged-" + now.UTC().Format(asideLayout)
	// The file itself goes last: a crash on the way must not leave the write-ahead
	// log beside a new database.
	for _, suffix := range []string{"-wal", "-shm", ""} {
		err := os.Rename(path+suffix, aside+suffix)
		if suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("set database aside: %w", err)
		}
	}
	return aside, nil
}
