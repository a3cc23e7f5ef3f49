package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cacheFile is what an edge has of its cache on disk.
func (e *edge) cacheFile() string { return filepath.Join(e.dir, "cache.db") }

// fill has an edge store some pages, and stops it. What it stored before its first sync
// would not stay.
func (e *edge) fill(t *testing.T, n int) {
	t.Helper()
	e.reaches(0)
	for i := range n {
		if err := e.fetch(page(i)); err != nil {
			t.Fatal(err)
		}
	}
	if code := e.terminate(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
}

// count tells how many of the first pages an edge has.
func (e *edge) count(n int) (found int) {
	e.t.Helper()
	for i := range n {
		if _, number := e.stored(page(i)); number > 0 {
			found++
		}
	}
	return found
}

// TestRestartFindsWhatWasStored with the first request, and with the fences: what
// was purged before stays away, and what is purged after goes.
func TestRestartFindsWhatWasStored(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	l := startLibrary(t)
	e := startEdge(t, l.URL, c.url)
	e.reaches(0)
	for i := range 60 {
		if err := e.fetch(page(i)); err != nil {
			t.Fatal(err)
		}
	}
	e.reaches(c.invalidate(groupOf(0)))
	before, _ := e.stored(page(1))
	if code := e.terminate(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	asked := l.answers.Load()
	e.start(t)
	after, _ := e.stored(page(1))
	for _, name := range []string{"Age", "Cache-Status"} { // they tell the time
		before.header.Del(name)
		after.header.Del(name)
	}
	if diff := before.difference(after); diff != "" {
		t.Error(diff)
	}
	if got := e.count(60); got != 50 {
		t.Errorf("%d pages, want 50 of 60", got)
	}
	e.reaches(c.invalidate(groupOf(1)))
	if got := e.count(60); got != 40 || l.answers.Load() != asked {
		t.Errorf("%d pages, want 40 of 60; %d questions", got, l.answers.Load()-asked)
	}
}

func (a answer) difference(b answer) string {
	for name := range a.header {
		if strings.Join(a.header[name], "\n") != strings.Join(b.header[name], "\n") {
			return name + " is " + b.header.Get(name) + ", was " + a.header.Get(name)
		}
	}
	if len(a.header) != len(b.header) || a.code != b.code || a.body != b.body {
		return "was " + a.String() + ", is " + b.String()
	}
	return ""
}

// TestDamagedCacheIsSetAside, found at the start or when the damage is read; the
// edge serves in any case, and begins anew.
func TestDamagedCacheIsSetAside(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	l := startLibrary(t)
	for name, offset := range map[string]int64{"header": 0, "pages": 4096} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, l.URL, c.url)
			e.fill(t, 20)
			damage(t, e.cacheFile(), offset)
			e.start(t)
			e.count(20) // each is right or absent
			e.fill(t, 20)
			log := e.log.String()
			aside := must[[]string](t)(filepath.Glob(e.cacheFile() + ".damaged-*"))
			if len(aside) == 0 || !strings.Contains(log, "set aside") || !strings.Contains(log, "cache.db") {
				t.Errorf("aside are %v, the log says\n%s", aside, log)
			}
			e.start(t)
			e.fill(t, 20)
			e.start(t)
			if got := e.count(20); got != 20 {
				t.Errorf("afterwards it keeps %d of 20", got)
			}
		})
	}
}

// TestCacheOfAnotherStateIsDiscarded: nobody knows what was purged from it.
func TestCacheOfAnotherStateIsDiscarded(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	l := startLibrary(t)
	for name, confuse := range map[string]func(t *testing.T, e, other *edge){
		"another edge's cache": func(t *testing.T, e, other *edge) {
			content := must[[]byte](t)(os.ReadFile(other.cacheFile()))
			if err := os.WriteFile(e.cacheFile(), content, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"no state": func(t *testing.T, e, _ *edge) {
			if err := os.Remove(filepath.Join(e.dir, "state.db")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, other := startEdge(t, l.URL, c.url), startEdge(t, l.URL, c.url)
			e.fill(t, 10)
			other.fill(t, 10)
			confuse(t, e, other)
			e.start(t)
			if got := e.count(10); got != 0 {
				t.Errorf("%d pages are served", got)
			}
			e.logged("cache file was discarded and a new one is begun")
			e.fill(t, 10)
			e.start(t)
			if got := e.count(10); got != 10 {
				t.Errorf("afterwards it keeps %d of 10", got)
			}
		})
	}
}
