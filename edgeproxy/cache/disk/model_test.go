package disk

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is a store without limits, but for variants: records, oldest first.
type model struct {
	records []modelled
	// puts are the URLs that were put since the last batch began, taken those of
	// that batch.
	puts, taken map[string]bool
	batches     int
}

// modelled is a record with the number of batches that began before it was put.
type modelled struct {
	Record
	batches int
}

func newModel() *model { return &model{puts: map[string]bool{}} }

func (m *model) put(r Record) {
	m.delete(func(o modelled) bool { return o.URL == r.URL && o.Variant == r.Variant })
	m.records = append(m.records, modelled{r, m.batches})
	m.puts[r.URL] = true
	if all := m.get(r.URL); len(all) > maxVariants {
		last := all[maxVariants]
		m.delete(func(o modelled) bool { return o.URL == last.URL && o.Variant == last.Variant })
	}
}

func (m *model) remove(url string) { m.delete(func(o modelled) bool { return o.URL == url }) }

func (m *model) begin() {
	m.taken, m.puts = m.puts, map[string]bool{}
	m.batches++
}

// fail loses the batch. What else there was of the URLs that it put is older, and
// goes with it.
func (m *model) fail() {
	m.delete(func(o modelled) bool { return m.taken[o.URL] && o.batches < m.batches })
}

func (m *model) delete(gone func(modelled) bool) { m.records = slices.DeleteFunc(m.records, gone) }

func (m *model) get(url string) []Record {
	found := []Record{}
	for _, r := range slices.Backward(m.records) {
		if r.URL == url {
			found = append(found, r.Record)
		}
	}
	return found
}

func drawRecord(t *rapid.T) Record {
	r := Record{
		URL:        rapid.SampledFrom([]string{"a", "b", "\x00", "c\xff"}).Draw(t, "url"),
		Variant:    rapid.StringMatching(`[a-e\x00]?[a-e]?`).Draw(t, "variant"),
		Generation: rapid.Uint64().Draw(t, "generation"),
		SoftAt:     rapid.Int64().Draw(t, "soft"),
		Head:       rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "head"),
		Body:       rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "body"),
	}
	for range rapid.IntRange(0, 9).Draw(t, "doublings") {
		r.Body = append(r.Body, r.Body...)
	}
	return r
}

// TestAgainstModel has puts, removals and lookups before, while and after batches
// are written, or fail to be.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		r.exact = true
		defer r.Close()
		m := newModel()
		var generation uint64
		var writing *batch
		var committed bool
		end := func(rt *rapid.T) {
			if writing == nil {
				return
			}
			if !committed {
				if err := r.commit(t.Context(), writing); err != nil {
					rt.Fatal(err)
				}
			}
			r.queue.done(writing, true)
			writing, committed = nil, false
		}
		check := func(rt *rapid.T) {
			for _, url := range []string{"a", "b", "\x00", "c\xff", "d"} {
				if d := diff(r.get(url), m.get(url)); d != "" {
					rt.Fatal(url, d)
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				record := drawRecord(rt)
				r.put(record)
				m.put(record)
			},
			"remove": func(rt *rapid.T) {
				url := drawRecord(rt).URL
				r.Remove(url)
				m.remove(url)
			},
			"clear": func(rt *rapid.T) {
				if rapid.IntRange(0, 4).Draw(rt, "really") == 0 {
					r.Clear()
					m.records = nil
				}
			},
			"begin": func(*rapid.T) {
				if writing == nil {
					writing = r.queue.take()
					m.begin()
				}
			},
			"commit": func(rt *rapid.T) {
				if writing != nil && !committed {
					if err := r.commit(t.Context(), writing); err != nil {
						rt.Fatal(err)
					}
					committed = true
				}
			},
			"fail": func(rt *rapid.T) {
				if writing == nil || committed {
					return
				}
				mend := breakWrites(t, r)
				err := r.commit(t.Context(), writing)
				mend()
				r.queue.done(writing, err == nil)
				writing = nil
				if err != nil { // else there was nothing to write
					m.fail()
					r.exact = false
				}
			},
			"end": func(rt *rapid.T) { end(rt) },
			"reopen": func(rt *rapid.T) {
				end(rt)
				r.writeAll()
				m.begin()
				r.reopen()
				for _, record := range m.records {
					generation = max(generation, record.Generation)
				}
				if r.Generation() < generation {
					rt.Fatalf("generation %d after %d", r.Generation(), generation)
				}
			},
			"": check,
		})
		end(rt)
		r.writeAll()
		r.check()
		if n := r.Stats().Entries; n != int64(len(m.records)) {
			rt.Fatalf("%d entries, want %d", n, len(m.records))
		}
	})
}

// used is a record of the naive order of eviction.
type used struct {
	url   string
	id    int64
	at    time.Time
	bytes int64
}

// TestLimitsAgainstModel commits one record or use at a time and compares what is
// left with a list ordered by time.
func TestLimitsAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, limit(rapid.Int64Range(1, 8).Draw(rt, "entries"), rapid.Int64Range(2000, 9000).Draw(rt, "bytes")))
		r.exact = true
		defer r.Close()
		var list []used
		url := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(0, 11).Draw(t, "url")) })
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				record := Record{URL: url.Draw(rt, "url"), Body: make([]byte, rapid.IntRange(0, 1700).Draw(rt, "body"))}
				id := r.put(record)
				r.writeAll()
				list = slices.DeleteFunc(list, func(u used) bool { return u.url == record.URL })
				list = append(list, used{record.URL, id, r.now.Now(), size(&record)})
				slices.SortFunc(list, func(a, b used) int {
					return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
				})
				for int64(len(list)) > r.config.MaxEntries || total(list) > r.config.MaxBytes {
					list = list[1:]
				}
			},
			"use": func(rt *rapid.T) {
				r.now.advance(UsedEvery + time.Second)
				u := url.Draw(rt, "url")
				r.get(u)
				r.writeAll()
				for i := range list {
					if list[i].url == u {
						list[i].at = r.now.Now()
					}
				}
			},
			"": func(rt *rapid.T) {
				r.audit()
				for n := range 12 {
					u := fmt.Sprint(n)
					stored := slices.ContainsFunc(list, func(l used) bool { return l.url == u })
					if heads, err := r.Heads(t.Context(), u); err != nil || (len(heads) > 0) != stored {
						rt.Fatalf("%s: %d heads, %v, want %v", u, len(heads), err, stored)
					}
				}
			},
		})
	})
}

func total(list []used) (bytes int64) {
	for _, u := range list {
		bytes += u.bytes
	}
	return bytes
}
