package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// addresses are few, so that what a replay has sent is superseded all the time.
const addresses = 3000

// A whole state that is read while writers go on is the state at its synced: an
// address that is never without a ban is banned in it, and what follows leads
// to the state of the log.
func TestResetWhileWriting(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{ringUnits: 16})
	for i := range addresses {
		p.append(ban(i))
	}
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 2 {
		random := rand.New(rand.NewPCG(1, uint64(w)))
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				even, odd := 2*random.IntN(addresses/2), 2*random.IntN(addresses/2)+1
				p.append(ban(even), unban(odd), invalidate("x"))
				p.append(ban(odd))
			}
		})
	}
	for range 4 {
		reading := p.open("", "")
		readers.Go(func() { checkState(t, reading, p) })
	}
	readers.Wait()
	close(stop)
	writers.Wait()

	final := p.open("follow=false", "")
	state, head := map[string]bool{}, p.ring.Head()
	for _, f := range final.rest() {
		apply(t, state, f)
	}
	if diff := cmp.Diff(inLog(t, p, head), state); diff != "" {
		t.Errorf("state at the head (-log +stream):\n%s", diff)
	}
}

// checkState reads a whole state and some of what follows. Even addresses are
// never without a ban; moments that fell between are announced.
func checkState(t *testing.T, r *reading, p *plane) {
	state := map[string]bool{}
	frames := r.until(wire.FrameSynced)
	head := decode[wire.Connected](t, frames[0]).Head
	gapped := head
	for _, f := range frames {
		switch f.kind {
		case wire.TypeCacheInvalidated:
			t.Error("a reset holds a moment event")
		case wire.FrameGap:
			gapped = decode[wire.Gap](t, f).To
		}
		apply(t, state, f)
	}
	for i := 0; i < addresses; i += 2 {
		if !state[wire.FormatPrefix(address(i))] {
			t.Errorf("%s is not banned at synced", address(i))
		}
	}
	synced := decode[wire.Synced](t, frames[len(frames)-1]).Position
	if id := frames[len(frames)-2].id; id != "" && id != fmt.Sprintf("%s-%d", p.epoch(), synced) {
		t.Errorf("the last id before synced %d is %s", synced, id)
	}
	if gapped < synced && synced-head > 3 {
		t.Errorf("moments after %d, up to %d, are neither here nor announced", gapped, synced)
	}
	last := synced
	for range 100 {
		f, ok := r.next()
		if !ok {
			t.Error("the stream ended")
			return
		}
		if f.id == "" {
			continue
		}
		id, err := wire.ParseCursor(f.id)
		if err != nil || (id.Position <= last && f.kind != wire.FramePosition) {
			t.Errorf("id %s after %d", f.id, last)
		}
		last = id.Position
	}
}

func apply(t *testing.T, state map[string]bool, f frame) {
	switch f.kind {
	case wire.TypeIPBanned:
		state[decode[wire.IPBanned](t, f).IP] = true
	case wire.TypeIPUnbanned:
		delete(state, decode[wire.IPUnbanned](t, f).IP)
	}
}

func inLog(t *testing.T, p *plane, head uint64) map[string]bool {
	state := map[string]bool{}
	var page eventlog.Page
	for page.Next < head {
		var err error
		if page, err = p.log.Read(t.Context(), page.Next, 500); err != nil {
			t.Fatal(err)
		}
		for _, unit := range page.Units {
			for _, e := range unit.Events {
				apply(t, state, frame{kind: e.Type, data: string(e.Data)})
			}
		}
	}
	return state
}

// interrupted is a log in which something happens after the first page that is
// read of it.
type interrupted struct {
	eventlog.Log
	once      sync.Once
	interrupt func()
}

func (l *interrupted) Read(ctx context.Context, after uint64, limit int) (eventlog.Page, error) {
	page, err := l.Log.Read(ctx, after, limit)
	l.once.Do(l.interrupt)
	return page, err
}

// An address that is let in again after the replay has sent its ban must not be
// banned at synced, also where even the absence was forgotten meanwhile.
func TestUnbanDuringReset(t *testing.T) {
	t.Parallel()
	for _, forgotten := range []bool{false, true} {
		t.Run(fmt.Sprintf("forgotten=%t", forgotten), func(t *testing.T) {
			t.Parallel()
			log := &interrupted{}
			p := newPlane(t, options{wrap: func(l eventlog.Log) eventlog.Log {
				log.Log = l
				return log
			}})
			for i := range 2 * replayPage {
				p.append(ban(i))
			}
			log.interrupt = func() {
				p.append(unban(0))
				if forgotten {
					p.clock.advance(2 * time.Hour)
					if err := log.Log.Compact(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
			state := map[string]bool{}
			resets := 0
			for _, f := range p.open("follow=false", "").rest() {
				if f.kind == wire.FrameReset {
					clear(state)
					resets++
				}
				apply(t, state, f)
			}
			if state[wire.FormatPrefix(address(0))] || len(state) != 2*replayPage-1 {
				t.Errorf("%d bans at synced, that of the first: %t", len(state), state[wire.FormatPrefix(address(0))])
			}
			if want := map[bool]int{false: 1, true: 2}[forgotten]; resets != want {
				t.Errorf("%d resets, want %d", resets, want)
			}
		})
	}
}
