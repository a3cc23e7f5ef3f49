package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

const (
	// batchWait is how long the first change of a batch waits for others.
	batchWait = 50 * time.Millisecond
	// retryAfter keeps the writer from trying a full disk all the time.
	retryAfter = time.Second
	// maxLogBytes bounds the write-ahead log, which lookups that never pause would
	// have grow for ever, within a batch.
	maxLogBytes = 32 << 20
	// flushWithin bounds how long Run goes on after its context has ended.
	flushWithin = 5 * time.Second
)

// writerState belongs to the goroutine in Run, but for the copies for others.
type writerState struct {
	// meta is as it was committed.
	meta meta
	// clock is the time of the last use, which never goes back: otherwise what is
	// stored after a clock was set back would be the first to go.
	clock int64
	// untidy is set while there may be rows to remove that nobody waits for, failed
	// after a failed batch.
	untidy, failed bool

	entries, bytes, evicted atomic.Int64
	generation              atomic.Uint64
}

func (w *writerState) publish() {
	w.entries.Store(w.meta.entries)
	w.bytes.Store(w.meta.bytes)
	w.generation.Store(w.meta.generation)
}

// Put queues a record, in place of the one with the same key, and gives its id. It
// never waits. It gives false where too much waits already, where the record is
// larger than MaxBytes or what may wait (64 MiB), or after Run or Close.
func (s *Store) Put(r Record) (id int64, queued bool) {
	if size(&r) > s.config.MaxBytes || s.config.MaxEntries < 1 {
		s.queue.refuse()
		return 0, false
	}
	return s.queue.put(r, s.config.Now().Unix())
}

// Remove removes all variants of a URL, and never waits. It is in force for
// lookups when it returns; a process killed right after it may have it undone.
// Removals are kept until they are written, whatever fails; where more wait than
// memory allows, everything is removed.
func (s *Store) Remove(url string) { s.queue.remove(url) }

// Clear removes everything, like Remove, at once however much it is. The rows go
// little by little, before any that are of use.
func (s *Store) Clear() { s.queue.clear() }

// Run writes what is queued, until ctx ends, and then what is still queued within
// 5 s. Nothing can be put after that. An error says what was not written then.
func (s *Store) Run(ctx context.Context) error {
	working := context.WithoutCancel(ctx)
	var counting sync.WaitGroup
	defer counting.Wait()
	counting.Go(func() { s.report(s.count(ctx)) })
	for s.await(ctx) {
		s.report(s.write(working))
	}
	return s.flush(working)
}

// await waits for a batch to write; it gives false once ctx has ended.
func (s *Store) await(ctx context.Context) bool {
	switch {
	case s.state.failed:
		return pause(ctx, retryAfter, nil)
	case s.state.untidy:
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-s.queue.wake:
		return pause(ctx, batchWait, s.queue.full)
	}
}

// pause waits for a time, for enough, or for ctx to end, where it gives false.
func pause(ctx context.Context, wait time.Duration, enough <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-enough:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// write commits one batch. Where a limit was lowered, what is beyond it goes little
// by little, before anything else is written.
func (s *Store) write(ctx context.Context) (err error) {
	defer func() { s.state.failed = err != nil }()
	if s.state.untidy && s.config.exceeded(&s.state.meta) {
		return s.commit(ctx, &batch{})
	}
	b := s.queue.take()
	err = s.commit(ctx, b)
	s.queue.done(b, err == nil)
	if err != nil {
		return err
	}
	return s.truncateLog(ctx)
}

// truncateLog empties a write-ahead log that has grown too long. SQLite does so
// itself, but only at a commit while nobody reads; here the writer waits until
// those who do have finished, and those who come meanwhile wait for nothing.
func (s *Store) truncateLog(ctx context.Context) error {
	info, err := os.Stat(s.config.Path + "-wal")
	if err != nil || info.Size() <= maxLogBytes || s.retired.Load() {
		return nil
	}
	err = s.file.db.Checkpoint(ctx, sqlitedb.CheckpointTruncate)
	if errors.Is(err, sqlitedb.ErrCheckpointBusy) {
		return nil // the next batch tries again
	}
	return err
}

// report gives up a damaged file, and tells of other errors.
func (s *Store) report(err error) {
	switch {
	case err == nil:
	case sqlitedb.IsDamaged(err):
		s.retire(err)
	case s.failureLog.allow(s.config.Now()):
		s.config.Logger.Error("cache file cannot be written; responses are not stored", "path", s.config.Path, "error", err)
	}
}

func (s *Store) flush(ctx context.Context) error {
	s.queue.stop()
	for start := time.Now(); !s.queue.idle(); {
		err := s.write(ctx)
		if sqlitedb.IsDamaged(err) {
			s.retire(err)
			return nil
		}
		if err == nil && time.Since(start) > flushWithin {
			err = context.DeadlineExceeded
		}
		if err != nil {
			return fmt.Errorf("flush cache file: %w", err)
		}
	}
	return nil
}
