// Package wire is the hand-written contract between the control plane, its
// edges and everybody else who reads the stream: paths, headers, cursors, event
// types with their JSON, and the layout of a unit in frames. Both planes import
// it, and neither imports the other.
//
// docs/protocol.md describes the same contract for those who write a client.
package wire

// Paths and headers of the stream.
const (
	// EventsPath is where the stream is served.
	EventsPath = "/events"
	// LastEventIDHeader carries the reader's cursor (WHATWG HTML, section 9.2.4).
	LastEventIDHeader = "Last-Event-ID"
	// StreamMediaType is the media type of the stream.
	StreamMediaType = "text/event-stream"
)

// Query parameters of the stream.
const (
	// QueryLastEventID stands in for LastEventIDHeader, which wins.
	QueryLastEventID = "last_event_id"
	// QueryFollow is "false" for a reader that wants the stream to end at the head.
	QueryFollow = "follow"
	// QueryTypes, QueryChannels and QueryTags name what a subscriber wants to hear.
	QueryTypes    = "types"
	QueryChannels = "channels"
	QueryTags     = "tags"
	// QueryNode names the edge that reads.
	QueryNode = "node"
	// QueryInstance names the data directory of the edge that reads.
	QueryInstance = "instance"
	// Latest as a last event id asks for the stream from now on.
	Latest = "latest"
)
