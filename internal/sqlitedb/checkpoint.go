package sqlitedb

import (
	"context"
	"errors"
	"fmt"
)

// CheckpointMode is how thorough a checkpoint is.
type CheckpointMode string

const (
	// CheckpointFull returns when all that was committed is in the file and on the
	// disk itself, where not even a loss of power undoes it.
	CheckpointFull CheckpointMode = "FULL"
	// CheckpointTruncate also waits for the readers of the log, and empties it.
	CheckpointTruncate CheckpointMode = "TRUNCATE"
)

// ErrCheckpointBusy tells that a reader or a writer was in the way for too long.
var ErrCheckpointBusy = errors.New("checkpoint did not come to its end")

// Checkpoint moves the write-ahead log into the file (sqlite.org/pragma.html,
// wal_checkpoint). Readers go on meanwhile. The error wraps ErrCheckpointBusy where it
// did not come to its end.
func (db *DB) Checkpoint(ctx context.Context, mode CheckpointMode) error {
	var busy, frames, moved int
	if err := db.Write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(`+string(mode)+`)`).Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if busy != 0 {
		return ErrCheckpointBusy
	}
	return nil
}
