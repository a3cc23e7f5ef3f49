package fleet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// standings gives where each edge stood, in order.
func (o Outcome) standings() (list []string) {
	names := map[Standing]string{Confirmed: "confirmed", Lagging: "lagging", Unreachable: "unreachable", Gone: "gone"}
	for _, c := range o.Edges {
		list = append(list, c.Node+" "+names[c.Standing])
	}
	return list
}

func TestWaitForAll(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, name := range []string{"a", "b"} {
		defer r.connect(edge(name)).Close()
	}
	p := r.ban()
	w := r.wait(p, "all")
	r.report(edge("a"), p)
	r.report(edge("b"), p-1)
	if !w.waits() {
		t.Fatal("ended before b had it")
	}
	r.report(edge("b"), r.ban())
	got := w.end(t)
	if !got.Reached || got.Needed != 2 || got.Confirmed != 2 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]string{"a confirmed", "b confirmed"}, got.standings()); diff != "" {
		t.Error(diff)
	}
}

// An edge that is cut off is known, named and never counted: not by all, and not by a
// part of the known.
func TestCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	r.connect(edge("gone")).Close()
	r.report(edge("gone"), 0)
	p := r.ban()
	r.report(edge("a"), p)
	for quorum, want := range map[string]bool{"all": false, "live": true, "1": true, "2": false, "50%": true, "51%": false} {
		got := r.waitFor(WaitRequest{At: wire.Cursor{Position: p}, Quorum: parse(t, quorum), Timeout: time.Millisecond}).end(t)
		if got.Reached != want {
			t.Errorf("%s: %+v", quorum, got)
		}
		if standings := []string{"a confirmed", "gone unreachable"}; quorum != "live" && !cmp.Equal(standings, got.standings()) {
			t.Errorf("%s: %v", quorum, got.standings())
		}
	}
}

// An edge that says nothing while its stream stays open, as when its link is cut without
// a word, is out of reach after a while.
func TestSilent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	p := r.ban()
	r.report(edge("a"), p)
	r.clock.advance(silence(r.interval()) + time.Second)
	if got := r.wait(p, "live").end(t); got.Reached || len(got.Edges) != 0 {
		t.Errorf("%+v", got)
	}
	if e, _, err := r.Edge(t.Context(), edge("a")); err != nil || e.Live() {
		t.Errorf("%+v, %v", e, err)
	}
}

// Membership is settled at the start: whoever comes later is not waited for.
func TestMembershipIsSettled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	p := r.ban()
	w := r.wait(p, "all")
	defer r.connect(edge("b")).Close()
	r.report(edge("a"), p)
	if got := w.end(t); !got.Reached || len(got.Edges) != 1 {
		t.Errorf("%+v", got)
	}
}

// Two edges with one name are two: one of them does not speak for the other.
func TestOneNameTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second := controlplane.EdgeKey{Node: "a", Instance: "1"}, controlplane.EdgeKey{Node: "a", Instance: "2"}
	defer r.connect(first).Close()
	defer r.connect(second).Close()
	p := r.ban()
	w := r.wait(p, "all")
	r.report(first, p)
	r.report(first, p)
	if !w.waits() {
		t.Fatal("one counted as two")
	}
	r.report(second, p)
	if got := w.end(t); got.Confirmed != 2 {
		t.Errorf("%+v", got)
	}
	if _, others, err := r.Edge(t.Context(), controlplane.EdgeKey{Node: "a"}); err != nil || len(others) != 1 {
		t.Errorf("%v, %v", others, err)
	}
}

// One that leaves while it is waited for no longer counts, and is named.
func TestLeaveDuringAWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	r.connect(edge("b")).Close()
	p := r.ban()
	w := r.wait(p, "all")
	r.report(edge("a"), p)
	if err := r.Leave(t.Context(), edge("b"), Report{}); err != nil {
		t.Fatal(err)
	}
	got := w.end(t)
	if !got.Reached || !cmp.Equal([]string{"a confirmed", "b gone"}, got.standings()) {
		t.Errorf("%+v", got)
	}
	if alone := r.wait(p, "all"); len(alone.end(t).Edges) != 1 {
		t.Errorf("%+v", alone.outcome)
	}
}

// Nobody to wait for is no success, unless that is asked for; also where all leave.
func TestNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.ban()
	for _, quorum := range []string{"all", "live", "1", "10%"} {
		if got := r.wait(p, quorum).end(t); got.Reached || len(got.Edges) != 0 {
			t.Errorf("%s: %+v", quorum, got)
		}
		got := r.waitFor(WaitRequest{At: wire.Cursor{Position: p}, Quorum: parse(t, quorum), Timeout: time.Hour, AllowNone: true}).end(t)
		if !got.Reached {
			t.Errorf("%s, allowed: %+v", quorum, got)
		}
	}
	r.connect(edge("a")).Close()
	w := r.wait(p, "all")
	if err := r.Leave(t.Context(), edge("a"), Report{}); err != nil {
		t.Fatal(err)
	}
	if got := w.end(t); got.Reached || !cmp.Equal([]string{"a gone"}, got.standings()) {
		t.Errorf("%+v", got)
	}
}

// An edge that loses what it had confirmed, as by an older data dir, is waited for again.
func TestConfirmationTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	defer r.connect(edge("b")).Close()
	p := r.ban()
	w := r.wait(p, "all")
	r.report(edge("a"), p)
	r.report(edge("a"), p-1)
	r.report(edge("b"), p)
	if !w.waits() {
		t.Fatal("a does not have it")
	}
	r.report(edge("a"), p)
	w.end(t)
}

