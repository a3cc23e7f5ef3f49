package disk

import (
	"context"
	"errors"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// errUnwritten tells that a batch failed, or never will be written.
var errUnwritten = errors.New("not everything could be written")

// Sync returns when every Put and Remove that returned before is committed, or
// with an error where one may not be. Run must be at work.
func (s *Store) Sync(ctx context.Context) error {
	q := s.queue
	q.mu.Lock()
	goal, failed := q.ended+int64(len(q.writing)+len(q.order)), q.failed
	q.mu.Unlock()
	for {
		q.mu.Lock()
		done, broken := q.ended >= goal && q.written == q.floor, q.failed != failed || q.stopped
		ending := q.ending
		q.mu.Unlock()
		switch {
		case broken, s.retired.Load():
			return errUnwritten
		case done:
			return nil
		}
		select {
		case <-ending:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Checkpoint returns when what was committed before is on the disk itself, where
// not even a loss of power undoes it.
func (s *Store) Checkpoint(ctx context.Context) error {
	if s.retired.Load() {
		return errUnwritten
	}
	return s.file.db.Checkpoint(ctx, sqlitedb.CheckpointFull)
}
