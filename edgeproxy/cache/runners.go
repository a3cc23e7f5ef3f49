package cache

import "sync"

// maxIdleRunners bounds the memory of the stacks that are kept, about 16 KiB each.
const maxIdleRunners = 64

// runners are the goroutines of the flights. Those that are done wait for the next one:
// a new goroutine grows its stack anew with each fetch, which is a large part of what
// a short one costs.
type runners struct {
	// next gives a flight to a runner that is idle, idle has a token for each.
	next chan func()
	idle chan struct{}
	// closed ends those that are idle; once guards it.
	closed chan struct{}
	once   sync.Once
	all    sync.WaitGroup
}

func newRunners() *runners {
	return &runners{next: make(chan func()), idle: make(chan struct{}, maxIdleRunners), closed: make(chan struct{})}
}

// run returns at once. It must not be called after close.
func (r *runners) run(flight func()) {
	select {
	case r.next <- flight:
	default:
		r.all.Go(func() {
			for ; flight != nil; flight = r.wait() {
				flight()
				flight = nil // it may hold a body, which must not wait with the runner
			}
		})
	}
}

// wait gives the next flight to run, nil where the runner is not needed any more.
func (r *runners) wait() func() {
	select {
	case r.idle <- struct{}{}:
	default:
		return nil
	}
	defer func() { <-r.idle }()
	select {
	case flight := <-r.next:
		return flight
	case <-r.closed:
		return nil
	}
}

// close waits until all flights have ended. It can be called again.
func (r *runners) close() {
	r.once.Do(func() { close(r.closed) })
	r.all.Wait()
}
