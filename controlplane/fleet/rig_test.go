package fleet

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/internal/wire"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// rig is a fleet on a real log.
type rig struct {
	t        testing.TB
	dir      string
	registry *prometheus.Registry
	forget   time.Duration
	log      *sqlite.Log
	roster   *sqlite.Log
	clock    *clock
	*Fleet
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, dir: t.TempDir(), clock: &clock{now: time.Unix(1_800_000_000, 0)}}
	r.open()
	t.Cleanup(func() { r.close() })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	r.log = r.openLog("log", func(units []controlplane.Unit) { r.Committed(units) })
	r.roster = r.openLog("roster", func(units []controlplane.Unit) { r.Enrolled(units) })
	r.registry = prometheus.NewPedanticRegistry()
	r.Fleet = New(Config{
		File: filepath.Join(r.dir, reportsFile), ForgetAfter: r.forget, Now: r.clock.Now, Registerer: r.registry,
	}, r.log, r.roster)
	if err := r.Load(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

const reportsFile = "reports.db"

func (r *rig) openLog(name string, committed func([]controlplane.Unit)) *sqlite.Log {
	r.t.Helper()
	dir := filepath.Join(r.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	log, err := sqlite.Open(context.Background(), sqlite.Config{Dir: dir, Now: r.clock.Now, Committed: committed})
	if err != nil {
		r.t.Fatal(err)
	}
	return log
}

func (r *rig) close() {
	r.t.Helper()
	if err := errors.Join(r.Close(), r.roster.Close(), r.log.Close()); err != nil {
		r.t.Error(err)
	}
}

// restart begins anew with what is on disk. A kill loses the reports since the last save.
func (r *rig) restart() {
	r.t.Helper()
	r.close()
	r.open()
}

// ban appends an event for edges, and gives its position.
func (r *rig) ban() uint64 {
	r.t.Helper()
	decide := controlplane.Invalidation{All: true, Tags: []string{}, Keys: []string{}}.Decide
	receipts, err := r.log.Append(r.t.Context(), decide, eventlog.Request{Principal: "test", RPC: "test", Detail: "{}"})
	if err != nil {
		r.t.Fatal(err)
	}
	return receipts[0].Position
}

func edge(node string) controlplane.EdgeKey {
	return controlplane.EdgeKey{Node: node, Instance: "i-" + node}
}

// report has an edge say that it has a position in force.
func (r *rig) report(key controlplane.EdgeKey, position uint64) {
	r.t.Helper()
	if _, err := r.Report(r.t.Context(), key, r.at(position)); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) at(position uint64) Report {
	return Report{At: wire.Cursor{Epoch: r.epoch, Position: position}, Age: -1}
}

// connect opens the stream of an edge that has what it last reported.
func (r *rig) connect(key controlplane.EdgeKey) *Stream {
	e, _, _ := r.Edge(r.t.Context(), key) // one that is not known has nothing
	return r.Connected(r.t.Context(), key, e.At)
}

// waiting is a wait under way.
type waiting struct {
	outcome Outcome
	err     error
	done    chan struct{}
}

// wait begins a wait that has no end of its own, and returns once it has begun or ended.
func (r *rig) wait(position uint64, quorum string) *waiting {
	r.t.Helper()
	return r.waitFor(WaitRequest{At: wire.Cursor{Position: position}, Quorum: parse(r.t, quorum), Timeout: time.Hour})
}

func (r *rig) waitFor(request WaitRequest) *waiting {
	r.t.Helper()
	w := &waiting{done: make(chan struct{})}
	before := r.waitsUnderWay()
	go func() {
		defer close(w.done)
		w.outcome, w.err = r.Wait(r.t.Context(), request)
	}()
	for r.waitsUnderWay() == before {
		select {
		case <-w.done:
			return w
		default:
		}
	}
	return w
}

func (r *rig) waitsUnderWay() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waits)
}

// end gives the outcome, which must come by itself.
func (w *waiting) end(t testing.TB) Outcome {
	t.Helper()
	select {
	case <-w.done:
	case <-time.After(patience):
		t.Fatal("the wait does not end")
	}
	if w.err != nil {
		t.Fatal(w.err)
	}
	return w.outcome
}

// waits tells that the wait has not ended.
func (w *waiting) waits() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

func parse(t testing.TB, quorum string) Quorum {
	t.Helper()
	q, err := ParseQuorum(quorum)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
