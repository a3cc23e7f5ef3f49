package cache

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestSweepsAreInvisible: whatever is stored, fetched, purged, swept, stopped and
// killed in whatever order, nothing that was purged is served, and what was not is
// still there.
func TestSweepsAreInvisible(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the writer of the disk waits for company
		file, dir := newStateFile(t), t.TempDir()
		files := 0
		rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) { // a bubble has no deadline
			for _, table := range []string{"fences", "generation"} {
				if _, err := file.db.Write.Exec("DELETE FROM " + table); err != nil {
					t.Fatal(err)
				}
			}
			files++
			s := &stock{flights: map[int]*heldFlight{}}
			s.diskRig = prepareDiskRig(t, file, filepath.Join(dir, fmt.Sprint(files)), Config{})
			s.begin(s.load())
			defer func() { s.end() }()
			defer s.landAll()
			s.run(t)
		})
	})
}

func (s *stock) run(t *rapid.T) {
	var lasts []lasting
	t.Repeat(map[string]func(*rapid.T){
		"store":    func(t *rapid.T) { s.tellOf(s.draw(t, lasts)) },
		"store 2":  func(t *rapid.T) { s.tellOf(s.draw(t, lasts)) },
		"take off": func(t *rapid.T) { s.takeOff(s.draw(t, lasts)) },
		"land": func(t *rapid.T) {
			if len(s.flights) == 0 {
				t.Skip("none is on its way") // of rapid: it draws another action
			}
			s.land(rapid.SampledFrom(slices.Sorted(maps.Keys(s.flights))).Draw(t, "flight"))
		},
		"invalidate": func(t *rapid.T) {
			e := genEvent(t, s.clock.Now())
			apply(t, s.file, s.fences, e)
			s.purge(e)
			if d, err := time.ParseDuration(e.Settle); err == nil {
				lasts = append(lasts, lasting{e, s.clock.Now().Add(d), false})
			}
			if e.Soft {
				lasts = append(lasts, lasting{e, s.clock.Now().Add(softKept), true})
			}
		},
		"change": func(t *rapid.T) {
			request := &Request{Method: "PUT", Scheme: "http", Host: genHost.Draw(t, "host"), Target: genTarget.Draw(t, "target"), Header: Header{}}
			if err := s.Invalidate(context.Background(), request, Header{}); err != nil {
				t.Fatal(err)
			}
			s.purgeURL(request.Key())
		},
		"sweep": func(t *rapid.T) {
			if err := s.sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
			if n := s.fences.pending(); n > 0 && len(s.flights) == 0 && !s.last(lasts) {
				t.Fatalf("%d fences are left", n)
			}
		},
		"wait": func(t *rapid.T) {
			s.clock.advance(rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Hour}).Draw(t, "time"))
		},
		"evict":   func(*rapid.T) { s.forgetMemory() },
		"flush":   func(*rapid.T) { s.flush() },
		"restart": func(*rapid.T) { s.landAll(); s.restart() },
		"kill":    func(*rapid.T) { s.landAll(); s.killed() },
		"":        s.check,
	})
}
