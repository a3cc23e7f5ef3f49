package report

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

// fakeEdge stands where a test puts it.
type fakeEdge struct {
	mu  sync.Mutex
	now Standing
}

func (e *fakeEdge) Standing() Standing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *fakeEdge) set(change func(*Standing)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.now)
}

// posted is a report as a control plane saw it.
type posted struct {
	message
	server     string
	begin, end time.Time
	err        error
}

// rig is a reporter in a bubble, and the control planes behind it.
type rig struct {
	*Reporter
	t    *testing.T
	edge *fakeEdge

	mu      sync.Mutex
	reports []posted
	flying  int
	// answer says what becomes of a report, and how long that takes.
	answer func(server string) (took, pace time.Duration, err error)
}

func newRig(t *testing.T, log *slog.Logger, servers ...string) *rig {
	t.Helper()
	cfg := Config{Node: "edge", Instance: "inst", Version: "v1", Start: time.Now(), Logger: log}
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, parse(t, s))
	}
	g := &rig{t: t, edge: new(fakeEdge)}
	g.answer = func(string) (took, pace time.Duration, err error) { return time.Millisecond, usualPace, nil }
	g.Reporter = New(cfg, g.edge)
	g.post = g.take
	return g
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// take is a control plane.
func (g *rig) take(ctx context.Context, server *url.URL, m message) (time.Duration, error) {
	g.mu.Lock()
	if g.flying++; g.flying > 1 {
		g.t.Error("two reports at once")
	}
	took, pace, err := g.answer(server.Host)
	g.mu.Unlock()
	p := posted{message: m, server: server.Host, begin: time.Now(), err: err}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		p.err = ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	p.end = time.Now()
	g.reports = append(g.reports, p)
	return pace, p.err
}

func (g *rig) seen() []posted {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]posted(nil), g.reports...)
}

func (g *rig) count() int { return len(g.seen()) }

func (g *rig) last() posted {
	g.t.Helper()
	all := g.seen()
	if len(all) == 0 {
		g.t.Fatal("nothing was reported")
	}
	return all[len(all)-1]
}

// answers says what becomes of the reports from now on.
func (g *rig) answers(answer func(server string) (took, pace time.Duration, err error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

func (g *rig) fails(err error) {
	g.answers(func(string) (time.Duration, time.Duration, error) { return time.Millisecond, usualPace, err })
}

// start runs the reporter until stop.
func (g *rig) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := g.Run(ctx); err != nil {
			g.t.Error(err)
		}
	})
	return func() {
		cancel()
		run.Wait()
	}
}

// moves puts a position in force.
func (g *rig) moves(epoch string, position uint64) {
	g.edge.set(func(s *Standing) {
		s.InForce, s.Since = wire.Cursor{Epoch: epoch, Position: position}, time.Now()
	})
	g.Moved()
}

func at(position uint64) wire.Cursor { return wireAt("e1", position) }

func wireAt(epoch string, position uint64) wire.Cursor {
	return wire.Cursor{Epoch: epoch, Position: position}
}
