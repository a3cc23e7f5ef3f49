package cache

import (
	"context"
	"errors"
	"sync"
	"time"
)

// lingerLimit is how long a body that is to be stored is read on for nobody. One
// that takes longer is not worth a connection to the origin.
const lingerLimit = 30 * time.Second

// Once a body has grown beyond what is kept of it, its readers hold up one another.
// Who does so for longer than stallLimit, and as long as it takes to read what it
// has had at leastPace, in bytes a second, is cut off. Before that nobody holds up
// anybody.
const (
	stallLimit = 10 * time.Second
	leastPace  = 256 << 10
)

var errStalled = errors.New("too slow for a body that is not stored")

// fill is a body that one goroutine writes and several read, each at its own pace.
type fill struct {
	mu sync.Mutex
	// data begins at offset base. What is below its length does not change until
	// it is shifted, under mu.
	data    []byte
	base    int64
	readers map[*reader]struct{}
	// end is nil while the body grows, then io.EOF or what cut it short.
	end error
	// wanted: the body is to be stored, so that it is read to its end although all
	// readers have left, for as long as linger runs. Those who leave before that is
	// known do not wait for it.
	wanted bool
	linger *time.Timer
	// written: the writer is gone. With the last reader gone too, free is called,
	// once; it gives back the memory.
	written bool
	free    func()
	// changed is closed at the next change; nil while nobody waits.
	changed chan struct{}
}

func newFill(free func()) *fill { return &fill{readers: map[*reader]struct{}{}, free: free} }

// signal and wait are called with mu held.
func (b *fill) signal() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

func (b *fill) wait() <-chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// add gives another reader, from the first byte; nil where that is gone, or where
// the last reader has left for good.
func (b *fill) add(ctx context.Context, f *flight) *reader {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.base > 0 || b.readers == nil || b.linger != nil && !b.linger.Stop() {
		return nil
	}
	b.linger = nil
	r := &reader{ctx: ctx, flight: f}
	b.readers[r] = struct{}{}
	return r
}

// remove drops a reader and tells whether the body is of no more use to anybody;
// if it may be so later, giveUp is called then.
func (b *fill) remove(r *reader, giveUp func()) (useless bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.readers[r]; !ok {
		return false
	}
	delete(b.readers, r)
	b.signal()
	switch {
	case len(b.readers) > 0:
		return false
	case b.wanted && !b.written:
		b.linger = time.AfterFunc(lingerLimit, giveUp)
		return false
	}
	b.readers = nil
	b.release()
	return true
}

// want says whether the body is to be stored.
func (b *fill) want(wanted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted = wanted
}

// unwant tells the writer, which has found that the body is not to be stored,
// whether nobody else wants it.
func (b *fill) unwant() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted = false
	if len(b.readers) == 0 {
		b.readers = nil
	}
	return b.readers == nil
}

// leave is the end of the writer. Readers may still have much to read, and hold
// the memory until they are gone.
func (b *fill) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written = true
	if b.linger != nil {
		b.linger.Stop()
	}
	b.release()
}

// release is called with mu held.
func (b *fill) release() {
	if b.written && len(b.readers) == 0 {
		b.free()
	}
}

// space is where the writer puts what comes next; empty where there is none left.
func (b *fill) space() []byte { return b.data[len(b.data):cap(b.data)] }

// grow makes space. Only the writer calls it.
func (b *fill) grow(capacity int64) {
	data := make([]byte, len(b.data), capacity)
	copy(data, b.data)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = data
}

// advance lets the readers see n more bytes, and the end if it is not nil.
func (b *fill) advance(n int, end error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = b.data[:len(b.data)+n]
	b.end = end
	b.signal()
}

// shift makes space by dropping what every reader has had, and waits until there
// is some. It ends the readers that hold up the rest for too long.
func (b *fill) shift(ctx context.Context) error {
	for {
		changed, stalling := b.drop()
		if changed == nil {
			return nil
		}
		began := time.Now()
		timer := time.NewTimer(b.patience(stalling))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
		b.blame(stalling, time.Since(began))
	}
}

// drop gives nil where there is space now, else what to wait for, and who holds up
// the others.
func (b *fill) drop() (changed <-chan struct{}, stalling []*reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.slowest() - b.base; n > 0 {
		b.data = b.data[:copy(b.data, b.data[n:])]
		b.base += n
		return nil, nil
	}
	return b.wait(), b.stalling()
}

// slowest is the offset of the reader that is furthest behind. mu is held.
func (b *fill) slowest() int64 {
	least := b.base + int64(len(b.data))
	for r := range b.readers {
		if r.err == nil {
			least = min(least, r.offset)
		}
	}
	return least
}

// stalling gives the slowest readers, none where all are equally slow: then nobody
// waits for another. mu is held.
func (b *fill) stalling() (stalling []*reader) {
	least, fastest := b.slowest(), b.base
	for r := range b.readers {
		fastest = max(fastest, r.offset)
		if r.err == nil && r.offset == least {
			stalling = append(stalling, r)
		}
	}
	if least == fastest {
		return nil
	}
	return stalling
}

// patience is how long to wait for those who hold up the others.
func (b *fill) patience(stalling []*reader) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	patience := stallLimit
	for _, r := range stalling {
		patience = min(patience, r.patience())
	}
	return patience
}

// blame counts how long readers held up the others, and ends those for which it was
// too long.
func (b *fill) blame(stalling []*reader, waited time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range stalling {
		r.stalled += waited
		if r.patience() <= 0 {
			r.err = errStalled
		}
	}
	b.signal()
}

// patience is for how much longer the reader may hold up the others. The fill's mu
// is held.
func (r *reader) patience() time.Duration {
	return stallLimit + time.Duration(r.offset)*time.Second/leastPace - r.stalled
}
