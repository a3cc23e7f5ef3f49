package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ringcast/ringcast/internal/sse"
)

// AppendEvent appends an event's frame. A zero id leaves the id out: the event
// then belongs, with the next id, to one unit.
func AppendEvent(dst []byte, id Cursor, eventType string, data []byte) ([]byte, error) {
	frame := sse.Frame{Type: eventType, Data: data}
	if id != (Cursor{}) {
		frame.ID = id.String()
	}
	return sse.AppendFrame(dst, frame)
}

// AppendPosition appends the block that moves a reader's position over events
// that it does not get. It has data, since a block without is not dispatched
// and Firefox ignores its id.
func AppendPosition(dst []byte, id Cursor) []byte {
	return mustAppend(dst, sse.Frame{ID: id.String(), Type: FramePosition, Data: []byte("{}")})
}

// AppendConnected appends the first frame of a stream. retry is the time after
// which a reader that lost the stream should come back.
func AppendConnected(dst []byte, c Connected, retry time.Duration) []byte {
	return mustAppend(dst, sse.Frame{Type: FrameConnected, Retry: retry, Data: mustMarshal(c)})
}

// AppendReset appends a reset.
func AppendReset(dst []byte, r Reset) []byte {
	return mustAppend(dst, sse.Frame{Type: FrameReset, Data: mustMarshal(r)})
}

// AppendSynced appends the end of a replay.
func AppendSynced(dst []byte, s Synced) []byte {
	return mustAppend(dst, sse.Frame{Type: FrameSynced, Data: mustMarshal(s)})
}

// AppendGap appends a gap.
func AppendGap(dst []byte, g Gap) []byte {
	return mustAppend(dst, sse.Frame{Type: FrameGap, Data: mustMarshal(g)})
}

// AppendReport appends a question for a report.
func AppendReport(dst []byte, r Report) []byte {
	return mustAppend(dst, sse.Frame{Type: FrameReport, Data: mustMarshal(r)})
}

// AppendShutdown appends the announcement of the stream's end.
func AppendShutdown(dst []byte, s Shutdown) []byte {
	return mustAppend(dst, sse.Frame{Type: FrameShutdown, Data: mustMarshal(s)})
}

// heartbeatPrefix begins a heartbeat comment.
const heartbeatPrefix = "heartbeat "

// AppendHeartbeat appends the comment that says how long ago the log last
// vouched for the stream; an age below 0 counts as 0.
func AppendHeartbeat(dst []byte, age time.Duration) []byte {
	out, err := sse.AppendComment(dst, fmt.Sprintf("%s%d", heartbeatPrefix, max(int64(age/time.Second), 0)))
	if err != nil {
		panic(fmt.Sprintf("wire: %v", err))
	}
	return out
}

// ParseHeartbeat reads the text of a comment; ok is false for any other.
func ParseHeartbeat(comment string) (age time.Duration, ok bool) {
	digits, ok := strings.CutPrefix(comment, heartbeatPrefix)
	if !ok {
		return 0, false
	}
	// 32 bits of seconds fit a Duration.
	seconds, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

// mustAppend is for frames made of the program's own text, which cannot break
// their bounds.
func mustAppend(dst []byte, f sse.Frame) []byte {
	out, err := sse.AppendFrame(dst, f)
	if err != nil {
		panic(fmt.Sprintf("wire: append %s: %v", f.Type, err))
	}
	return out
}

func mustMarshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", v, err))
	}
	return data
}
