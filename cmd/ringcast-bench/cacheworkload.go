package main

import (
	"fmt"
	"math/rand/v2"
)

const (
	// zipfExponent is near that of the popularity of pages, which is about 1.
	zipfExponent = 1.01
	// zipfStride spreads the popular objects over all others; a prime.
	zipfStride = 104_729
	// zipfMemoryPart is which part of the working set fits into memory.
	zipfMemoryPart = 4
	// ampleMemory is more than is stored where memory is not what is measured.
	ampleMemory = 1 << 30
	// ampleEntries is more than is stored, and is what nginx' zone is made for.
	ampleEntries = 1_000_000
)

// workload is what is asked of the caches.
type workload struct {
	key, title string
	room       room
	// fill are the objects to store before; it may be empty.
	fill []object
	// next gives the objects to ask for in a round.
	next func(seed uint64) func() object
	// warm: it takes a load of the same kind until the cache is as it will be.
	warm bool
	// misses: nothing is found, but all must be stored.
	misses bool
	// least is what the edge must reach of nginx' requests a second.
	least float64
}

func (c *cacheCosts) workloads() []workload {
	ample := room{memory: ampleMemory, entries: ampleEntries}
	return []workload{
		hot("small", "1 KiB, 1,000 hot", 1<<10, 1000, 0.5),
		hot("100k", "100 KiB, 100 hot", 100<<10, 100, 0.9),
		hot("1m", "1 MiB, 20 hot", 1<<20, 20, 0.9),
		{
			key: "misses", title: "1 KiB, misses", room: ample, misses: true, least: 0.8,
			next: func(uint64) func() object { return c.nextMiss },
		},
		c.zipf(),
	}
}

func (c *cacheCosts) nextMiss() object {
	c.missed++
	return object{size: 1 << 10, id: c.missed}
}

func hot(key, title string, size, n int, least float64) workload {
	fill := make([]object, n)
	for i := range fill {
		fill[i] = object{size: size, id: i}
	}
	return workload{
		key: key, title: title, room: room{memory: ampleMemory, entries: ampleEntries}, fill: fill, least: least,
		next: func(seed uint64) func() object {
			chance := rand.New(rand.NewPCG(seed, 0))
			return func() object { return fill[chance.IntN(n)] }
		},
	}
}

// zipf is objects of 1 to 8 KiB, of which a quarter fits into memory.
func (c *cacheCosts) zipf() workload {
	fill, total := make([]object, c.objects), int64(0)
	for i := range fill {
		fill[i] = object{size: 1 << 10 << (i % 4), id: i}
		total += int64(fill[i].size)
	}
	return workload{
		key: "zipf", title: fmt.Sprintf("1 to 8 KiB, %s by Zipf", count(c.objects)), fill: fill, warm: true, least: 0,
		room: room{memory: max(total/zipfMemoryPart, 1<<20), disk: 3*total + 64<<20, entries: 2*c.objects + 1000},
		next: func(seed uint64) func() object {
			ranks := rand.NewZipf(rand.New(rand.NewPCG(seed, 0)), zipfExponent, 1, uint64(len(fill)-1))
			return func() object { return fill[ranks.Uint64()*zipfStride%uint64(len(fill))] }
		},
	}
}

// inTurn gives objects one after the other, from the first again after the last.
func inTurn(objects []object) func() object {
	i := -1
	return func() object {
		i++
		return objects[i%len(objects)]
	}
}
