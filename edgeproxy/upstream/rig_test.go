package upstream_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

const schema = `
CREATE TABLE generation (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
CREATE TABLE fences (kind TEXT NOT NULL, selector TEXT NOT NULL, generation INTEGER NOT NULL,
	soft_generation INTEGER NOT NULL, soft_at INTEGER NOT NULL, settle_until INTEGER NOT NULL,
	PRIMARY KEY (kind, selector)) STRICT, WITHOUT ROWID;`

// edge is a handler on a socket, before an origin on another.
type edge struct {
	url     string
	handler http.Handler
	fences  *cache.Fences
	state   *stateFile
	client  *http.Client
}

type stateFile struct {
	mu sync.Mutex
	db *sqlitedb.DB
}

func (s *stateFile) Update(ctx context.Context, fn func(*sql.Tx) (func(), error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	publish, err := fn(tx)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	publish()
	return nil
}

// newEdge starts an edge. now is its clock, time.Now where nil.
func newEdge(t testing.TB, origin string, config upstream.Config, now func() time.Time, edits ...func(*cache.Config)) *edge {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"),
		sqlitedb.Options{Migrations: []string{schema}, Synchronous: sqlitedb.Normal})
	if err != nil {
		t.Fatal(err)
	}
	if now == nil {
		now = time.Now
	}
	state, fences := &stateFile{db: db}, cache.NewFences(now)
	stored := cache.Config{MaxBytes: 64 << 20, MaxEntries: 1000, MaxObject: 16 << 20, Now: now}
	for _, edit := range edits {
		edit(&stored)
	}
	store := cache.New(stored, fences, state)
	if config.Origin, err = url.Parse(origin); err != nil {
		t.Fatal(err)
	}
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	handler := upstream.New(config, store)
	server := httptest.NewServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
		handler.Close()
		handler.Close()
		store.Close()
		_ = db.Close()
	})
	return &edge{server.URL, handler, fences, state, client}
}

func newOrigin(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func (e *edge) invalidate(t testing.TB, event *wire.CacheInvalidated) {
	t.Helper()
	err := e.state.Update(t.Context(), func(tx *sql.Tx) (func(), error) {
		return e.fences.Apply(t.Context(), tx, []any{event})
	})
	if err != nil {
		t.Error(err)
	}
}

// answer is a response read whole.
type answer struct {
	*http.Response
	body  string
	cache string // the last member of Cache-Status, without the name
	err   error
}

func (e *edge) do(ctx context.Context, method, target string, fields ...string) answer {
	r, err := http.NewRequestWithContext(ctx, method, e.url+target, nil)
	if err != nil {
		return answer{err: err}
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	return e.send(r)
}

func (e *edge) send(r *http.Request) answer {
	res, err := e.client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	return read(res)
}

func read(res *http.Response) answer {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a := answer{Response: res, body: string(body), err: err}
	if all := res.Header.Values("Cache-Status"); len(all) > 0 {
		a.cache = strings.TrimPrefix(all[len(all)-1], "ringcast; ")
	}
	return a
}

func (e *edge) get(t testing.TB, target string, fields ...string) answer {
	t.Helper()
	a := e.do(t.Context(), "GET", target, fields...)
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a
}
