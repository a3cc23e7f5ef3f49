package main

import (
	"context"
	"sync/atomic"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// countedLog counts what is read from the log.
type countedLog struct {
	eventlog.Log
	reads atomic.Int64
}

// Read implements eventlog.Log.
func (l *countedLog) Read(ctx context.Context, after uint64, limit int) (eventlog.Page, error) {
	l.reads.Add(1)
	return l.Log.Read(ctx, after, limit)
}

// Head implements eventlog.Log.
func (l *countedLog) Head(ctx context.Context) (eventlog.Head, error) {
	l.reads.Add(1)
	return l.Log.Head(ctx)
}

// Latest implements eventlog.Log.
func (l *countedLog) Latest(ctx context.Context, entities ...string) ([]controlplane.Event, error) {
	l.reads.Add(1)
	return l.Log.Latest(ctx, entities...)
}

// List implements eventlog.Log.
func (l *countedLog) List(ctx context.Context, prefix, after string, limit int) ([]eventlog.Entry, error) {
	l.reads.Add(1)
	return l.Log.List(ctx, prefix, after, limit)
}

// Count implements eventlog.Log.
func (l *countedLog) Count(ctx context.Context, prefix string) (uint64, error) {
	l.reads.Add(1)
	return l.Log.Count(ctx, prefix)
}
