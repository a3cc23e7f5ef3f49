package cache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// schema is that of package state, which owns the file.
const schema = `
CREATE TABLE generation (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
CREATE TABLE fences (kind TEXT NOT NULL, selector TEXT NOT NULL, generation INTEGER NOT NULL,
	soft_generation INTEGER NOT NULL, soft_at INTEGER NOT NULL, settle_until INTEGER NOT NULL,
	PRIMARY KEY (kind, selector)) STRICT, WITHOUT ROWID;`

// stateFile is an Updater over a file of its own.
type stateFile struct {
	path string
	mu   sync.Mutex
	db   *sqlitedb.DB
	fail error
}

func newStateFile(t testing.TB) *stateFile {
	t.Helper()
	s := &stateFile{path: filepath.Join(t.TempDir(), "state.db")}
	s.open(t)
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

func (s *stateFile) open(t testing.TB) {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), s.path, sqlitedb.Options{
		Migrations: []string{schema}, Synchronous: sqlitedb.Normal,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.db = db
}

// reopen is a restart: fences that know what the file knows.
func (s *stateFile) reopen(t testing.TB, now func() time.Time) *Fences {
	t.Helper()
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	f := NewFences(now)
	if err := f.Load(t.Context(), s.db); err != nil {
		t.Fatal(err)
	}
	return f
}

func (s *stateFile) Update(ctx context.Context, fn func(*sql.Tx) (func(), error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	publish, err := fn(tx)
	if err = errors.Join(err, s.fail); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	publish()
	return nil
}

func apply(t interface {
	Helper()
	Fatal(...any)
}, s *stateFile, f *Fences, events ...any) {
	t.Helper()
	err := s.Update(context.Background(), func(tx *sql.Tx) (func(), error) {
		return f.Apply(context.Background(), tx, events)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestSelectorsCover(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tag, key, url string
		tags          []string
		want          bool
	}{
		{tag: "a", tags: []string{"b", "a"}, want: true},
		{tag: "a", tags: []string{"A", "ab"}, want: false},
		{tag: "a*", tags: []string{"ab"}, want: true},
		{tag: "a*", tags: []string{"a"}, want: true},
		{tag: "ab*", tags: []string{"a"}, want: false},
		{tag: "*", want: true},
		{key: "/a", url: "http://h/a", want: true},
		{key: "/a", url: "https://other:8443/a?x=1&y", want: true},
		{key: "/a", url: "http://h/a/", want: false},
		{key: "/a", url: "http://h/ab", want: false},
		{key: "/a?x=1", url: "http://h/a?x=1", want: true},
		{key: "/a?x=1", url: "http://h/a", want: false},
		{key: "/a?x=1", url: "http://h/a?x=12", want: false},
		{key: "/a?", url: "http://h/a?", want: true},
		{key: "/a?", url: "http://h/a", want: false},
		{key: "/a*", url: "http://h/ab?x", want: true},
		{key: "/a?x*", url: "http://h/a?xy", want: true},
		{key: "/a?x*", url: "http://h/a", want: false},
		{key: "/*", url: "http://h/", want: true},
		{key: "*", url: "http://h/", want: true},
		{key: "http://h/a", url: "http://h/a", want: true},
		{key: "http://h/a", url: "http://h/a?x", want: false},
		{key: "http://h/a", url: "https://h/a", want: false},
		{key: "HTTP://H:80/a", url: "http://h/a", want: true},
		{key: "https://h:443/a", url: "https://H/a", want: true},
		{key: "https://h:80/a", url: "https://h:80/a", want: true},
		{key: "http://h", url: "http://h/", want: true},
		{key: "http://h?x", url: "http://h/?x", want: true},
		{key: "http://h/a#part", url: "http://h/a", want: true},
		{key: "http://H/A*", url: "http://h/Ab", want: true},
		{key: "http://H/A*", url: "http://h/ab", want: false},
		{key: "http://h:80/*", url: "http://h/x", want: true},
		{key: "http://h:80*", url: "http://h/x", want: true},
		{key: "http://EXAMPLE*", url: "http://example.com/x", want: true},
		{key: "http://[::1]:80/a", url: "http://[::1]/a", want: true},
		{key: "http://[::1*", url: "http://[::1]/a", want: true},
		{key: "HTTPS*", url: "https://h/x", want: true},
	} {
		url := tt.url
		if url == "" {
			url = "http://h/"
		}
		scheme, host, target, _ := splitURL(url)
		p := newPlace(scheme, host, target)
		table := newTable()
		if tt.tag != "" {
			table.put(tagSelector(tt.tag), fence{hard: 1})
		} else {
			table.put(keySelector(tt.key), fence{hard: 1})
		}
		if got := table.judge(0, &p, tt.tags); got.hard != tt.want {
			t.Errorf("tag %q, key %q: covers %s %v: %v, want %v", tt.tag, tt.key, url, tt.tags, got.hard, tt.want)
		}
	}
}

// model remembers every invalidation and looks at each.
type model struct{ all []modelFence }

type modelFence struct {
	generation  uint64
	event       *wire.CacheInvalidated
	at, settles int64
}

func (m *model) add(e *wire.CacheInvalidated, generation uint64, now time.Time) {
	f := modelFence{generation: generation, event: e, at: now.UnixMilli()}
	if d, err := time.ParseDuration(e.Settle); err == nil {
		f.settles = now.Add(d).UnixMilli()
	}
	m.all = append(m.all, f)
}

func covers(pattern, text string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(text, prefix)
	}
	return pattern == text
}

// matched gives the patterns of an event that cover a response.
func matched(e *wire.CacheInvalidated, p place, tags []string) (patterns []string) {
	if e.All {
		return []string{"all"}
	}
	for _, tag := range e.Tags {
		if slices.ContainsFunc(tags, func(s string) bool { return covers(tag, s) }) {
			patterns = append(patterns, "tag "+tag)
		}
	}
	for _, key := range e.Keys {
		if covers(key, p.path) && !strings.HasSuffix(key, "*") || covers(key, p.target) || covers(key, p.url) {
			patterns = append(patterns, "key "+key)
		}
	}
	return patterns
}

func (m *model) judge(began uint64, p place, tags []string) verdict {
	v := verdict{began: began}
	soft := map[string]modelFence{} // the last of each pattern
	for _, f := range m.all {
		for _, pattern := range matched(f.event, p, tags) {
			v.settleUntil = max(v.settleUntil, f.settles)
			if f.event.Soft {
				soft[pattern] = f
			} else if f.generation > began {
				v.hard = true
			}
		}
	}
	for _, f := range soft {
		if f.generation > began && (v.softAt == 0 || f.at < v.softAt) {
			v.softAt = f.at
		}
	}
	return v
}

var (
	genTag      = rapid.SampledFrom([]string{"a", "ab", "abc", "b", "ba"})
	genTarget   = rapid.SampledFrom([]string{"/", "/a", "/a?x", "/a?xy", "/ab", "/ab?x", "/b/a"})
	genHost     = rapid.SampledFrom([]string{"h", "hh", "i"})
	genWildcard = rapid.SampledFrom([]string{"", "", "*"})
)

func genEvent(t *rapid.T) *wire.CacheInvalidated {
	e := &wire.CacheInvalidated{
		All:    rapid.IntRange(0, 30).Draw(t, "all") == 0,
		Soft:   rapid.Bool().Draw(t, "soft"),
		Settle: rapid.SampledFrom([]string{"", "", "", "1s", "5s"}).Draw(t, "settle"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "tags") {
		e.Tags = append(e.Tags, genTag.Draw(t, "tag")+genWildcard.Draw(t, "wildcard"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "keys") {
		key := genTarget.Draw(t, "target") + genWildcard.Draw(t, "wildcard")
		if rapid.Bool().Draw(t, "absolute") {
			key = "http://" + genHost.Draw(t, "host") + key
		}
		e.Keys = append(e.Keys, key)
	}
	e.All = e.All || len(e.Tags)+len(e.Keys) == 0 // to select nothing is an error
	return e
}

func TestFencesAreLikeTheModel(t *testing.T) {
	t.Parallel()
	file := newStateFile(t)
	rapid.Check(t, func(t *rapid.T) {
		for _, table := range []string{"fences", "generation"} {
			if _, err := file.db.Write.Exec("DELETE FROM " + table); err != nil {
				t.Fatal(err)
			}
		}
		now := newClock()
		f, m := NewFences(now.Now), &model{}
		t.Repeat(map[string]func(*rapid.T){
			"invalidate": func(t *rapid.T) {
				now.advance(time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds")) * time.Second)
				var events []any
				generation := f.Generation()
				for range rapid.IntRange(1, 3).Draw(t, "events") {
					e := genEvent(t)
					events = append(events, e)
					generation++
					m.add(e, generation, now.Now())
				}
				apply(t, file, f, events...)
				if f.Generation() != generation {
					t.Fatalf("generation is %d, want %d", f.Generation(), generation)
				}
			},
			"roll back": func(t *rapid.T) {
				file.fail = errors.New("disk full")
				err := file.Update(context.Background(), func(tx *sql.Tx) (func(), error) {
					return f.Apply(context.Background(), tx, []any{genEvent(t)})
				})
				file.fail = nil
				if err == nil {
					t.Fatal("want an error")
				}
			},
			"restart": func(t *rapid.T) {
				loaded := NewFences(now.Now)
				if err := loaded.Load(context.Background(), file.db); err != nil {
					t.Fatal(err)
				}
				if loaded.Generation() != f.Generation() {
					t.Fatalf("generation is %d, was %d", loaded.Generation(), f.Generation())
				}
				f = loaded
			},
			"": func(t *rapid.T) {
				p := newPlace("http", genHost.Draw(t, "host"), genTarget.Draw(t, "target"))
				tags := rapid.SliceOfNDistinct(genTag, 0, 3, rapid.ID).Draw(t, "tags")
				began := rapid.Uint64Range(0, f.Generation()).Draw(t, "began")
				got, want := f.judge(began, &p, tags), m.judge(began, p, tags)
				if !equalVerdicts(m, got, want) {
					t.Fatalf("%s %v since %d: %+v, want %+v", p.url, tags, began, got, want)
				}
			},
		})
	})
}

// equalVerdicts lets a fence over everything stand for those that it replaced,
// whose settling time it keeps for all.
func equalVerdicts(m *model, got, want verdict) bool {
	floored := slices.ContainsFunc(m.all, func(f modelFence) bool { return f.event.All && !f.event.Soft })
	if floored && got.settleUntil >= want.settleUntil {
		got.settleUntil = want.settleUntil
	}
	if got.hard && want.hard {
		return got.settleUntil == want.settleUntil
	}
	return got == want
}

func TestTooManyFencesBecomeAFloor(t *testing.T) {
	t.Parallel()
	file, now := newStateFile(t), newClock()
	f := NewFences(now.Now)
	f.max = 10
	p := newPlace("http", "h", "/")
	apply(t, file, f, &wire.CacheInvalidated{Tags: []string{"settling"}, Settle: "9s"})
	for i := range 9 {
		apply(t, file, f, &wire.CacheInvalidated{Tags: []string{fmt.Sprint(i)}})
	}
	if v := f.judge(0, &p, nil); v.hard {
		t.Fatal("a response without tags is fenced before the table is full")
	}
	apply(t, file, f, &wire.CacheInvalidated{Tags: []string{"5"}}) // one that is there
	if f.Len() != 10 {
		t.Fatalf("%d fences, want 10", f.Len())
	}
	before := f.Generation()
	apply(t, file, f, &wire.CacheInvalidated{Tags: []string{"one too many"}, Soft: true})
	for name, f := range map[string]*Fences{"running": f, "restarted": file.reopen(t, now.Now)} {
		if f.Len() != 0 || f.Generation() != before+1 {
			t.Errorf("%s: %d fences at generation %d, want none at %d", name, f.Len(), f.Generation(), before+1)
		}
		if v := f.judge(before, &p, nil); !v.hard || v.settleUntil != now.Now().Add(9*time.Second).UnixMilli() {
			t.Errorf("%s: %+v, want all fenced, and the settling time kept", name, v)
		}
		if v := f.judge(before+1, &p, nil); v.fenced() {
			t.Errorf("%s: a later fetch is fenced: %+v", name, v)
		}
	}
}

func TestTooManyPrefixLengthsBecomeAFloor(t *testing.T) {
	t.Parallel()
	file := newStateFile(t)
	f := NewFences(time.Now)
	for n := range maxPrefixLengths + 1 {
		apply(t, file, f, &wire.CacheInvalidated{Keys: []string{"/" + strings.Repeat("x", n) + "*"}})
	}
	if f.Len() != 0 {
		t.Errorf("%d fences remain, want a floor", f.Len())
	}
}

func TestGapAndSwitchFenceEverything(t *testing.T) {
	t.Parallel()
	file, now := newStateFile(t), newClock()
	f := NewFences(now.Now)
	p := newPlace("http", "h", "/")
	for _, do := range []func(context.Context, *sql.Tx) (func(), error){f.Gap, f.Switch} {
		began := f.Generation()
		if v := f.judge(began, &p, nil); v.fenced() {
			t.Fatalf("fenced before: %+v", v)
		}
		if err := file.Update(t.Context(), func(tx *sql.Tx) (func(), error) { return do(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		if v := f.judge(began, &p, nil); !v.hard {
			t.Errorf("not fenced: %+v", v)
		}
	}
}

func TestApplyRefusesNonsense(t *testing.T) {
	t.Parallel()
	file := newStateFile(t)
	f := NewFences(time.Now)
	for _, settle := range []string{"soon", "-1s", "5"} {
		err := file.Update(t.Context(), func(tx *sql.Tx) (func(), error) {
			return f.Apply(t.Context(), tx, []any{&wire.CacheInvalidated{All: true, Settle: settle}})
		})
		if !errors.Is(err, wire.ErrUndecodable) {
			t.Errorf("settle %q: error is %v", settle, err)
		}
	}
	if f.Generation() != 0 {
		t.Errorf("generation is %d", f.Generation())
	}
}

func TestSoftFenceOfAnOldEventIsOld(t *testing.T) {
	t.Parallel()
	file, now := newStateFile(t), newClock()
	f := NewFences(now.Now)
	p := newPlace("http", "h", "/")
	hourAgo := now.Now().Add(-time.Hour).Unix()
	apply(t, file, f, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true, Timestamp: hourAgo})
	if got, want := f.judge(0, &p, []string{"a"}).softAt, (hourAgo+1)*1000; got != want {
		t.Errorf("soft at %d, want %d", got, want)
	}
}

func BenchmarkJudge(b *testing.B) {
	table := newTable()
	for i := range 100_000 {
		table.put(tagSelector(fmt.Sprintf("post:%d", i)), fence{hard: uint64(i)})
	}
	for i := range 1000 {
		table.put(tagSelector(fmt.Sprintf("user:%d*", i)), fence{hard: 1})
		table.put(keySelector(fmt.Sprintf("/dir/%d*", i)), fence{hard: 1})
	}
	f := NewFences(time.Now)
	f.table = table
	p := newPlace("http", "www.example.com", "/articles/12345?page=2")
	tags := []string{"post:5", "post:99999", "site", "user:7"}
	b.ReportAllocs()
	for b.Loop() {
		f.judge(1<<40, &p, tags)
	}
}

// An invalidation that selects nothing is not passed over: it was meant to do
// something.
func TestAnInvalidationOfNothing(t *testing.T) {
	t.Parallel()
	file := newStateFile(t)
	f := NewFences(time.Now)
	err := file.Update(t.Context(), func(tx *sql.Tx) (func(), error) {
		return f.Apply(t.Context(), tx, []any{&wire.CacheInvalidated{}})
	})
	if !errors.Is(err, wire.ErrUndecodable) || f.Generation() != 0 {
		t.Errorf("%v, generation %d", err, f.Generation())
	}
}
