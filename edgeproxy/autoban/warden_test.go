package autoban

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWardenBans whom it has to, and nobody else.
func TestWardenBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList()
		l.exempt[address(7)] = true
		l.bans[netip.PrefixFrom(address(8), 32)] = Ban{}
		cfg := usual
		cfg.Statuses = []int{404, 429}
		w := newWarden(t, cfg, Deps{Bans: l})
		stop := start(t, w)
		for range cfg.Failures {
			for _, addr := range []netip.Addr{address(1), netip.MustParseAddr("2001:db8::5"), address(7), address(8), {}} {
				w.Failed(addr)
			}
			w.Answered(address(2), 404)
			w.Answered(address(3), 403)
		}
		for range cfg.Failures - 1 {
			w.Failed(address(4))
		}
		w.Answered(address(5), 404)
		w.Answered(address(5), 429)
		w.Failed(address(5))
		synctest.Wait()
		want := []string{"11.0.0.1/32", "11.0.0.2/32", "11.0.0.5/32", "11.0.0.8/32", "2001:db8::/64"}
		if diff := cmp.Diff(want, l.prefixes()); diff != "" {
			t.Errorf("banned: %s", diff)
		}
		if got, want := w.Stats(), (Stats{Banned: 4, Exempt: 1, Tracked: 7}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		<-time.After(cfg.Window + sweepEvery)
		synctest.Wait()
		if got := w.Stats().Tracked; got != 4 {
			t.Errorf("%d are tracked after the window", got)
		}
		stop()
	})
}

// TestFailuresWhileABanIsWritten make no second one, and neither do those of requests
// that were under way when it came in force.
func TestFailuresWhileABanIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList()
		l.entered, l.leave = make(chan struct{}), make(chan struct{})
		w := newWarden(t, usual, Deps{Bans: l})
		stop := start(t, w)
		fail := func() {
			for range 10 * usual.Failures {
				w.Failed(address(1))
			}
		}
		fail()
		<-l.entered
		fail() // does not wait for the write
		synctest.Wait()
		l.leave <- struct{}{}
		synctest.Wait()
		fail()
		synctest.Wait()
		if l.writes != 1 || w.Stats().Banned != 1 {
			t.Errorf("%d writes, %+v", l.writes, w.Stats())
		}
		if err := l.Lift(t.Context(), netip.PrefixFrom(address(1), 32)); err != nil {
			t.Error(err)
		}
		go fail()
		<-l.entered
		l.leave <- struct{}{}
		synctest.Wait()
		if l.writes != 2 || l.bans[netip.PrefixFrom(address(1), 32)].For != usual.For {
			t.Errorf("after an unban: %d writes, %+v", l.writes, l.bans)
		}
		stop()
	})
}

// TestBansThatCannotBeWritten are dropped, and made once that is mended and the client
// fails on.
func TestBansThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList()
		l.setFail(errors.New("disk full"))
		w := newWarden(t, usual, Deps{Bans: l})
		stop := start(t, w)
		fail := func() {
			for range usual.Failures {
				w.Failed(address(1))
			}
			synctest.Wait()
		}
		fail()
		fail() // waits for the end of the pause
		if got := w.Stats(); got.Dropped != 1 || got.Banned != 0 {
			t.Errorf("%+v", got)
		}
		l.setFail(nil)
		<-time.After(writePause)
		synctest.Wait()
		if got := w.Stats(); got.Dropped != 1 || got.Banned != 1 || l.bans[netip.PrefixFrom(address(1), 32)].For != usual.For {
			t.Errorf("%+v, %+v", got, l.bans)
		}
		stop()
	})
}

// TestNoRoom has nobody who writes: what there is no room for counts from none again.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	w := newWarden(t, usual, Deps{Bans: newList()})
	for range usual.Failures {
		for i := range maxQueued + 10 {
			w.Failed(address(i))
		}
	}
	if got := w.Stats(); got.Dropped != 10 || len(w.queue) != maxQueued {
		t.Errorf("%+v, %d wait", got, len(w.queue))
	}
	if ban := failUntilBanned(t, w.counter, address(maxQueued)); ban.For != usual.For {
		t.Errorf("a ban that was dropped counts: %+v", ban)
	}
}

func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWarden(t, Config{Statuses: []int{404}}, Deps{})
	for range 1000 {
		w.Failed(address(1))
		w.Answered(address(1), 404)
	}
	if err := w.Run(t.Context()); err != nil || w.Stats() != (Stats{}) {
		t.Errorf("%v, %+v", err, w.Stats())
	}
}

// TestManyAtOnce has many clients fail from many goroutines, while the warden runs.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const clients = 1000
	l := newList()
	w := newWarden(t, usual, Deps{Bans: l})
	stop := start(t, w)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range usual.Failures {
				for i := range clients {
					w.Failed(address(i))
				}
			}
		})
	}
	all.Wait()
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(l.prefixes()) < clients && deadline.Err() == nil {
		pause(deadline, time.Millisecond)
	}
	stop()
	if l.writes != clients || len(l.prefixes()) != clients || w.Stats().Banned != clients {
		t.Errorf("%d writes for %d clients, %+v", l.writes, len(l.prefixes()), w.Stats())
	}
}
