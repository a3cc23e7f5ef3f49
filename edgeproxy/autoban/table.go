package autoban

import (
	"hash/maphash"
	"sync"
)

const (
	// setRecords is how many records share a set: a client's record is in the set that
	// its key selects. Sixteen keep a set from being full long before the table is.
	setRecords = 16
	// tableSets makes room for 2,097,152 records, of which a million fit without one
	// pushing out another. It bounds the table's memory to 48 MB, which the system gives
	// as it is used.
	tableSets = 1 << 17
	// shards is how many locks the sets share.
	shards = 256
)

// table keeps records in a fixed number of places. Which set is a client's only the
// seed knows, so that nobody can aim at the set of somebody else.
type table struct {
	seed    maphash.Seed
	records []record
	shards  [shards]shard
}

// shard guards every set whose number it has modulo shards.
type shard struct {
	mu   sync.Mutex
	used int
	_    [40]byte // keeps locks on cache lines of their own
}

// newTable makes a table of so many sets, a power of two.
func newTable(sets int) *table {
	return &table{seed: maphash.MakeSeed(), records: make([]record, sets*setRecords)}
}

// set gives the records of a client's set and the shard that guards them.
func (t *table) set(key uint64) (*shard, []record) {
	sum := maphash.Comparable(t.seed, key)
	set := int(sum & uint64(len(t.records)/setRecords-1))
	return &t.shards[set%shards], t.records[set*setRecords:][:setRecords:setRecords]
}

// find gives the client's record, or nil. The caller holds the shard.
func find(set []record, key uint64) *record {
	for i := range set {
		if set[i].key == key && set[i].state != unused {
			return &set[i]
		}
	}
	return nil
}

// claim gives the client's record, making it in an unused place or else in that of
// the least worth, of several the one that has been quiet longest. The caller holds
// the shard.
//
// So a client with n failures is pushed out only by as many others in its set as
// there are places, each with n failures or more at that time. Who wants to save it
// has to make that many in every set, since it does not know which one: for a client
// that is one failure away from a ban of ten, nineteen million failures within a window.
func (s *shard) claim(set []record, key uint64, part, sec uint32, limit int) *record {
	if r := find(set, key); r != nil {
		return r
	}
	place := &set[0]
	least := place.worth(part, sec, limit)
	for i := range set {
		r := &set[i]
		if r.state == unused {
			place = r
			s.used++
			break
		}
		if worth := r.worth(part, sec, limit); worth < least || worth == least && r.part < place.part {
			place, least = r, worth
		}
	}
	*place = record{key: key, part: part, state: counting}
	return place
}

// sweep frees the places of clients of which nothing has to be known any more.
func (t *table) sweep(part, sec uint32, limit int) {
	sets := len(t.records) / setRecords
	for number := range t.shards {
		s := &t.shards[number]
		s.mu.Lock()
		if s.used > 0 {
			for set := number; set < sets; set += shards {
				s.sweep(t.records[set*setRecords:][:setRecords], part, sec, limit)
			}
		}
		s.mu.Unlock()
	}
}

func (s *shard) sweep(set []record, part, sec uint32, limit int) {
	for i := range set {
		if set[i].state != unused && set[i].worth(part, sec, limit) == 0 {
			set[i] = record{}
			s.used--
		}
	}
}

// used counts the places that are taken.
func (t *table) used() (sum int) {
	for i := range t.shards {
		t.shards[i].mu.Lock()
		sum += t.shards[i].used
		t.shards[i].mu.Unlock()
	}
	return sum
}
