package cache

import (
	"runtime"
	"testing"
	"testing/synctest"
	"weak"
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

// What a flight brought can be as long as a body may be, and no bound counts it once
// the flight has ended.
func TestIdleRunnersHoldNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRunners()
		defer r.close()
		bring := func() weak.Pointer[[1 << 20]byte] {
			body := new([1 << 20]byte)
			r.run(func() { body[0]++ })
			synctest.Wait()
			return weak.Make(body)
		}
		inNew, inKept := bring(), bring()
		if runtime.GC(); inNew.Value() != nil || inKept.Value() != nil {
			t.Error("an idle runner holds what its flight had")
		}
	})
}
