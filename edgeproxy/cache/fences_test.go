package cache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

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

// TestFetchOfAnEarlierProcess: fences and generation outlive the process, so that
// what was fetched before an invalidation is not stored after a restart. The cache
// itself is in memory and no fetch outlives the process either: from outside
// nothing can tell yet, whence this test of what a cache that does would rely on.
func TestFetchOfAnEarlierProcess(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event *wire.CacheInvalidated
		want  bool
	}{
		"tag":      {&wire.CacheInvalidated{Tags: []string{"a"}}, false},
		"prefix":   {&wire.CacheInvalidated{Tags: []string{"a*"}}, false},
		"key":      {&wire.CacheInvalidated{Keys: []string{"/"}}, false},
		"all":      {&wire.CacheInvalidated{All: true}, false},
		"soft":     {&wire.CacheInvalidated{Tags: []string{"a"}, Soft: true}, false},
		"another":  {&wire.CacheInvalidated{Tags: []string{"b"}}, true},
		"settling": {&wire.CacheInvalidated{Tags: []string{"a"}, Settle: "5s"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, now := newStateFile(t), newClock()
			f := NewFences(now.Now)
			apply(t, file, f, &wire.CacheInvalidated{Tags: []string{"before"}})
			c := New(Config{MaxBytes: 1 << 20, MaxEntries: 1, MaxObject: 1 << 10, Now: now.Now}, f, file)
			fetched := func() *Entry {
				flight := &flight{
					request: get("/"), place: newPlace("http", "h", "/"), began: c.fences.Generation(), beganAt: now.Now(),
				}
				return c.admit(flight, respond(200, "", "Cache-Control: max-age=60", "Cache-Tag: a"))
			}
			old := fetched()
			if !c.mayKeep(old) {
				t.Error("not stored although nothing covers it")
			}
			apply(t, file, f, tt.event)
			c.fences = file.reopen(t, now.Now)
			if got := c.mayKeep(old); got != tt.want {
				t.Errorf("after the restart: stored is %v, want %v", got, tt.want)
			}
			now.advance(5 * time.Second)
			if c.fences.Generation() != f.Generation() || !c.mayKeep(fetched()) {
				t.Errorf("what is fetched after the restart, at generation %d, is not stored", c.fences.Generation())
			}
		})
	}
}
