package e2e

import (
	"fmt"
	"sync"
	"testing"
)

// watch asks again and again as one client, and notes each change of the answer.
type watch struct {
	t    *testing.T
	stop func() // and wait

	mu    sync.Mutex // guards codes
	codes []int
}

func watchClient(t *testing.T, e *edge, from string) *watch {
	w := &watch{t: t}
	stopped := make(chan struct{})
	var running sync.WaitGroup
	w.stop = sync.OnceFunc(func() {
		close(stopped)
		running.Wait()
	})
	running.Go(func() {
		for {
			select {
			case <-stopped:
				return
			default:
			}
			a, err := get(e.url(from, "/"))
			if err != nil {
				t.Errorf("ask as %s: %v", from, err)
				return
			}
			w.note(a.code)
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *watch) note(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.codes) == 0 || w.codes[len(w.codes)-1] != code {
		w.codes = append(w.codes, code)
	}
}

// sees waits until the answer is code.
func (w *watch) sees(code int) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("the client gets %d", code), func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.codes) == 0 || w.codes[len(w.codes)-1] != code {
			return fmt.Errorf("it gets %v", w.codes)
		}
		return nil
	})
}

// wants ends the watch and compares the changes.
func (w *watch) wants(codes ...int) {
	w.t.Helper()
	w.stop()
	if fmt.Sprint(w.codes) != fmt.Sprint(codes) {
		w.t.Errorf("the client got %v in turn, want %v", w.codes, codes)
	}
}