// A position of another log says nothing, however high it is.
func TestAnotherLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	p := r.ban()
	w := r.wait(p, "all")
	if _, err := r.Report(t.Context(), edge("a"), Report{At: wire.Cursor{Epoch: "other", Position: p + 100}}); err != nil {
		t.Fatal(err)
	}
	if !w.waits() {
		t.Fatal("confirmed by a position of another log")
	}
	if e, _, err := r.Edge(t.Context(), edge("a")); err != nil || e.Level || e.Behind != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	r.report(edge("a"), p)
	w.end(t)
}

func TestWaitRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	p := r.ban()
	for reason, request := range map[string]WaitRequest{
		controlplane.ReasonAnotherEpoch:   {At: wire.Cursor{Epoch: "other", Position: p}},
		controlplane.ReasonPositionAhead:  {At: wire.Cursor{Position: p + 1}},
		controlplane.ReasonQuorumTooLarge: {At: wire.Cursor{Position: p}, Quorum: parse(t, "2")},
	} {
		_, err := r.Wait(t.Context(), request)
		if refusal, ok := errors.AsType[*controlplane.Error](err); !ok || refusal.Reason != reason {
			t.Errorf("%s: %v", reason, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(ctx, WaitRequest{At: wire.Cursor{Position: p}, Timeout: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Waits end when the control plane does, and leave nothing behind.
func TestWaitEndsWithTheControlPlane(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	w := r.wait(r.ban(), "all")
	cancel()
	<-w.done
	if refusal, ok := errors.AsType[*controlplane.Error](w.err); !ok || refusal.Kind != controlplane.Unavailable {
		t.Errorf("%v", w.err)
	}
	if err := <-ran; err != nil || r.waitsUnderWay() != 0 {
		t.Errorf("%v, %d waits", err, r.waitsUnderWay())
	}
}

// An edge is asked for what somebody waits for and it does not have, and for nothing
// else.
func TestAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.connect(edge("a")), r.connect(edge("b"))
	defer a.Close()
	defer b.Close()
	p := r.ban()
	position, within, changed := a.Asked()
	if position != 0 || within != 0 {
		t.Errorf("asked for %d within %v though nobody waits", position, within)
	}
	w := r.wait(p, "all")
	<-changed
	for _, s := range []*Stream{a, b} {
		if position, within, _ := s.Asked(); position != p || within != 0 {
			t.Errorf("asked for %d within %v", position, within)
		}
	}
	r.report(edge("a"), p)
	if position, _, _ := a.Asked(); position != 0 {
		t.Errorf("asked for %d again", position)
	}
	r.report(edge("b"), p)
	w.end(t)
	for range promptFleet {
		r.report(edge(fmt.Sprint(r.clock.Now().UnixNano())), 0)
		r.clock.advance(1)
	}
	r.wait(r.ban(), "all")
	if _, within, _ := a.Asked(); within != (promptFleet+2)*promptGap {
		t.Errorf("a large fleet is asked within %v", within)
	}
}

// TestInterval grows with the fleet, so that its reports stay few.
func TestInterval(t *testing.T) {
	t.Parallel()
	f := New(Config{}, nil, nil)
	for n := range 10_000 {
		key := edge(strconv.Itoa(n))
		f.members[key] = &member{key: key}
		want, counts := map[int]time.Duration{1: 5 * time.Second, 250: 5 * time.Second, 1000: 20 * time.Second, 10_000: 200 * time.Second}[n+1]
		if got := f.interval(); counts && got != want {
			t.Errorf("%d edges report every %s, not %s", n+1, got, want)
		}
	}
}

// An edge that comes back with less than it reported, as with an older copy of its data
// dir, is waited for from its first word on.
func TestOlderDataDir(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before, p := r.ban(), r.ban()
	r.report(edge("a"), p)
	early := r.wait(p, "all")
	early.end(t)
	for name, at := range map[string]wire.Cursor{
		"an older copy": r.at(before).At, "another log": {Epoch: "other", Position: p}, "an empty one": {},
	} {
		stream := r.Connected(t.Context(), edge("a"), at)
		w := r.wait(p, "all")
		if !w.waits() {
			t.Errorf("%s: %+v", name, w.outcome)
		}
		r.report(edge("a"), p)
		w.end(t)
		stream.Close()
	}
}

// It is no longer counted by those who wait already, either.
func TestOlderDataDirDuringAWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before, p := r.ban(), r.ban()
	r.connect(edge("b")).Close()
	r.report(edge("a"), p)
	w := r.wait(p, "all")
	defer r.Connected(t.Context(), edge("a"), r.at(before).At).Close()
	r.report(edge("b"), p)
	if !w.waits() {
		t.Fatalf("%+v", w.outcome)
	}
	r.report(edge("a"), p)
	w.end(t)
}

// Nobody has in force what the log does not have: such a report says nothing of what the
// log gets later, also where it was made to a log that was replaced by an older copy.
func TestReportAheadOfTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.ban()
	for _, position := range []uint64{p + 2, math.MaxUint64} {
		_, err := r.Report(t.Context(), edge("a"), r.at(position))
		if refusal, ok := errors.AsType[*controlplane.Error](err); !ok || refusal.Reason != controlplane.ReasonPositionAhead {
			t.Errorf("%d: %v", position, err)
		}
	}
	r.report(edge("a"), p)
	r.mu.Lock()
	r.members[edge("a")].report.At.Position = 1000
	r.mu.Unlock()
	r.restart()
	if w := r.wait(r.ban(), "1"); !w.waits() {
		t.Errorf("%+v", w.outcome)
	}
	r.report(edge("a"), r.head)
}
