package sqlitedb

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

var (
	// ErrNewerSchema tells that a later version of the program wrote the file.
	ErrNewerSchema = errors.New("database was written by a newer version of ringcast")
	// ErrDamaged tells that the file is not a database, or a broken one.
	ErrDamaged = errors.New("database is damaged")
)

// IsDamaged tells whether err, of Open or of any later query, says that the
// database is damaged.
func IsDamaged(err error) bool {
	return errors.Is(err, ErrDamaged) || hasCode(err, sqlite3.ErrCorrupt, sqlite3.ErrNotADB)
}

// IsFull tells whether err says that the disk, or the user's quota, is full.
func IsFull(err error) bool {
	if hasCode(err, sqlite3.ErrFull) {
		return true
	}
	// Outside of plain writes SQLite gives an input/output error with the reason.
	failure, ok := errors.AsType[sqlite3.Error](err)
	return ok && failure.Code == sqlite3.ErrIoErr &&
		(failure.SystemErrno == syscall.ENOSPC || failure.SystemErrno == syscall.EDQUOT)
}

// IsBusy tells whether err says that another connection held a lock for too long.
func IsBusy(err error) bool {
	return hasCode(err, sqlite3.ErrBusy, sqlite3.ErrLocked)
}

func hasCode(err error, codes ...sqlite3.ErrNo) bool {
	failure, ok := errors.AsType[sqlite3.Error](err)
	return ok && slices.Contains(codes, failure.Code)
}

// classify makes SQLite's own errors of damage wrap ErrDamaged.
func classify(err error) error {
	if IsDamaged(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
