package disk

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

func TestSyncWaitsForWhatIsQueued(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.run()
	for i := range 3 * batchChanges {
		r.put(Record{URL: fmt.Sprint(i), Head: []byte("head")})
	}
	if err := r.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.Stats().Entries; n != 3*batchChanges {
		t.Errorf("%d are committed, want all", n)
	}
	r.Clear()
	if err := r.Sync(t.Context()); err != nil || !r.queue.idle() {
		t.Errorf("%v; what was cleared may come back", err)
	}
	stop()
	if err := r.Sync(t.Context()); !errors.Is(err, errUnwritten) {
		t.Errorf("after the end of Run: %v", err)
	}
}

func TestSyncTellsWhatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(0, 0)
		s := &Store{queue: q}
		q.remove("a")
		done := make(chan error, 1)
		go func() { done <- s.Sync(t.Context()) }()
		synctest.Wait()
		q.done(q.take(), false)
		if err := <-done; !errors.Is(err, errUnwritten) {
			t.Errorf("a failed batch: %v", err)
		}
		go func() { done <- s.Sync(t.Context()) }()
		synctest.Wait()
		q.done(q.take(), true)
		if err := <-done; err != nil {
			t.Errorf("the removal took its turn again: %v", err)
		}
		q.remove("b")
		go func() { done <- s.Sync(t.Context()) }()
		synctest.Wait()
		s.retired.Store(true)
		q.abandon()
		if err := <-done; !errors.Is(err, errUnwritten) {
			t.Errorf("an abandoned file: %v", err)
		}
	})
}
