package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// writers write without a pause, each to entities of its own, and repeat what
// was not acknowledged under the same request id until it is.
type writers struct {
	t       *testing.T
	stopped chan struct{}
	stop    func() // and wait
	running sync.WaitGroup
	// pause is held for writing by whoever wants a moment without mutations.
	pause sync.RWMutex
	count atomic.Int64

	mu    sync.Mutex // guards what follows
	acked []mutation
}

func startWriters(t *testing.T, senders ...sender) *writers {
	w := &writers{t: t, stopped: make(chan struct{})}
	w.stop = sync.OnceFunc(func() {
		close(w.stopped)
		w.running.Wait()
	})
	for i, s := range senders {
		w.running.Go(func() { w.write(i, s) })
	}
	t.Cleanup(w.stop)
	return w
}

func (w *writers) write(writer int, s sender) {
	for n := 0; ; n++ {
		select {
		case <-w.stopped:
			return
		default:
		}
		w.pause.RLock()
		m, ok := w.insist(s, nth(writer, n))
		w.pause.RUnlock()
		if !ok {
			return
		}
		w.mu.Lock()
		w.acked = append(w.acked, m)
		w.mu.Unlock()
		w.count.Add(1)
	}
}

// nth makes bans and revocations, some of them lifted later.
func nth(writer, n int) mutation {
	m := mutation{id: fmt.Sprintf("writer-%d-%d", writer, n)}
	address := func(n int) string { return fmt.Sprintf("10.%d.%d.%d", writer, n>>8&255, n&255) }
	switch n % 8 {
	case 3, 4:
		m.entity = fmt.Sprintf("jti:%d-%d", writer, n)
	case 5:
		m.entity, m.lift = address(n-5), true
	case 6:
		m.entity, m.lift = fmt.Sprintf("jti:%d-%d", writer, n-3), true
	case 7:
		m.entity = fmt.Sprintf("2001:db8:%x:%x::/64", writer, n)
	default:
		m.entity = address(n)
	}
	return m
}

// insist sends until there is an answer.
func (w *writers) insist(s sender, m mutation) (mutation, bool) {
	for began := time.Now(); ; {
		position, again, err := s.send(m)
		switch {
		case err == nil:
			m.position = position
			return m, true
		case !again:
			w.t.Errorf("%+v is refused: %v", m, err)
			return m, false
		case time.Since(began) > patience:
			w.t.Errorf("%+v is not acknowledged: %v", m, err)
			return m, false
		}
		<-time.After(5 * time.Millisecond) // not all of a processor to calls that fail
	}
}

// flow waits until n more mutations were acknowledged.
func (w *writers) flow(n int64) {
	w.t.Helper()
	goal := w.count.Load() + n
	eventually(w.t, "mutations flow", func() error {
		if now := w.count.Load(); now < goal {
			return fmt.Errorf("%d of %d", now, goal)
		}
		return nil
	})
}

// acknowledged is everything so far.
func (w *writers) acknowledged() []mutation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]mutation(nil), w.acked...)
}

// latest gives the last mutation of each entity. No two writers share one.
func latest(acked []mutation) map[string]mutation {
	last := map[string]mutation{}
	for _, m := range acked {
		if m.position > last[m.entity].position {
			last[m.entity] = m
		}
	}
	return last
}
