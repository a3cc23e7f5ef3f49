package stream

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestFirstRead(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	p.append(ban(1))
	p.append(ban(2), invalidate("a"))
	p.append(unban(1))
	got := p.open("follow=false", "").rest()
	want := []string{"connected", "reset", "ip_banned", "position", "position", "synced"}
	if diff := cmp.Diff(want, kinds(got)); diff != "" {
		t.Fatalf("frames (-want +got):\n%s", diff)
	}
	if got[2].id != "" || got[3].id != p.epoch()+"-3" || got[4].id != p.epoch()+"-4" {
		t.Errorf("ids: %v", got)
	}
	if synced := decode[wire.Synced](t, got[5]); synced.Position != 4 {
		t.Errorf("synced %v", synced)
	}
	if connected := decode[wire.Connected](t, got[0]); connected.Head != 4 || connected.Epoch != p.epoch() {
		t.Errorf("connected %v", connected)
	}
}

func TestEmptyLog(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	got := p.open("follow=false", "").rest()
	if diff := cmp.Diff([]string{"connected", "reset", "position", "synced"}, kinds(got)); diff != "" {
		t.Fatalf("frames (-want +got):\n%s", diff)
	}
	if got[2].id != p.epoch()+"-0" {
		t.Errorf("position %v", got[2])
	}
}

// A resume from every position, partly from the log and partly from the ring,
// gives exactly what the log has after it.
func TestResumeFromEveryPosition(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{ringUnits: 20})
	for i := range 60 {
		switch i % 4 {
		case 0:
			p.append(ban(i))
		case 1:
			p.append(ban(i), unban(i-1), invalidate("tag"))
		case 2:
			p.append(invalidate(fmt.Sprint(i)))
		case 3:
			p.append(unban(i-2), ban(i))
		}
	}
	head := p.ring.Head()
	for position := range head + 1 {
		frames := p.open("follow=false", fmt.Sprintf("%s-%d", p.epoch(), position)).rest()
		checkResume(t, p, position, head, frames)
	}
}

func checkResume(t *testing.T, p *plane, position, head uint64, frames []frame) {
	t.Helper()
	page, err := p.log.Read(t.Context(), position, math.MaxInt32)
	if err != nil {
		t.Fatal(err)
	}
	inLog := map[string]int{}
	for _, unit := range page.Units {
		for _, e := range unit.Events {
			inLog[e.Type+string(e.Data)]++
		}
	}
	last := wire.Cursor{Epoch: p.epoch(), Position: position}
	for _, f := range frames[1 : len(frames)-1] {
		if f.kind == wire.FrameReset || f.kind == wire.FrameGap {
			t.Fatalf("from %d: %v", position, f)
		}
		if inLog[f.kind+f.data] > 0 {
			inLog[f.kind+f.data]--
		}
		if f.id == "" {
			continue
		}
		id, err := wire.ParseCursor(f.id)
		if err != nil || id.Epoch != p.epoch() || (id.Position <= last.Position && f.kind != wire.FramePosition) {
			t.Fatalf("from %d: id %s after %s", position, f.id, last)
		}
		last = id
	}
	for event, n := range inLog {
		if n != 0 {
			t.Errorf("from %d: %d × %s missing", position, n, event)
		}
	}
	if synced := decode[wire.Synced](t, frames[len(frames)-1]); synced.Position != head || last.Position != head {
		t.Errorf("from %d: synced %v after id %s, head %d", position, synced, last, head)
	}
}

func TestWhereAReadBegins(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	p.append(ban(1))
	p.append(ban(2))
	epoch := p.epoch()
	for _, test := range []struct {
		name, query, header string
		want                []string
	}{
		{"bare position", "last_event_id=1", "", []string{"ip_banned", "synced"}},
		{"header wins", "last_event_id=0", epoch + "-1", []string{"ip_banned", "synced"}},
		{"level", "", epoch + "-2", []string{"position", "synced"}},
		{"latest", "last_event_id=latest", "", []string{"position", "synced"}},
		{"another epoch", "", "abc-1", []string{"reset", "ip_banned", "ip_banned", "synced"}},
		{"ahead of the head", "", epoch + "-3", []string{"reset", "ip_banned", "ip_banned", "synced"}},
		{"the highest position", "", epoch + "-18446744073709551615", []string{"reset", "ip_banned", "ip_banned", "synced"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := p.open(test.query+"&follow=false", test.header).rest()
			if diff := cmp.Diff(append([]string{"connected"}, test.want...), kinds(got)); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	for _, test := range []struct{ query, header string }{
		{"", "x"}, {"", "-1"}, {"", "1-"}, {"", "ABC-1"}, {"", "abc-1-2"}, {"", "abc-18446744073709551616"}, {"", "+1"},
		{"last_event_id=%00", ""}, {"follow=maybe", ""}, {"node=a&last_event_id=1", ""}, {"types=ip_banned,", ""}, {"%zz", ""}, {"node=%0a", ""},
	} {
		if resp := p.get(t.Context(), test.query, test.header); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%q %q: %s", test.query, test.header, resp.Status)
		}
	}
}

// What the retentions dropped decides between a resume, a gap and a reset.
func TestHorizons(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{ringUnits: 1})
	p.append(ban(1))
	p.append(invalidate("a"))
	p.append(ban(2))
	p.append(unban(1))
	p.append(ban(3))
	resume := func(position int) []string {
		return kinds(p.open("follow=false", fmt.Sprintf("%s-%d", p.epoch(), position)).rest())[1:]
	}
	compact := func(after time.Duration) {
		p.clock.advance(after)
		if err := p.log.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"cache_invalidated", "ip_banned", "ip_unbanned", "ip_banned", "synced"}
	if diff := cmp.Diff(want, resume(1)); diff != "" {
		t.Errorf("before any compaction (-want +got):\n%s", diff)
	}
	compact(2 * time.Minute)
	if diff := cmp.Diff(append([]string{"gap"}, want[1:]...), resume(1)); diff != "" {
		t.Errorf("past the moment horizon (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[1:], resume(2)); diff != "" {
		t.Errorf("at the moment horizon (-want +got):\n%s", diff)
	}
	compact(2 * time.Hour)
	if diff := cmp.Diff([]string{"reset", "ip_banned", "ip_banned", "synced"}, resume(3)); diff != "" {
		t.Errorf("past the state horizon (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ip_banned", "synced"}, resume(4)); diff != "" {
		t.Errorf("at the state horizon (-want +got):\n%s", diff)
	}
}

// noReads is a log that must not be read.
type noReads struct {
	eventlog.Log
	t *testing.T
}

func (l noReads) Read(context.Context, uint64, int) (eventlog.Page, error) {
	l.t.Error("the log was read")
	return eventlog.Page{}, nil
}

func (l noReads) Head(context.Context) (eventlog.Head, error) {
	l.t.Error("the log's head was read")
	return eventlog.Head{}, nil
}

func TestResumeInsideTheRingReadsNoLog(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{wrap: func(l eventlog.Log) eventlog.Log { return noReads{l, t} }})
	for i := range 10 {
		p.append(ban(i))
	}
	if got := p.open("follow=false", p.epoch()+"-3").rest(); len(got) != 1+7+1 {
		t.Errorf("frames: %v", kinds(got))
	}
}
