package cache

import "sync"

const (
	// heldSize is how long a stored body is that counts while it is sent, in bytes.
	// A shorter one waits for no client: the kernel takes all of it.
	heldSize = 64 << 10
	// maxHeld bounds the stored bodies that are being sent at once, in shares of
	// Config.MaxBytes. What slow clients hold stays in memory, also when it is no
	// longer stored there; beyond it nothing more is taken into memory.
	maxHeld = 2
)

// held counts the stored bodies that are being sent, each once.
type held struct {
	mu      sync.Mutex
	bytes   int64
	readers map[*Entry]int
}

// Sending counts an entry's body as held until done is called.
func (c *Cache) Sending(e *Entry) (done func()) {
	if len(e.body) < heldSize {
		return sentAlready
	}
	h := &c.store.sending
	h.add(e)
	return sync.OnceFunc(func() { h.remove(e) })
}

func sentAlready() {}

func (h *held) add(e *Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers[e]++; h.readers[e] == 1 {
		h.bytes += int64(len(e.body))
	}
}

func (h *held) remove(e *Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers[e]--; h.readers[e] == 0 {
		delete(h.readers, e)
		h.bytes -= int64(len(e.body))
	}
}

func (h *held) size() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
}

// crowded tells whether what is being sent leaves no room for more.
func (s *store) crowded() bool { return float64(s.sending.size()) > maxHeld*s.maxBytes }
