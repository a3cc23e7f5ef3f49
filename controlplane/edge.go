package controlplane

import (
	"net/url"
	"strings"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// EdgePrefix begins the entities of all edges of the fleet.
const EdgePrefix = "edge/"

// RememberForgotten is how long it is told that an edge was forgotten although nobody
// said that it had stopped.
const RememberForgotten = 7 * 24 * time.Hour

// EdgeKey names an edge: a process with a data dir.
type EdgeKey struct {
	// Node is the name that its operator gave it.
	Node string
	// Instance is its data dir's name. Edges with one Node are told apart by it.
	Instance string
}

// EdgeEntity names the entity of an edge's membership.
func EdgeEntity(k EdgeKey) string {
	return EdgePrefix + url.PathEscape(k.Node) + "/" + url.PathEscape(k.Instance)
}

// Less orders edges by node, and then by instance.
func (k EdgeKey) Less(other EdgeKey) bool {
	if k.Node != other.Node {
		return k.Node < other.Node
	}
	return k.Instance < other.Instance
}

// String gives the name, and the instance where there is one.
func (k EdgeKey) String() string {
	return strings.TrimSuffix(k.Node+"/"+k.Instance, "/")
}

// Join records that an edge belongs to the fleet.
type Join struct {
	Edge EdgeKey
	// Log is the end of the log: the edge is not among those that were forgotten up to
	// there.
	Log wire.Cursor
}

// Decide implements Decision.
func (j Join) Decide(s State) ([]Event, error) {
	now := s.Now()
	events := state(now, time.Time{}, &wire.EdgeJoined{
		NodeID: j.Edge.Node, Instance: j.Edge.Instance, Epoch: j.Log.Epoch, Head: j.Log.Position, Timestamp: now.Unix(),
	}, EdgeEntity(j.Edge))
	return among(events), nil
}

// Leave records that an edge no longer belongs to the fleet.
type Leave struct {
	// Edges are at least one, each once.
	Edges []EdgeKey
	// Reason is one of wire's reasons.
	Reason string
}

// Decide implements Decision. That an edge was given up because nobody heard of it is
// told for a while; see RememberForgotten.
func (l Leave) Decide(s State) ([]Event, error) {
	var events []Event
	for _, edge := range l.Edges {
		now := s.Now()
		left := &wire.EdgeLeft{NodeID: edge.Node, Instance: edge.Instance, Reason: l.Reason, Timestamp: now.Unix()}
		if l.Reason == wire.LeftUnheard {
			events = append(events, state(now, expiry(now, RememberForgotten), left, EdgeEntity(edge))...)
		} else {
			events = append(events, tombstone(now, left, EdgeEntity(edge))...)
		}
	}
	return among(events), nil
}

// among keeps events of the fleet among control planes: edges and subscribers have no
// use for them.
func among(events []Event) []Event {
	for i := range events {
		events[i].Audience = ControlPlanes
	}
	return events
}
