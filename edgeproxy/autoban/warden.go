package autoban

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxQueued bounds the bans that wait to be written, and so their memory: about half
	// a megabyte. A client for whom there is no room has to fail as often again.
	maxQueued = 4096
	// maxBatch bounds how many are written together, and so how long the state file is
	// held up.
	maxBatch = 256
	// writePause keeps a state file that cannot be written, as on a full disk, from
	// being tried all the time.
	writePause = time.Second
	// sweepEvery is how often clients that stopped failing are forgotten.
	sweepEvery = time.Minute
)

// Bans is the deny list as a warden needs it.
type Bans interface {
	// Ban puts bans of the edge's own in force, all or none, until their End, and
	// returns when they are. It changes no ban that somebody else made.
	Ban(ctx context.Context, bans []Ban) error
	// Lift takes the edge's own ban of prefix back.
	Lift(ctx context.Context, prefix netip.Prefix) error
	// Banned tells whether addr is refused at present.
	Banned(addr netip.Addr) (bool, error)
	// Own tells whether a ban of the edge's own, of exactly prefix, is in force.
	Own(prefix netip.Prefix) (bool, error)
	// Recorded tells whether a ban in the log covers prefix, so that every edge has it.
	Recorded(prefix netip.Prefix) (bool, error)
	// Exempt tells whether there is to be no automatic ban of the client at addr, or
	// none of prefix, which stands for it: an allow entry covers the client, or the
	// prefix has a trusted proxy in it.
	Exempt(addr netip.Addr, prefix netip.Prefix) (bool, error)
}

// Deps is what a warden works with.
type Deps struct {
	Bans Bans
	// Now is a clock; see NewCounter.
	Now    func() time.Time
	Logger *slog.Logger

	// For ScopeFleet: the control planes' base URLs, tried in turn, with the client to
	// ask them with, and the name of the edge's state file.
	Servers  []*url.URL
	Client   *http.Client
	Instance string
}

// Stats count since the start.
type Stats struct {
	// Banned is the bans put in force, Exempt those that were not made of an allowed
	// client or a trusted proxy, and Dropped those for which there was no room or that
	// could not be written.
	Banned, Exempt, Dropped uint64
	// Reported is the bans that the control plane took, ReportsDropped those that it
	// refused, for which there was no room, or that ended or were lifted before it could
	// be reached.
	Reported, ReportsDropped uint64
	// Tracked is the clients of whom failures or bans are remembered now.
	Tracked int
}

// Warden bans clients that fail too often. Failed and Answered only count, and leave
// what takes time to Run.
type Warden struct {
	bans     Bans
	now      func() time.Time
	log      *slog.Logger
	counter  *Counter  // nil where switched off
	reporter *reporter // nil unless the scope is the fleet
	statuses map[int]bool
	queue    chan Ban

	banned, exempt, dropped atomic.Uint64
}

// New makes a warden. The error says what is wrong with the configuration.
func New(cfg Config, deps Deps) (*Warden, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	w := &Warden{bans: deps.Bans, now: deps.Now, log: deps.Logger}
	if cfg.Failures == 0 {
		return w, nil
	}
	w.counter = NewCounter(cfg, deps.Now)
	w.queue = make(chan Ban, maxQueued)
	w.statuses = make(map[int]bool, len(cfg.Statuses))
	for _, status := range cfg.Statuses {
		w.statuses[status] = true
	}
	if cfg.Scope == ScopeFleet {
		if len(deps.Servers) == 0 {
			return nil, errors.New("scope: there is no control plane to report to")
		}
		w.reporter = newReporter(deps)
	}
	return w, nil
}

// Failed counts a failure of the client at addr.
func (w *Warden) Failed(addr netip.Addr) {
	if w.counter == nil {
		return
	}
	ban, due := w.counter.Failure(addr)
	if !due {
		return
	}
	select {
	case w.queue <- ban:
	default:
		w.drop(ban)
	}
}

// Answered counts a failure of the client at addr if the status of the answer that it
// got is one of those configured.
func (w *Warden) Answered(addr netip.Addr, status int) {
	if w.statuses[status] {
		w.Failed(addr)
	}
}

// Stats gives the present counts.
func (w *Warden) Stats() Stats {
	s := Stats{Banned: w.banned.Load(), Exempt: w.exempt.Load(), Dropped: w.dropped.Load()}
	if w.counter != nil {
		s.Tracked = w.counter.Tracked()
	}
	if w.reporter != nil {
		s.Reported, s.ReportsDropped = w.reporter.reported.Load(), w.reporter.dropped.Load()
	}
	return s
}

// Run bans and reports until ctx is done, and returns nil. What waits then is
// forgotten.
func (w *Warden) Run(ctx context.Context) error {
	if w.counter == nil {
		return nil
	}
	var all sync.WaitGroup
	all.Go(func() { w.sweep(ctx) })
	if w.reporter != nil {
		all.Go(func() { w.reporter.run(ctx) })
	}
	for ctx.Err() == nil {
		if err := w.enforce(ctx); err != nil {
			w.log.Error("clients could not be banned", "error", err)
			pause(ctx, writePause)
		}
	}
	all.Wait()
	return nil
}

func (w *Warden) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.counter.Sweep()
		}
	}
}

// drop forgets a ban that was not made: the client has to fail as often again.
func (w *Warden) drop(ban Ban) {
	w.dropped.Add(1)
	w.counter.Settle(ban, false)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
