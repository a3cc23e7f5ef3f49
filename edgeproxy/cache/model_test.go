package cache

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/wire"
)

// model remembers every invalidation and looks at each.
type model struct {
	all  []modelFence
	soft map[selector]int // soft fences on each selector
	// lossy: the times of soft fences may be earlier than those remembered here, as
	// they are after a restart and beyond maxGraces.
	lossy bool
}

type modelFence struct {
	generation  uint64
	event       *wire.CacheInvalidated
	at, settles int64
}

func (m *model) add(e *wire.CacheInvalidated, generation uint64, now time.Time) {
	f := modelFence{generation: generation, event: e, at: now.UnixMilli()}
	if e.Timestamp > 0 {
		f.at = min(f.at, (e.Timestamp+1)*1000)
	}
	if d, err := time.ParseDuration(e.Settle); err == nil {
		f.settles = now.Add(d).UnixMilli()
	}
	m.all = append(m.all, f)
	if e.Soft {
		for _, s := range selectors(e) {
			m.soft[s]++
			m.lossy = m.lossy || m.soft[s] > maxGraces
		}
	}
}

func covers(pattern, text string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(text, prefix)
	}
	return pattern == text
}

func (f *modelFence) covers(p place, tags []string) bool {
	tag := func(pattern string) bool {
		return slices.ContainsFunc(tags, func(s string) bool { return covers(pattern, s) })
	}
	key := func(pattern string) bool {
		return covers(pattern, p.path) && !strings.HasSuffix(pattern, "*") || covers(pattern, p.target) || covers(pattern, p.url)
	}
	return f.event.All || slices.ContainsFunc(f.event.Tags, tag) || slices.ContainsFunc(f.event.Keys, key)
}

// judge gives the verdict, and the earliest time of a soft fence that covers the
// response, even one from before its fetch.
func (m *model) judge(began uint64, p place, tags []string) (v verdict, earliest int64) {
	v = verdict{began: began}
	for _, f := range m.all {
		if !f.covers(p, tags) {
			continue
		}
		v.settleUntil = max(v.settleUntil, f.settles)
		switch {
		case !f.event.Soft:
			v.hard = v.hard || f.generation > began
		case f.generation > began:
			v.softAt = least(v.softAt, f.at)
			fallthrough
		default:
			earliest = least(earliest, f.at)
		}
	}
	return v, earliest
}

// least is the lesser of two times; 0 is none.
func least(a, b int64) int64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

var (
	genTag      = rapid.SampledFrom([]string{"a", "ab", "abc", "b", "ba"})
	genTarget   = rapid.SampledFrom([]string{"/", "/a", "/a?x", "/a?xy", "/ab", "/ab?x", "/b/a"})
	genHost     = rapid.SampledFrom([]string{"h", "hh", "i"})
	genWildcard = rapid.SampledFrom([]string{"", "", "*"})
)

func genEvent(t *rapid.T, now time.Time) *wire.CacheInvalidated {
	e := &wire.CacheInvalidated{
		All:    rapid.IntRange(0, 30).Draw(t, "all") == 0,
		Soft:   rapid.Bool().Draw(t, "soft"),
		Settle: rapid.SampledFrom([]string{"", "", "", "1s", "5s"}).Draw(t, "settle"),
	}
	if rapid.Bool().Draw(t, "long under way") {
		e.Timestamp = now.Unix() - rapid.Int64Range(0, 9).Draw(t, "age")
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
		f, m := NewFences(now.Now), &model{soft: map[selector]int{}}
		restarts := rapid.Bool().Draw(t, "restarts")
		t.Repeat(map[string]func(*rapid.T){
			"invalidate": func(t *rapid.T) {
				now.advance(time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds")) * time.Second)
				var events []any
				generation := f.Generation()
				for range rapid.IntRange(1, 3).Draw(t, "events") {
					e := genEvent(t, now.Now())
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
				event := genEvent(t, now.Now())
				file.fail = errors.New("disk full")
				err := file.Update(context.Background(), func(tx *sql.Tx) (func(), error) {
					return f.Apply(context.Background(), tx, []any{event})
				})
				file.fail = nil
				if err == nil {
					t.Fatal("want an error")
				}
			},
			"restart": func(t *rapid.T) {
				if !restarts {
					t.Skip("not in this run") // of rapid: it draws another action
				}
				m.lossy = true
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
				got := f.judge(began, &p, tags)
				want, earliest := m.judge(began, p, tags)
				if !m.allows(got, want, earliest) {
					t.Fatalf("%s %v since %d: %+v, want %+v", p.url, tags, began, got, want)
				}
			},
		})
	})
}

// allows tells whether a verdict is the one wanted, or as strict: a fence over
// everything stands for those that it replaced, whose settling time it keeps for
// all, and what is lossy may put a soft fence as early as the earliest.
func (m *model) allows(got, want verdict, earliest int64) bool {
	floored := slices.ContainsFunc(m.all, func(f modelFence) bool { return f.event.All && !f.event.Soft })
	if floored && got.settleUntil >= want.settleUntil {
		got.settleUntil = want.settleUntil
	}
	if got.hard && want.hard {
		return got.settleUntil == want.settleUntil
	}
	if m.lossy && want.softAt != 0 && earliest <= got.softAt && got.softAt <= want.softAt {
		got.softAt = want.softAt
	}
	return got == want
}
