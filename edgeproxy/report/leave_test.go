package report

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An edge that stops says so once, after its last report, whether or not it made one.
func TestLeave(t *testing.T) {
	t.Parallel()
	for _, ran := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, slog.New(slog.DiscardHandler), "http://a", "http://b")
			g.moves("e1", 7)
			stop := g.start()
			wait(ran)
			stop()
			before := g.count()
			g.Leave(t.Context())
			all := g.seen()
			for i, p := range all {
				if p.Leaving != (i == before) || p.Sequence != uint64(i+1) {
					t.Errorf("report %d of %d: %+v", i, before, p)
				}
			}
			if p := g.last(); len(all) != before+1 || p.Epoch != "e1" || p.Position != 7 || p.server != "a" {
				t.Errorf("%d reports after the end; the last %+v", len(all)-before, p)
			}
		})
	}
}

// A stop does not wait for long, and each control plane has its chance.
func TestLeaveIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, slog.New(slog.DiscardHandler), "http://a", "http://b", "http://c")
		g.answers(func(string) (took, pace time.Duration, err error) { return time.Hour, 0, nil })
		begun := time.Now()
		g.Leave(t.Context())
		var tried string
		for _, p := range g.seen() {
			tried += p.server
		}
		if took := time.Since(begun); took > 2*time.Second || tried != "abc" {
			t.Errorf("took %s, tried %s", took, tried)
		}
	})
}

// A report under way is given up when the edge stops, and none is begun.
func TestStopDuringReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, slog.New(slog.DiscardHandler), "http://a", "http://b")
		g.answers(func(string) (took, pace time.Duration, err error) { return time.Hour, 0, nil })
		stop := g.start()
		g.Levelled(at(0))
		wait(time.Second)
		begun := time.Now()
		stop()
		if time.Since(begun) > 0 || g.count() != 1 || g.last().err != context.Canceled {
			t.Errorf("took %s, %d reports", time.Since(begun), g.count())
		}
		if stats := g.Stats(); stats.Tries != (Stats{}).Tries {
			t.Errorf("what was given up counts: %v", stats.Tries)
		}
	})
}

// That nobody heard of it is worth a line, unless nobody listens for it.
func TestLeaveUnheard(t *testing.T) {
	t.Parallel()
	var got []string
	for _, err := range []error{nil, errDown, fmt.Errorf("%w: it answers 404", errUnsupported)} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			g := newRig(t, slog.New(slog.NewTextHandler(&out, nil)), "http://a")
			g.fails(err)
			g.Leave(t.Context())
			got = append(got, fmt.Sprint(strings.Contains(out.String(), "level=WARN"), g.Stats().Tries))
		})
	}
	if diff := cmp.Diff([]string{"false [1 0 0]", "true [0 1 0]", "false [0 0 1]"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
