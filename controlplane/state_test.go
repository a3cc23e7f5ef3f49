package controlplane_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// noon is a whole second, as all times in a log are.
var noon = time.Unix(1_800_000_000, 0)

// state is the head of a log, in memory.
type state struct {
	now    time.Time
	latest map[string]controlplane.Event
	err    error
	// repeated are the indices of requests that are repeats.
	repeated map[int]bool
}

func newState() *state { return &state{now: noon, latest: map[string]controlplane.Event{}} }

func (s *state) Now() time.Time { return s.now }

func (s *state) Repeated(request int) bool { return s.repeated[request] }

func (s *state) Latest(entity string) (controlplane.Event, bool, error) {
	e, ok := s.latest[entity]
	return e, ok, s.err
}

func (s *state) Any(prefix string) (bool, error) {
	for entity := range s.latest {
		if strings.HasPrefix(entity, prefix) {
			return true, s.err
		}
	}
	return false, s.err
}

// tb is a *testing.T or a *rapid.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// apply decides and makes the event the latest of its entities. It holds what
// every decision has to do.
func (s *state) apply(t tb, decide controlplane.Decision) controlplane.Event {
	t.Helper()
	events, err := decide(s)
	if err != nil || len(events) != 1 {
		t.Fatalf("decided %d events: %v", len(events), err)
	}
	e := events[0]
	if e.Position != 0 || !e.Time.Equal(s.now) || e.Audience != controlplane.Everyone {
		t.Errorf("position %d, time %v, audience %b; want the log's, %v, everyone", e.Position, e.Time, e.Audience, s.now)
	}
	for _, entity := range e.Entities {
		s.latest[entity] = e
	}
	return e
}

// decode gives the event's data as its type's struct.
func decode[T any](t tb, e controlplane.Event) T {
	t.Helper()
	event, err := wire.Decode(e.Type, e.Data)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	v, ok := event.(*T)
	if !ok {
		t.Fatalf("%s is a %T", e.Type, event)
	}
	return *v
}

func expectData(t *testing.T, e controlplane.Event, want string) {
	t.Helper()
	var got, expected any
	if err := json.Unmarshal(e.Data, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func prefix(t tb, text string) netip.Prefix {
	t.Helper()
	p, err := wire.ParsePrefix(text)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

func TestLive(t *testing.T) {
	t.Parallel()
	entities := []string{"ban/1.2.3.4"}
	for name, row := range map[string]struct {
		event        controlplane.Event
		live, moment bool
	}{
		"without an end":     {controlplane.Event{Entities: entities}, true, false},
		"before its end":     {controlplane.Event{Entities: entities, ExpiresAt: noon.Add(time.Second)}, true, false},
		"at its end":         {controlplane.Event{Entities: entities, ExpiresAt: noon}, false, false},
		"after its end":      {controlplane.Event{Entities: entities, ExpiresAt: noon.Add(-time.Second)}, false, false},
		"absence":            {controlplane.Event{Entities: entities, Tombstone: true}, false, false},
		"moment":             {controlplane.Event{}, false, true},
		"moment with an end": {controlplane.Event{ExpiresAt: noon.Add(time.Hour)}, false, true},
	} {
		if got := row.event.Live(noon); got != row.live {
			t.Errorf("%s: live %t", name, got)
		}
		if got := row.event.Moment(); got != row.moment {
			t.Errorf("%s: moment %t", name, got)
		}
	}
}
