package cache

import (
	"sync"
	"time"
)

const (
	// passFor is how long the fetches of a URL are not shared after its response
	// could not be stored: else each client would wait for another's answer only to
	// ask for its own.
	passFor = 10 * time.Second
	// maxPasses bounds the memory of that. Beyond it all are forgotten.
	maxPasses = 10_000
)

// passes remembers the URLs whose responses cannot be shared.
type passes struct {
	now func() time.Time

	mu    sync.Mutex // guards until
	until map[string]time.Time
}

// passKey is where it is remembered for a request. What needs an Authorization may
// be shared without one.
func passKey(r *Request, url string) string {
	if r.authorized() {
		return url + "\nAuthorization" // no URL has a line feed
	}
	return url
}

func newPasses(now func() time.Time) *passes {
	return &passes{now: now, until: map[string]time.Time{}}
}

func (p *passes) has(url string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok := p.until[url]
	if ok && !p.now().Before(until) {
		delete(p.until, url)
		ok = false
	}
	return ok
}

func (p *passes) add(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.until) >= maxPasses {
		clear(p.until)
	}
	p.until[url] = p.now().Add(passFor)
}

func (p *passes) remove(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.until, url)
}
