package disk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// A counter that many URLs share, or that is full, never says that one of them is
// not there; and it is the right one of the four in its word.
func TestPresenceNeverMisses(t *testing.T) {
	t.Parallel()
	p := newPresence(1)
	p.counted.Store(true)
	const hash, other = 0x12345, 0x12346
	if p.mayHave(hash) {
		t.Error("there from the start")
	}
	for n := range 3 * fullCounter {
		if p.add(hash); !p.mayHave(hash) || p.mayHave(other) {
			t.Fatalf("after %d", n+1)
		}
	}
	for range 3 * fullCounter {
		p.remove(hash)
	}
	if !p.mayHave(hash) {
		t.Error("a full counter was counted down: how many it stands for is not known")
	}
	p.add(other)
	p.add(other)
	if p.remove(other); !p.mayHave(other) {
		t.Error("gone with the first of two")
	}
	if p.remove(other); p.mayHave(other) {
		t.Error("still there")
	}
}

func TestPresenceBounds(t *testing.T) {
	t.Parallel()
	for entries, want := range map[int64]int{0: minCounters, 1000: 16384, 100_000: 1 << 21, 1 << 40: maxCounters} {
		if got := len(newPresence(entries).words) * 4; got != want {
			t.Errorf("%d entries: %d counters, want %d", entries, got, want)
		}
	}
}

// While the rows from before are counted, others come and go.
func TestCountBesideTheWriter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const before, during = 3 * countRows, 500
	stock(t, r, before, 1)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), r.config)
	if err != nil {
		t.Fatal(err)
	}
	s.presence = newPresence(1) // so that many rows share a counter
	r.Store = s
	if r.has(url(0), url(before-1), "none") != url(0)+" "+url(before-1) {
		t.Error("what was there is not found before it was counted")
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range during {
			r.Remove(url(n))
			r.put(Record{URL: fmt.Sprint("new", n)})
			if n%50 == 0 {
				r.writeAll()
			}
		}
		r.writeAll()
	})
	if err := s.count(context.Background()); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	for n := range before {
		if found := len(r.get(url(n))) > 0; found != (n >= during) {
			t.Fatalf("%s: found %t", url(n), found)
		}
	}
	for n := range during {
		if len(r.get(fmt.Sprint("new", n))) != 1 {
			t.Fatalf("new%d is not found", n)
		}
	}
	if !s.presence.counted.Load() {
		t.Error("not counted")
	}
}

// TestCountEndsDuringACommit has it see only what the commit left: what is gone was
// never counted, and counts no less.
func TestCountEndsDuringACommit(t *testing.T) {
	t.Parallel()
	r := newRig(t, limit(100, 1<<20))
	a, b := "0", ""
	for n := 1; b == ""; n++ {
		if at := fmt.Sprint(n); sameCounter(r.presence, a, at) {
			b = at
		}
	}
	r.put(record(a, 1))
	r.put(record(b, 1))
	r.writeAll()
	r.presence = newPresence(r.config.MaxEntries) // as after a restart
	r.Remove(a)
	batch := r.queue.take()
	tx, err := r.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tx.write(batch), tx.Commit(), r.count(t.Context())); err != nil {
		t.Fatal(err)
	}
	r.committed(tx)
	r.queue.done(batch, true)
	if got := r.has(a, b); got != b {
		t.Errorf("found %q, want %q", got, b)
	}
	r.check()
}

func sameCounter(p *presence, a, b string) bool {
	word, shift := p.counter(hashURL(a))
	otherWord, otherShift := p.counter(hashURL(b))
	return word == otherWord && shift == otherShift
}

// TestRemovalDoesNotTrustTheCounters, for what they miss would come back.
func TestRemovalDoesNotTrustTheCounters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(record("u", 1))
	r.writeAll()
	r.presence = newPresence(1)
	r.presence.counted.Store(true)
	r.Remove("u")
	r.writeAll()
	r.reopen()
	if got := r.has("u"); got != "" {
		t.Errorf("found %q", got)
	}
	r.check()
}
