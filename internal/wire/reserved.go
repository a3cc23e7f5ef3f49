package wire

// Reserved tells whether an application's own events cannot be of a type: the
// stream's own events and control frames are, what a heartbeat is called, and what
// a browser's EventSource makes events of by itself.
func Reserved(eventType string) bool {
	switch eventType {
	case TypeIPBanned, TypeIPUnbanned, TypeIPAllowed, TypeIPAllowRemoved, TypeTokenRevoked, TypeTokenRestored,
		TypeCacheInvalidated, TypePreloadHinted, TypeEdgeJoined, TypeEdgeLeft,
		FrameConnected, FrameReset, FrameSynced, FrameGap, FrameReport, FrameShutdown, FramePosition,
		"heartbeat", "message", "error", "open":
		return true
	}
	return false
}
