package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

const (
	// maxReaders is how many lookups go on at once; with a page cache each, it
	// bounds their memory.
	maxReaders = 8
	// slackBytes beyond MaxBytes, and as much again, is what the file may take. Pages
	// that were freed are used again but never given back, so a larger file is one
	// whose limit was lowered.
	slackBytes = 64 << 20
)

var (
	errForeign  = errors.New("it belongs to another state file")
	errTooLarge = errors.New("it is far larger than the limit")
)

// Open opens the file at c.Path, making it where it is absent, in a time that
// does not depend on how much is stored. A file of another instance, of a later
// version, or far larger than MaxBytes is deleted, one that is damaged or cannot be
// used for any other reason is set aside, each with a line in the log; then a new
// one is begun. Errors are those of a new file, and of one that another process has
// open.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	s, err := open(ctx, c)
	switch {
	case err == nil, ended(ctx, err), sqlitedb.IsBusy(err), sqlitedb.IsFull(err):
		return s, err
	case errors.Is(err, errForeign), errors.Is(err, errTooLarge), errors.Is(err, sqlitedb.ErrNewerSchema):
		err = discard(c, err)
	default:
		// Whatever else SQLite has against it, an edge must start.
		err = setAside(c, err)
	}
	if err != nil {
		return nil, err
	}
	return open(ctx, c)
}

func open(ctx context.Context, c Config) (*Store, error) {
	if info, err := os.Stat(c.Path); err == nil && info.Size()/2-slackBytes > c.MaxBytes {
		return nil, errTooLarge
	}
	// To check the file would take as long as to read it; the checksums find out
	// in time.
	db, err := sqlitedb.Open(ctx, c.Path, sqlitedb.Options{
		Migrations: migrations(), Synchronous: sqlitedb.Normal, MaxReaders: maxReaders,
	})
	if err != nil {
		return nil, fmt.Errorf("open cache file: %w", err)
	}
	s := &Store{config: c, file: &file{db: db}}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("load cache file: %w", err), db.Close())
	}
	return s, nil
}

func (s *Store) load(ctx context.Context) error {
	if err := s.file.prepare(ctx); err != nil {
		return err
	}
	m, err := s.file.readMeta(ctx, s.config.Instance)
	if err != nil {
		return err
	}
	if m.instance != s.config.Instance {
		return errForeign
	}
	if s.state.clock, err = s.file.lastUse(ctx); err != nil {
		return err
	}
	s.state.meta = m
	s.presence = newPresence(s.config.MaxEntries)
	s.state.publish()
	s.state.untidy = true
	s.queue = newQueue(m.last, m.floor)
	return nil
}

func setAside(c Config, reason error) error {
	if info, err := os.Stat(c.Path); err != nil || !info.Mode().IsRegular() {
		return reason
	}
	aside, err := sqlitedb.SetAside(c.Path, c.Now())
	if err != nil {
		return errors.Join(reason, err)
	}
	c.Logger.Error("cache file cannot be used; it was set aside and a new one is begun", "path", c.Path, "aside", aside, "error", reason)
	return nil
}

func discard(c Config, reason error) error {
	if err := remove(c.Path); err != nil {
		return errors.Join(reason, err)
	}
	c.Logger.Warn("cache file was discarded and a new one is begun", "path", c.Path, "reason", reason)
	return nil
}

// Discard deletes the file at path where there is one, with a line in the log. It
// is for an edge that does without: what is purged meanwhile would be found again
// by one that opens the file later. When it returns, not even a loss of power
// brings the file back.
func Discard(path string, log *slog.Logger) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := remove(path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("discard cache file: %w", err)
	}
	log.Warn("cache file was discarded: nothing is to be stored", "path", path)
	return nil
}

func remove(path string) error {
	// The file goes last: a crash on the way must not leave its write-ahead log
	// beside a new one.
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("discard cache file: %w", err)
		}
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
