// Package sqlite is the embedded eventlog.Log: one SQLite file, one writer.
//
// Appends queue for the writer, which puts all that wait into one transaction
// and so pays for one fsync where callers are many (group commit). Each decision
// sees the appends before it, those of its own transaction included. Readers use
// connections of their own and never wait for the writer.
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// FileName is the log's file in its directory.
const FileName = "log.db"

// maxReaders bounds the connections that read, and with them the memory of
// their page caches.
const maxReaders = 8

// writerCacheKiB holds most of what an import of a million bans changes of the
// entities' table, whose rows come in no order.
const writerCacheKiB = 32 << 10

// epochBytes makes an accidental repeat of an epoch as good as impossible.
const epochBytes = 6

// Config is what a log needs.
type Config struct {
	// Dir is the data directory, which the caller has locked.
	Dir string
	// Retention says for how long the log keeps what it could forget.
	Retention eventlog.Retention
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Committed, if set, is called by the writer with units that have become
	// durable, in order and each once, before their Append returns. It must not
	// call the log.
	Committed func([]controlplane.Unit)
}

// Log implements eventlog.Log.
type Log struct {
	cfg    Config
	db     *sqlitedb.DB
	writer *writer

	jobs    chan *job
	closing chan struct{}
	closed  sync.Once
	done    chan struct{}
	err     error
}

var _ eventlog.Log = (*Log)(nil)

// Open opens the log in cfg.Dir, or begins one with a new epoch. A damaged log
// or one written by a newer version is refused: see package sqlitedb's errors.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Committed == nil {
		cfg.Committed = func([]controlplane.Unit) {}
	}
	cfg.Retention = cfg.Retention.WithDefaults()
	db, err := sqlitedb.Open(ctx, filepath.Join(cfg.Dir, FileName), sqlitedb.Options{
		Migrations: migrations, Synchronous: sqlitedb.Full, MaxReaders: maxReaders, WriterCacheKiB: writerCacheKiB, Check: true,
	})
	if errors.Is(err, sqlitedb.ErrDamaged) {
		return nil, fmt.Errorf("open log: %w: restore a backup; see docs/operations.md", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	w, err := newWriter(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", errors.Join(err, db.Close()))
	}
	l := &Log{
		cfg: cfg, db: db, writer: w,
		jobs: make(chan *job, maxGroup), closing: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l, nil
}

// Close ends the writer after the group at hand, and closes the file. Appends
// that it leaves undone fail with eventlog.ErrClosed.
func (l *Log) Close() error {
	l.closed.Do(func() {
		close(l.closing)
		<-l.done
		l.err = errors.Join(l.writer.close(), l.db.Close())
	})
	return l.err
}

// Head implements eventlog.Log.
func (l *Log) Head(ctx context.Context) (eventlog.Head, error) {
	head, err := readHead(ctx, l.db.Read)
	if err != nil {
		return eventlog.Head{}, fmt.Errorf("read head: %w", err)
	}
	return head, nil
}

// queryer is a database, a connection or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readHead(ctx context.Context, q queryer) (h eventlog.Head, err error) {
	err = q.QueryRowContext(ctx, `SELECT epoch, position, horizon, moment_horizon FROM head`).
		Scan(&h.Epoch, &h.Position, &h.Horizon, &h.MomentHorizon)
	return h, err
}

func newEpoch() string {
	b := make([]byte, epochBytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
