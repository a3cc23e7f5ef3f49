package e2e

import (
	"sync"
	"testing"
)

// following is a reader that resumes where it was cut off.
type following struct {
	t    *testing.T
	base string
	stop func() // and wait

	mu   sync.Mutex // guards seen
	seen []frame
	at   string // of the reader alone
}

func startFollowing(t *testing.T, base string) *following {
	f := &following{t: t, base: base, at: "0"}
	stopped := make(chan struct{})
	var running sync.WaitGroup
	f.stop = sync.OnceFunc(func() {
		close(stopped)
		running.Wait()
	})
	running.Go(func() {
		for {
			select {
			case <-stopped:
				return
			default:
				f.follow(stopped)
			}
		}
	})
	t.Cleanup(f.stop)
	return f
}

// follow reads one connection to its end.
func (f *following) follow(stopped <-chan struct{}) {
	resp, err := requestStream(f.t, f.base, "", f.at)
	if err != nil {
		return
	}
	s := newStream(f.t, resp)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-stopped:
			s.close()
		case <-ended:
		}
	}()
	for {
		frame, err := s.read()
		if err != nil {
			return
		}
		if frame.event == "reset" {
			f.t.Errorf("a reader that resumes at %s is reset", f.at)
		}
		if frame.id != "" {
			f.at = frame.id
			f.mu.Lock()
			f.seen = append(f.seen, frame)
			f.mu.Unlock()
		}
	}
}

func (f *following) frames() []frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]frame(nil), f.seen...)
}

func (f *following) count() int { return len(f.frames()) }

// reaches waits for the position, and ends the reading.
func (f *following) reaches(position uint64) {
	f.t.Helper()
	eventually(f.t, "the reader reaches the head", func() error {
		frames := f.frames()
		if len(frames) == 0 || frames[len(frames)-1].position(f.t) < position {
			return errNotYet
		}
		return nil
	})
	f.stop()
}

// sawOnly checks that positions rose, and that every event was acknowledged as
// what it was streamed: nothing was sent that a kill then undid.
func (f *following) sawOnly(byPosition map[uint64]mutation) {
	f.t.Helper()
	var last uint64
	for _, frame := range f.frames() {
		position := frame.position(f.t)
		if position < last || (position == last && frame.event != "position") {
			f.t.Errorf("position %d comes after %d: %+v", position, last, frame)
		}
		last = position
		m := byPosition[position]
		if frame.event != "position" && (m.eventType() != frame.event || m.entity != entityOf(frame)) {
			f.t.Errorf("streamed %+v, acknowledged %+v", frame, m)
		}
	}
}
