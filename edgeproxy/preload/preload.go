// Package preload fetches, ahead of the clients, what the control plane hints will
// be wanted. A hint is worth little: what there is no room to remember is dropped
// and counted, and what waits when the edge stops is forgotten.
package preload

import (
	"context"
	"database/sql"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// maxQueued bounds the routes that wait, and so their memory: about 16 MB.
	maxQueued = 8_192
	// concurrency bounds what preloads ask of the origin at once, beside the clients.
	concurrency = 4
	// maxDelay is the most that the routes of a hint wait, each edge and hint for a
	// time of its own: all edges hear of it in the same moment, and the origin is one.
	maxDelay = time.Second
)

// Result is what came of asking for a route.
type Result int

// The results.
const (
	// Stored: it was fetched whole, to be stored.
	Stored Result = iota
	// Present: it was there, or on its way for a client.
	Present
	// Useless: it was fetched, and the origin does not allow to store it.
	Useless
	// Failed: the origin gave no whole answer, or one with an error.
	Failed
	results
)

// String names the result as the metrics do.
func (r Result) String() string {
	return [...]string{"stored", "present", "useless", "failed"}[r]
}

// Results lists them.
func Results() []Result { return []Result{Stored, Present, Useless, Failed} }

// FetchFunc fetches a route, a path or a URL, unless it is there. It gives a result
// for each response that the route stands for, none where it can stand for none.
type FetchFunc func(ctx context.Context, route string) []Result

// Loader is a part of the edge's state that keeps nothing: it queues the routes of
// the hints that it is told, and Run fetches them.
type Loader struct {
	fetch FetchFunc
	log   *slog.Logger
	queue chan job

	dropped atomic.Int64
	counts  [results]atomic.Int64
}

// job is a route that is not to be fetched before a time.
type job struct {
	route string
	due   time.Time
}

// New gives a loader. fetch is called by several goroutines.
func New(fetch FetchFunc, log *slog.Logger) *Loader {
	return &Loader{fetch: fetch, log: log, queue: make(chan job, maxQueued)}
}

// Count tells how many responses had a result since the start.
func (l *Loader) Count(r Result) int64 { return l.counts[r].Load() }

// Dropped counts the routes that were not tried: there was no room for them, or
// they stood for no response.
func (l *Loader) Dropped() int64 { return l.dropped.Load() }

// Run fetches until ctx ends, which ends the fetches under way, too.
func (l *Loader) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range concurrency {
		workers.Go(func() { l.work(ctx) })
	}
	workers.Wait()
	return nil
}

func (l *Loader) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-l.queue:
			if wait(ctx, job.due) {
				l.follow(ctx, job.route)
			}
		}
	}
}

// wait tells whether due came before the end of ctx.
func wait(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// follow counts nothing that the end of ctx cut short.
func (l *Loader) follow(ctx context.Context, route string) {
	found := l.fetch(ctx, route)
	if ctx.Err() != nil {
		return
	}
	if len(found) == 0 {
		l.dropped.Add(1)
	}
	for _, r := range found {
		l.counts[r].Add(1)
	}
	l.log.Debug("preloaded", "route", route, "results", found)
}

// Apply queues what is hinted, once the hint counts. Other events are passed over.
func (l *Loader) Apply(_ context.Context, _ *sql.Tx, events []any) (publish func(), err error) {
	var hints []*wire.PreloadHinted
	for _, event := range events {
		if hint, ok := event.(*wire.PreloadHinted); ok {
			hints = append(hints, hint)
		}
	}
	if len(hints) == 0 {
		return nil, nil
	}
	return func() {
		for _, hint := range hints {
			l.add(hint.Routes)
		}
	}, nil
}

// add never waits: events go on.
func (l *Loader) add(routes []string) {
	due := time.Now().Add(rand.N(maxDelay))
	for _, route := range routes {
		select {
		case l.queue <- job{route, due}:
		default:
			l.dropped.Add(1)
		}
	}
}

// Load has nothing to do: a hint that was not followed before a stop is forgotten.
func (l *Loader) Load(context.Context, *sqlitedb.DB) error { return nil }

// Gap has nothing to do: hints may get lost.
func (l *Loader) Gap(context.Context, *sql.Tx) (func(), error) { return nil, nil }

// Aside has nothing to do: a reset has no hints.
func (l *Loader) Aside(context.Context, *sql.Tx, []any) error { return nil }

// Switch has nothing to do either.
func (l *Loader) Switch(context.Context, *sql.Tx) (func(), error) { return nil, nil }

// Abandon has nothing to do either.
func (l *Loader) Abandon(context.Context, *sql.Tx) error { return nil }
