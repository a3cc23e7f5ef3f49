// Package sqlitedb opens SQLite databases the way every Ringcast process needs
// them: one writer, several readers, WAL, migrations by version, and errors that
// tell damage from a full disk. It has no tables of its own.
package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// defaultMaxReaders is enough for point look-ups, which take microseconds, and
// bounds the memory of their page caches.
const defaultMaxReaders = 4

// Synchronous says when a commit is on disk (PRAGMA synchronous).
type Synchronous int

const (
	// Full syncs each commit: what is committed survives a loss of power.
	Full Synchronous = iota
	// Normal syncs at checkpoints: a loss of power may undo the last commits, in
	// order and whole. A killed process loses nothing.
	Normal
	// Off never syncs: a loss of power may damage the file. A killed process loses
	// nothing.
	Off
)

// Options say how a database is opened. The zero value is usable.
type Options struct {
	// Migrations bring an empty file to the present schema, in order; the one at
	// index i makes schema version i+1. Those released are never changed.
	Migrations []string
	// Synchronous is Full where not set.
	Synchronous Synchronous
	// MaxReaders bounds the connections of Read; 0 means 4.
	MaxReaders int
	// WriterCacheKiB bounds the page cache of Write; 0 means 8 MiB, which each reader
	// has. More saves reading where rows are changed in no order.
	WriterCacheKiB int
	// Check looks through the whole file for damage before anything uses it. A
	// million rows of 200 bytes take a third of a second, and the time to read
	// the file from a cold disk.
	Check bool
}

// DB is an open database. Both pools may be used by many goroutines.
type DB struct {
	// Write has one connection. Its transactions take the write lock at once
	// (BEGIN IMMEDIATE) and so never fail half-way for want of it.
	Write *sql.DB
	// Read has several connections that cannot write. A transaction sees one
	// state of the database throughout, and delays no writer.
	Read *sql.DB
}

// Open opens the database at path, creating it where it is absent, and brings it
// to the newest schema. Only one DB at a time may have it open, in this process
// and all others.
//
// Errors wrap ErrNewerSchema for a file of a later version and ErrDamaged for
// one that is no database or, as far as was read, a broken one.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	if o.Check {
		if err := warm(ctx, path); err != nil {
			return nil, fmt.Errorf("open database %s: %w", path, err)
		}
	}
	db := &DB{Write: openWriter(path, o), Read: openReaders(path, o)}
	if err := db.prepare(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, classify(err)), db.Close())
	}
	return db, nil
}

// Close closes all connections, which moves the write-ahead log into the file
// unless a query still runs. It can be called again.
func (db *DB) Close() error {
	// The last connection to close moves the log: let it be the one that syncs as
	// the options say.
	return errors.Join(db.Read.Close(), db.Write.Close())
}

func (db *DB) prepare(ctx context.Context, o Options) error {
	version, err := schemaVersion(ctx, db.Write)
	if err != nil {
		return err
	}
	if newest := len(o.Migrations); version > newest {
		return fmt.Errorf("%w: the file has schema %d, this version knows up to %d", ErrNewerSchema, version, newest)
	}
	if o.Check {
		if err := check(ctx, db.Write); err != nil {
			return err
		}
	}
	return migrate(ctx, db.Write, version, o.Migrations)
}
