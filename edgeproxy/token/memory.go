package token

import (
	"crypto/sha256"
	"sync"
)

const (
	// maxRemembered bounds the verified tokens that are remembered. At some 400 bytes
	// each, 2 KiB at most, they take 26 to 130 MB.
	maxRemembered = 1 << 16
	// maxRememberedClaims is how long the claims of a remembered token may be together,
	// in bytes: it keeps the bound above one on memory. Longer ones are verified each
	// time.
	maxRememberedClaims = 1 << 10
	// shards is how many locks the memory has, so that requests do not wait for one
	// another.
	shards = 64
)

type digest = [sha256.Size]byte

// remembered is a token that was verified.
type remembered struct {
	generation uint64 // of the keys that verified it
	window     window
	verdict    Verdict
}

// memory has the tokens that were verified, by their SHA-256. Those that fail are not
// in it: whoever makes them up could fill it, and a token may become good with the
// next keys.
type memory struct{ shards [shards]shard }

// shard has two halves. What is used moves to the young one; when that is full, the
// old one is dropped and the young one becomes old. So what was not used for a while
// goes, and nothing has to be swept.
type shard struct {
	mu         sync.Mutex // guards both
	young, old map[digest]*remembered
}

func (m *memory) shard(sum *digest) *shard { return &m.shards[sum[0]%shards] }

// get gives a token that was verified by keys of that generation.
func (m *memory) get(sum *digest, generation uint64) *remembered {
	s := m.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.young[*sum]
	if found == nil {
		if found = s.old[*sum]; found != nil && found.generation == generation {
			delete(s.old, *sum)
			s.put(sum, found)
		}
	}
	if found == nil || found.generation != generation {
		return nil
	}
	return found
}

func (m *memory) add(sum *digest, token *remembered) {
	size := 0
	for _, c := range token.verdict.Claims {
		size += len(c.JTI) + len(c.Subject)
	}
	if size > maxRememberedClaims {
		return
	}
	s := m.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(sum, token)
}

func (s *shard) put(sum *digest, token *remembered) {
	if len(s.young) >= maxRemembered/shards/2 {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = make(map[digest]*remembered)
	}
	s.young[*sum] = token
}

// forget removes a token that is no longer good.
func (m *memory) forget(sum *digest) {
	s := m.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.young, *sum)
	delete(s.old, *sum)
}

// len counts the tokens that are remembered, of whatever generation.
func (m *memory) len() int {
	sum := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		sum += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return sum
}
