package token

import (
	"sync"
	"sync/atomic"
)

// maxTried bounds the keys that are tried for one token, and with them the
// signatures that a stranger can make an edge check at once.
const maxTried = 4

// keyring has the keys in force, of all sources.
type keyring struct {
	current atomic.Pointer[keySet]
	mu      sync.Mutex // held while a set succeeds another
}

// keySet does not change.
type keySet struct {
	// generation tells sets apart. A token that was verified under another one counts
	// for nothing.
	generation uint64
	secret     source
	public     source
}

// source is what came from one place; pending until it was first had.
type source struct {
	wanted bool
	loaded bool
	keys   []key
}

func newKeyring(secret, public bool) *keyring {
	ring := &keyring{}
	ring.current.Store(&keySet{secret: source{wanted: secret}, public: source{wanted: public}})
	return ring
}

func (r *keyring) replaceSecret(keys []key) {
	r.replace(func(s *keySet) { s.secret.loaded, s.secret.keys = true, keys })
}

func (r *keyring) replacePublic(keys []key) {
	r.replace(func(s *keySet) { s.public.loaded, s.public.keys = true, keys })
}

func (r *keyring) replace(change func(*keySet)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.current.Load()
	next.generation++
	change(&next)
	r.current.Store(&next)
}

// ready tells whether every source was had once.
func (s *keySet) ready() bool {
	return s.secret.loaded == s.secret.wanted && s.public.loaded == s.public.wanted
}

// source gives where the keys of an algorithm come from.
func (s *keySet) source(a algorithm) *source {
	if a.hmac {
		return &s.secret
	}
	return &s.public
}

// find gives the keys that may have signed a token: those with its kid, else those
// that have none. For a token without a kid it is those that fit, unless they are
// too many to try each.
func (s *source) find(a algorithm, c *compact) []key {
	var named, nameless, every []key
	for _, k := range s.keys {
		if !a.fits(k.material) || k.algorithm != "" && k.algorithm != c.algorithm {
			continue
		}
		every = append(every, k)
		switch k.id {
		case c.keyID:
			named = append(named, k)
		case "":
			nameless = append(nameless, k)
		}
	}
	found := every
	if c.hasKeyID {
		found = named
		if len(found) == 0 {
			found = nameless
		}
	}
	if len(found) > maxTried {
		return nil
	}
	return found
}
