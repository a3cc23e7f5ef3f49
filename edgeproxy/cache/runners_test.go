package cache

import (
	"testing"
	"testing/synctest"
)

func TestRunnersAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, gate, ended := newRunners(), make(chan struct{}), 0
		run := func(flights, wantIdle int) {
			t.Helper()
			for range flights {
				r.run(func() { <-gate })
			}
			if synctest.Wait(); len(r.idle) != wantIdle {
				t.Errorf("%d are idle during %d flights, want %d", len(r.idle), flights, wantIdle)
			}
			for range flights {
				gate <- struct{}{}
				ended++
			}
			synctest.Wait()
		}
		run(3, 0)
		run(2, 1)
		run(4, 0)
		run(maxIdleRunners+10, 0)
		run(1, maxIdleRunners-1)
		r.run(func() { <-gate })
		go func() {
			synctest.Wait() // close waits for the flight
			ended++
			gate <- struct{}{}
		}()
		before := ended
		r.close()
		r.close()
		if ended != before+1 || len(r.idle) != 0 {
			t.Errorf("closed with %d idle runners, %d flights later", len(r.idle), ended-before)
		}
	})
}
