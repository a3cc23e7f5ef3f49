package disk

import (
	"context"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// countersPerEntry makes about one in 16 lookups of what is not there ask SQLite
	// where the file is full.
	countersPerEntry = 16
	// maxCounters bounds the memory, one byte each, whatever MaxEntries is. With more
	// than a million entries SQLite is asked more often.
	minCounters = 1 << 12
	maxCounters = 1 << 24
	// fullCounter no longer counts: which URLs it stands for is not known any more.
	fullCounter = 0xff
	// countRows is how many rows one read of the count takes, and countIdle the share
	// of the time in between, so that lookups come first.
	countRows = 4096
	countIdle = 1
)

// presence tells which URLs may be in the file, so that most of those that are not
// cost no lookup. It counts the rows of each hash, several hashes together, and
// never too few; a batch that fails leaves its own among them.
type presence struct {
	// words hold four counters each.
	words []atomic.Uint32
	// counted is set once the rows from before are among them. Until then every URL
	// may be there, and none is taken away.
	counted atomic.Bool
}

func newPresence(maxEntries int64) *presence {
	counters := countersPerEntry * min(max(maxEntries, minCounters/countersPerEntry), maxCounters/countersPerEntry)
	return &presence{words: make([]atomic.Uint32, 1<<bits.Len64(uint64(counters-1))/4)}
}

// mayHave tells whether a URL of that hash may have rows.
func (p *presence) mayHave(hash int64) bool {
	word, shift := p.counter(hash)
	return !p.counted.Load() || word.Load()>>shift&fullCounter != 0
}

func (p *presence) counter(hash int64) (word *atomic.Uint32, shift int) {
	i := uint64(hash) & uint64(len(p.words)*4-1)
	return &p.words[i/4], int(i%4) * 8
}

// add counts a row before it is in the file.
func (p *presence) add(hash int64) { p.change(hash, +1) }

// remove counts a row no more that the count has seen, after it has left the file.
func (p *presence) remove(hash int64) { p.change(hash, -1) }

func (p *presence) change(hash int64, by int) {
	word, shift := p.counter(hash)
	for {
		old := word.Load()
		n := int(old >> shift & fullCounter)
		if n == fullCounter || n+by < 0 {
			return
		}
		if word.CompareAndSwap(old, old&^(fullCounter<<shift)|uint32(n+by)<<shift) {
			return
		}
	}
}

// count counts the rows that were in the file when it was opened. Those that go
// meanwhile may be counted, and those that come twice.
func (s *Store) count(ctx context.Context) error {
	hash, id := int64(-1<<63), int64(0)
	for {
		start := time.Now()
		n, err := s.countPage(ctx, &hash, &id)
		switch {
		case ctx.Err() != nil, s.retired.Load():
			return nil
		case err != nil:
			return s.readError("count cache file", err)
		case n < countRows:
			s.presence.counted.Store(true)
			return nil
		}
		if !pause(ctx, countIdle*time.Since(start), nil) {
			return nil
		}
	}
}

// countPage goes on after the row of hash and id, in the order of the index.
func (s *Store) countPage(ctx context.Context, hash, id *int64) (n int, err error) {
	rows, err := s.file.stmts[selectHashes].QueryContext(ctx, *hash, *id, countRows)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // what it could say, Err has said
	for ; rows.Next(); n++ {
		if err := rows.Scan(hash, id); err != nil {
			return n, fmt.Errorf("read hash: %w", err)
		}
		s.presence.add(*hash)
	}
	return n, rows.Err()
}
