package wire

// Control frames. Except FramePosition they carry no id and never move a
// reader's position.
const (
	FrameConnected = "connected"
	FrameReset     = "reset"
	FrameSynced    = "synced"
	FrameGap       = "gap"
	FrameReport    = "report"
	FrameShutdown  = "shutdown"
	// FramePosition moves the position over events that this reader does not get.
	FramePosition = "position"
)

// Connected is the first frame of a stream.
type Connected struct {
	// ClientID names the connection in the server's logs.
	ClientID string `json:"client_id"`
	// Epoch and Head are the log's at that moment.
	Epoch string `json:"epoch"`
	Head  uint64 `json:"head,string"`
	// HeartbeatSeconds is the time between heartbeats. A reader that hears
	// nothing for a few of them should connect again.
	HeartbeatSeconds float64 `json:"heartbeat_seconds"`
	// Timestamp is the server's clock in Unix seconds.
	Timestamp int64 `json:"timestamp"`
}

// Reset says that what follows up to Synced is the whole live state.
type Reset struct {
	Reason string `json:"reason"`
}

// Synced ends every replay: the reader is at the head.
type Synced struct {
	Position uint64 `json:"position,string"`
}

// Gap says that moment events after From, up to and including To, are gone.
type Gap struct {
	From uint64 `json:"from,string"`
	To   uint64 `json:"to,string"`
}

// Report asks an edge to say at once when it has everything up to Position in force.
type Report struct {
	Position uint64 `json:"position,string"`
}

// Shutdown announces that the server is about to end the stream.
type Shutdown struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}
