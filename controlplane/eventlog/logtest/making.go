package logtest

import (
	"slices"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// unit decides for events as they are, at the time of the decision.
func unit(events ...controlplane.Event) controlplane.Decision {
	return func(s controlplane.State) ([]controlplane.Event, error) {
		out := slices.Clone(events)
		for i := range out {
			out[i].Time = s.Now().Truncate(time.Second)
		}
		return out, nil
	}
}

// present is a state event without an end.
func present(entities ...string) controlplane.Event {
	return controlplane.Event{Type: "present", Data: []byte(`{}`), Entities: entities, Audience: controlplane.Everyone}
}

// until is a state event that ends.
func until(end time.Time, entities ...string) controlplane.Event {
	e := present(entities...)
	e.ExpiresAt = end.Truncate(time.Second)
	return e
}

// absent is a tombstone.
func absent(entities ...string) controlplane.Event {
	return controlplane.Event{Type: "absent", Data: []byte(`{}`), Entities: entities, Tombstone: true, Audience: controlplane.Everyone}
}

func moment(data string) controlplane.Event {
	return controlplane.Event{Type: "moment", Data: []byte(data), Audience: controlplane.Everyone}
}

func moments(n int) []controlplane.Event {
	return slices.Repeat([]controlplane.Event{moment("m")}, n)
}

// request is one whose content is the same for the same id.
func request(id string) eventlog.Request {
	r := eventlog.Request{Principal: "alice", Address: "192.0.2.1", RPC: "/logtest/Append", ID: id, Detail: `{}`}
	copy(r.Digest[:], id)
	return r
}

// by gives a request to another principal.
func by(principal string, r eventlog.Request) eventlog.Request {
	r.Principal = principal
	return r
}

// differing gives a request another content.
func differing(r eventlog.Request) eventlog.Request {
	r.Digest[len(r.Digest)-1]++
	return r
}

// first and repeated are the receipts that a request gets.
func (s *subject) first(position uint64) eventlog.Receipt {
	s.t.Helper()
	return eventlog.Receipt{Epoch: s.head().Epoch, Position: position}
}

func (s *subject) repeated(position uint64) eventlog.Receipt {
	s.t.Helper()
	return eventlog.Receipt{Epoch: s.head().Epoch, Position: position, Repeated: true}
}
