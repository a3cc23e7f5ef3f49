package upstream

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

const (
	// maxHosts bounds for how many hosts a path is preloaded: each makes a fetch.
	maxHosts = 8
	// minStored is how many answers must have been stored for a host before a path is
	// preloaded for it. Any client can invent a host and ask for it once.
	minStored = 3
	// maxCandidates and maxHostBytes bound the memory of the counts.
	maxCandidates = 64
	maxHostBytes  = 512
	// ageEvery is after how many stored answers all counts are halved, so that a host
	// that nobody asks for any more is forgotten.
	ageEvery = 1000
)

// place is a host, as clients name it, and the scheme by which they do.
type place struct{ scheme, host string }

// hosts counts for which hosts clients had something stored.
type hosts struct {
	mu sync.Mutex // guards the fields below
	// known are the candidates, the latest first.
	known  []candidate
	stored int
}

type candidate struct {
	place
	stored int
}

// add counts an answer. Where there is no room for a new host that with the fewest
// goes, and of several the one that was not asked for the longest.
func (l *hosts) add(scheme, host string) {
	if len(host) > maxHostBytes {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stored++; l.stored%ageEvery == 0 {
		l.age()
	}
	is := candidate{place: place{scheme, cache.CanonicalHost(scheme, host)}}
	if i := slices.IndexFunc(l.known, func(c candidate) bool { return c.place == is.place }); i >= 0 {
		is.stored = l.known[i].stored
		l.known = slices.Delete(l.known, i, i+1)
	} else if len(l.known) == maxCandidates {
		l.evict()
	}
	is.stored++
	l.known = slices.Insert(l.known, 0, is)
}

// age is called with mu held, and so is evict.
func (l *hosts) age() {
	for i := range l.known {
		l.known[i].stored /= 2
	}
	l.known = slices.DeleteFunc(l.known, func(c candidate) bool { return c.stored == 0 })
}

func (l *hosts) evict() {
	rarest := len(l.known) - 1
	for i := rarest; i >= 0; i-- {
		if l.known[i].stored < l.known[rarest].stored {
			rarest = i
		}
	}
	l.known = slices.Delete(l.known, rarest, rarest+1)
}

// list gives those with the most answers, and until there are any those of the
// configuration, by which clients come that need no proxy.
func (l *hosts) list(configured []string) (places []place) {
	for _, c := range l.ranked() {
		if len(places) < maxHosts && c.stored >= minStored {
			places = append(places, c.place)
		}
	}
	if len(places) > 0 {
		return places
	}
	for _, host := range configured {
		places = append(places, place{"http", host})
	}
	return places
}

// schemes gives those by which clients name a host, http where none did.
func (l *hosts) schemes(host string) (places []place) {
	for _, c := range l.ranked() {
		if c.host == host {
			places = append(places, c.place)
		}
	}
	if len(places) == 0 {
		places = []place{{"http", host}}
	}
	return places
}

func (l *hosts) ranked() []candidate {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(l.known), func(a, b candidate) int { return cmp.Compare(b.stored, a.stored) })
}
