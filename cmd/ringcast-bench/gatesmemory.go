package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ringcast/ringcast/internal/wire"
)

// heap is what a deny list took.
type heap struct {
	what    string
	entries int
	bytes   int64
}

// measureMemory fills an empty deny list with each kind of entry.
func (g *gates) measureMemory(ctx context.Context, b *bench) (heaps []heap, err error) {
	for _, kind := range []struct {
		name   string
		n      int
		events iter.Seq[any]
	}{
		{"bans of addresses, one in a hundred IPv6", g.bans, banEvents(g.bans)},
		{"bans of IPv6 networks (/64)", g.bans, networkEvents(g.bans)},
		{"revocations, a third each by jti, subject and hash", g.revocations, revocationEvents(g.revocations)},
	} {
		b.say("filling a deny list with %d %s", kind.n, kind.name)
		grown, err := heapOf(ctx, b, kind.n, kind.events)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, err)
		}
		heaps = append(heaps, heap{kind.name, kind.n, grown})
	}
	return heaps, nil
}

// heapOf is by how much the heap grows when a deny list gets n entries.
func heapOf(ctx context.Context, b *bench, n int, events iter.Seq[any]) (grown int64, err error) {
	dir := filepath.Join(b.dir, "memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	list, s, err := openDenyList(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	before := heapInUse()
	if err := reset(ctx, s, events); err != nil {
		return 0, err
	}
	grown = heapInUse() - before
	if c := list.Counts(); c.Prefixes+c.Revocations != n {
		return 0, fmt.Errorf("the deny list has %d prefixes and %d revocations, not %d of either", c.Prefixes, c.Revocations, n)
	}
	return grown, nil
}

// heapInUse is what the heap holds after a collection. The second one empties what
// pools keep through the first.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// networkEvents are bans of IPv6 networks all over 2000::/3, as those of IPv6 clients.
func networkEvents(n int) iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := range n {
			v := scatter(uint32(i))
			network := netip.AddrFrom16([16]byte{0x20 | byte(v>>25), byte(v >> 17), byte(v >> 9), byte(v >> 1), byte(v << 7), 7: 1})
			if !yield(&wire.IPBanned{IP: netip.PrefixFrom(network, 64).String(), Reason: banReason}) {
				return
			}
		}
	}
}

func memoryTable(heaps []heap) *table {
	t := newTable("deny list in memory, growth of the heap", "entries", "grown", "a million", "target")
	for _, h := range heaps {
		million := int64(float64(h.bytes) * 1e6 / float64(h.entries))
		t.add(h.what, count(h.entries), megabytes(h.bytes), megabytes(million),
			target("< "+megabytes(denyMemory), million < denyMemory))
	}
	return t
}
