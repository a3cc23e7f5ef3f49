package cache

import (
	"context"
	"sync"
	"time"
)

// flight is one fetch and those who wait for it. It runs apart from any client
// and ends when the last one has left.
type flight struct {
	request *Request
	place   place
	key     string
	cancel  context.CancelFunc
	// began and beganAt are read before the origin is asked.
	began   uint64
	beganAt time.Time
	// alone: nobody may join.
	alone bool
	// spare: a stale response stands by, which an error must not replace.
	spare bool
	// stale is what is stored and may be confirmed, or nil.
	stale *Entry
	// guess is what was stored for the URL before, or nil.
	guess *Entry

	fill *fill
	// reserved is the memory that fill has of Cache.filling, until writer and
	// readers have left. The flight's own goroutine changes it.
	reserved int64

	// ready is closed when the fields below, up to mu, are set for good.
	ready  chan struct{}
	entry  *Entry // nil where the response is for the leader alone
	stored bool   // entry is going to be stored
	shared bool   // entry may answer those who asked meanwhile
	// confirmed: the origin confirmed what is stored, and entry has its body.
	confirmed bool
	status    int
	length    int64 // of the body, -1 where not known
	err       error

	mu sync.Mutex // guards own and left
	// own is the response that only the leader gets, until it takes it or is gone.
	own  *Response
	left bool
	// finished is guarded by Cache.mu, dropped as well.
	finished, dropped bool
}

// part is the end of a request's interest in a flight.
func (f *flight) part(r *reader, leads bool) {
	if leads {
		f.leave()
	}
	_ = r.Close() // never fails
}

// settled tells whether the flight has its answer.
func (f *flight) settled() bool {
	select {
	case <-f.ready:
		return true
	default:
		return false
	}
}

// run fetches. Who waits for the flight is told by closing ready.
func (c *Cache) run(ctx context.Context, f *flight, fetch FetchFunc) {
	defer c.finish(f)
	resp, err := c.ask(ctx, f, fetch)
	if err != nil {
		f.err = err
		close(f.ready)
		f.cancel()
		return
	}
	if f.status = resp.Status; f.confirmed {
		c.confirm(f)
		return
	}
	f.length = resp.Length
	if f.entry = c.admit(f, resp); f.entry == nil {
		c.learn(f, resp)
		c.pass(f, resp)
		return
	}
	if !c.prepare(f, resp.Length) {
		f.entry = nil
		c.learn(f, resp)
		c.handOver(f, resp)
		return
	}
	f.stored = c.mayKeep(f.entry)
	f.fill.want(f.stored)
	c.decideSharing(f)
	close(f.ready)
	c.pour(ctx, f, resp)
}

// pass gives the response to the leader. The next ones for the URL do not wait for
// one another, unless it says nothing of theirs: an error passes by itself, and a
// 304 answers this client's own conditions.
func (c *Cache) pass(f *flight, resp *Response) {
	if resp.Status < 500 && resp.Status != 304 && f.request.Method == "GET" {
		c.passes.add(passKey(f.request, f.place.url))
	}
	c.handOver(f, resp)
}

func (c *Cache) handOver(f *flight, resp *Response) {
	c.finish(f)
	f.mu.Lock()
	left := f.left
	if !left {
		f.own = resp
	}
	f.mu.Unlock()
	close(f.ready)
	if left {
		_ = resp.Body.Close() // nobody is left to tell
		f.cancel()
	}
}

// take gives the leader its own response.
func (f *flight) take() *Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.own
	f.own = nil
	return own
}

// leave ends the leader's interest.
func (f *flight) leave() {
	f.mu.Lock()
	own := f.own
	f.own, f.left = nil, true
	f.mu.Unlock()
	if own != nil {
		_ = own.Body.Close() // nobody is left to tell
		f.cancel()
	}
}
