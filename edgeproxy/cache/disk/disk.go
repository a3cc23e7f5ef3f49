// Package disk is what an edge's cache has on disk: records of bytes by URL and
// variant in one SQLite file. It knows nothing of HTTP; what a record means, and
// whether it may be used, is for its caller to judge.
//
// It is a cache of a cache, and so gives up records rather than time. Writes are
// queued and one goroutine commits them in batches; lookups read beside it, see
// what is queued, and never wait for a write. A loss of power may undo the last
// commits, a killed process loses what was queued. A file that is damaged, that
// belongs to another state file or to a later version is given up whole.
//
// What is read is what was put: checksums guard each record against a damaged
// disk, beyond what SQLite promises.
package disk

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// ErrGone tells that a record was evicted, replaced or removed, or failed its
// checksum, since its head was read.
var ErrGone = errors.New("record is gone")

// Record is what is stored. It must not be changed after Put.
type Record struct {
	// URL and Variant together are the key; Variant tells apart the records of one
	// URL.
	URL, Variant string
	// Generation is the one at which the fetch began.
	Generation uint64
	// SoftAt is since when a soft fence covers it, in Unix milliseconds; 0: none.
	SoftAt int64
	// Head and Body are not looked into. Head is read with every lookup.
	Head, Body []byte
}

// Stored is a record without its body.
type Stored struct {
	// ID rises with each Put and is never given again.
	ID           int64
	URL, Variant string
	Generation   uint64
	SoftAt       int64
	Head         []byte
	// BodySize is in bytes.
	BodySize int64

	bodySum uint32
	used    int64   // Unix seconds
	queued  *Record // where it was not yet written
}

// Config says where the file is and how large it may grow.
type Config struct {
	Path string
	// Instance names the state file whose fences cover what is stored. What was
	// stored under another one is discarded.
	Instance string
	// MaxBytes bounds keys, heads and bodies with rowOverhead for each record, and
	// MaxEntries the records. Neither is exceeded by any commit; only where a limit
	// was lowered do the first ones work towards it.
	MaxBytes, MaxEntries int64
	Logger               *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Stats are figures since Open, but for Entries and Bytes, which are those of the
// file.
type Stats struct {
	Entries, Bytes int64
	// Queued and QueuedBytes are the records that wait to be written.
	Queued, QueuedBytes int64
	// Dropped counts records that were refused or could not be written.
	Dropped int64
	// Evicted counts records that made room for others.
	Evicted int64
	// Unsound counts reads that failed their checksum.
	Unsound int64
}

// Store is an open file. Its methods may be called by many goroutines.
type Store struct {
	config   Config
	file     *file
	queue    *queue
	state    writerState
	presence *presence

	// retired is set once the file turned out to be damaged; it is not used again.
	retired atomic.Bool
	unsound atomic.Int64
	// unsoundLog and failureLog bound what a bad disk writes into the log.
	unsoundLog, failureLog limiter

	close    sync.Once
	closeErr error
}

// Generation is the highest that was ever committed to this file. Whoever counts
// generations starts above it.
func (s *Store) Generation() uint64 { return s.state.generation.Load() }

// Stats gives the present figures.
func (s *Store) Stats() Stats {
	stats := s.queue.stats()
	stats.Entries, stats.Bytes = s.state.entries.Load(), s.state.bytes.Load()
	stats.Evicted, stats.Unsound = s.state.evicted.Load(), s.unsound.Load()
	return stats
}

// Close closes the file, after Run has returned; what is still queued is lost. It can
// be called again.
func (s *Store) Close() error {
	s.close.Do(func() { s.closeErr = s.shut() })
	return s.closeErr
}

func (s *Store) shut() error {
	s.queue.stop()
	err := s.file.db.Close()
	if s.retired.Load() {
		return nil // closing a damaged file may fail, and there is nothing left to lose
	}
	return err
}

// retire gives the file up for damage. From now on nothing is found and nothing is
// stored, until the next start begins a new file. It goes aside at once: what is
// removed from now on must not be found after a kill.
func (s *Store) retire(err error) {
	if s.retired.Swap(true) {
		return
	}
	s.queue.abandon()
	s.config.Logger.Error("cache file is damaged; it is no longer used", "path", s.config.Path, "error", err)
	aside, err := sqlitedb.SetAside(s.config.Path, s.config.Now())
	if err != nil {
		s.config.Logger.Error("damaged cache file stays where it is", "path", s.config.Path, "error", err)
		return
	}
	s.config.Logger.Info("damaged cache file was set aside", "path", s.config.Path, "aside", aside)
}

// distrust removes a record that failed its checksum.
func (s *Store) distrust(id int64, url string) {
	s.unsound.Add(1)
	s.drop(id)
	if s.unsoundLog.allow(s.config.Now()) {
		s.config.Logger.Warn("cache record failed its checksum and is removed", "path", s.config.Path, "url", url)
	}
}

// logEvery is how often the log hears of the same trouble.
const logEvery = time.Minute

// limiter lets one line through each logEvery.
type limiter struct {
	mu   sync.Mutex // guards last
	last time.Time
}

func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.last.IsZero() && now.Sub(l.last) < logEvery {
		return false
	}
	l.last = now
	return true
}

// ended tells whether err came of ctx and so says nothing of the file.
func ended(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }
