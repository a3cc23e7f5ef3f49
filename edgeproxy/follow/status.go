package follow

import (
	"maps"
	"net/url"
	"sync"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// maxUnknownTypes bounds the unknown event types that are counted apart.
const maxUnknownTypes = 32

// Status is how an edge stands with the stream.
type Status struct {
	// Server is the control plane of the open stream; empty: none is open.
	Server string
	// Silence is for how long the open stream may say nothing; 0 until it has told.
	Silence time.Duration
	// Synced says that the open stream has got level.
	Synced bool
	// Levelled says that a stream has got level since the start.
	Levelled bool
	// Vouched is the latest moment for which the log is known to have had nothing
	// that is not in force here, this run of the edge or the one before. Zero: never.
	Vouched time.Time
	// Alarm is why the position stands still: an event that cannot be put in force,
	// or a state file that cannot be written.
	Alarm error
	// Applied counts events put in force or aside, Resets whole states, and Connects
	// streams, since the start.
	Applied, Resets, Connects uint64
	// Unknown counts events of types that this version does not know.
	Unknown map[string]uint64
}

type status struct {
	mu  sync.Mutex
	now Status // guarded by mu
}

// Status returns a snapshot.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	snapshot := f.now
	snapshot.Unknown = maps.Clone(f.now.Unknown)
	return snapshot
}

func (f *Follower) update(change func(*Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.now)
}

func (f *Follower) connected(server *url.URL) {
	f.cfg.Logger.Info("stream open", "server", server.Redacted())
	f.update(func(s *Status) {
		s.Server = server.Redacted()
		s.Connects++
	})
}

func (f *Follower) disconnected() {
	f.update(func(s *Status) { s.Server, s.Silence, s.Synced = "", 0, false })
}

func (f *Follower) expect(silence time.Duration) {
	f.update(func(s *Status) { s.Silence = silence })
}

func (f *Follower) resetting(reason string) {
	f.cfg.Logger.Info("whole state follows", "reason", reason)
	f.update(func(s *Status) {
		s.Synced = false
		s.Resets++
	})
}

func (f *Follower) level(at wire.Cursor, vouched time.Time) {
	f.cfg.Logger.Info("level with the log", "position", at.String())
	f.update(func(s *Status) {
		s.Synced, s.Levelled, s.Alarm, s.Vouched = true, true, nil, vouched
	})
}

func (f *Follower) vouched(at time.Time) {
	f.update(func(s *Status) { s.Vouched = at })
}

func (f *Follower) countApplied(events uint64) {
	f.update(func(s *Status) { s.Applied += events })
}

func (f *Follower) raise(err error) {
	f.cfg.Logger.Error("the position stands still", "error", err)
	f.update(func(s *Status) { s.Alarm = err })
}

func (f *Follower) countUnknown(eventType string) {
	f.update(func(s *Status) {
		if s.Unknown == nil {
			s.Unknown = map[string]uint64{}
		}
		if _, known := s.Unknown[eventType]; !known && len(s.Unknown) >= maxUnknownTypes {
			eventType = "other"
		}
		s.Unknown[eventType]++
	})
}
