package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
)

// Bodies that are being sent stay in memory. What they leave no room for is passed on
// as it comes, until they have been sent.
func TestHeldBodiesBoundTheMemory(t *testing.T) {
	t.Parallel()
	const size, room = 1 << 20, 4 << 20
	r := newDiskRig(t, Config{MaxBytes: room, MaxEntries: 1000, MaxObject: size}, func(c *disk.Config) { c.MaxBytes = 1 << 30 })
	fetch := always(func() *Response { return respond(200, string(make([]byte, size)), fresh) })
	const objects = 20
	for n := range objects {
		r.tell(get(fmt.Sprint("/", n)), fetch)
	}
	r.flush()
	r.forgetMemory()
	var done []func()
	for n := range objects {
		d := r.Begin(get(fmt.Sprint("/", n)))
		if d.Action != Serve {
			break
		}
		done = append(done, r.Sending(d.Entry))
	}
	if n := len(done); n != maxHeld*room/size+1 {
		t.Errorf("%d bodies of %d are held", n, size)
	}
	request := get("/19")
	a, err := r.Do(t.Context(), request, r.Begin(request), fetch)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(a.Body); len(body) != size || err != nil || !a.Own || a.Outcome.Stored {
		t.Errorf("%d bytes, %v, own %v, %s", len(body), err, a.Own, a.Outcome)
	}
	_ = a.Body.Close()
	for _, done := range done {
		done()
		done()
	}
	if n := r.store.sending.size(); n != 0 {
		t.Errorf("%d bytes are held by nobody", n)
	}
	if d := r.Begin(request); d.Action != Serve {
		t.Errorf("afterwards: %s", d.Outcome)
	}
}

// One body counts once, however many it is sent to, and is read from disk once.
func TestOneBodyIsLoadedAndHeldOnce(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	r := newDiskRig(t, Config{MaxBytes: 1 << 30, MaxEntries: 1000, MaxObject: size})
	r.tell(get("/"), always(func() *Response { return respond(200, string(make([]byte, size)), fresh) }))
	r.flush()
	r.forgetMemory()
	var mu sync.Mutex
	bodies := map[*byte]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			d := r.Begin(get("/"))
			r.Sending(d.Entry)
			mu.Lock()
			defer mu.Unlock()
			bodies[&d.Entry.Body()[0]]++
		})
	}
	all.Wait()
	// Who looked the entry up before it was whole, and loads it when all others have,
	// reads it again.
	if len(bodies) > 3 || r.store.sending.size() > 3*size {
		t.Errorf("%d bodies, %d bytes held", len(bodies), r.store.sending.size())
	}
}

// The answer to a revalidation that needs no body reads none from disk.
func TestRevalidationLoadsNoBody(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{MaxBytes: 1 << 20, MaxEntries: 1000, MaxObject: 1 << 16})
	r.tell(get("/"), always(func() *Response { return respond(200, "old", fresh, `Etag: "1"`) }))
	r.flush()
	r.forgetMemory()
	request := get("/", "Cache-Control: no-cache")
	d := r.Begin(request)
	if d.stale == nil || d.stale.whole {
		t.Fatalf("%+v", d.stale)
	}
	fetch := func(_ context.Context, q Question) (*Response, error) {
		if q.IfNoneMatch != `"1"` {
			t.Errorf("asked %+v", q)
		}
		return respond(304, "", fresh, `Etag: "1"`), nil
	}
	a, err := r.Do(t.Context(), request, d, fetch)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if body, err := io.ReadAll(a.Body); !bytes.Equal(body, []byte("old")) || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}
