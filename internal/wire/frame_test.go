package wire_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

var at = wire.Cursor{Epoch: "7f3a9c", Position: 42}

// TestFrames holds every frame to the contract's bytes.
func TestFrames(t *testing.T) {
	t.Parallel()
	const head = math.MaxUint64 // more than a JSON number holds
	for name, row := range map[string]struct{ got, want string }{
		"event with id": {
			eventFrame(t, at, "ip_banned", `{"ip":"1.2.3.4","reason":"abuse","timestamp":1763719200}`),
			"id: 7f3a9c-42\nevent: ip_banned\ndata: {\"ip\":\"1.2.3.4\",\"reason\":\"abuse\",\"timestamp\":1763719200}\n\n",
		},
		"event inside a unit": {
			eventFrame(t, wire.Cursor{}, "ip_unbanned", `{"ip":"::1"}`),
			"event: ip_unbanned\ndata: {\"ip\":\"::1\"}\n\n",
		},
		"event at position 0": {
			eventFrame(t, wire.Cursor{Epoch: "a"}, "ip_unbanned", `{}`),
			"id: a-0\nevent: ip_unbanned\ndata: {}\n\n",
		},
		"position": {
			string(wire.AppendPosition(nil, at)),
			"id: 7f3a9c-42\nevent: position\ndata: {}\n\n",
		},
		"connected": {
			string(wire.AppendConnected(nil, wire.Connected{
				ClientID: "c1", Epoch: "7f3a9c", Head: head, HeartbeatSeconds: 15, Timestamp: 1763719200,
			}, 1500*time.Millisecond)),
			"event: connected\nretry: 1500\n" +
				`data: {"client_id":"c1","epoch":"7f3a9c","head":"18446744073709551615","heartbeat_seconds":15,"timestamp":1763719200}` + "\n\n",
		},
		"connected with a fast heart": {
			string(wire.AppendConnected(nil, wire.Connected{HeartbeatSeconds: 0.1}, time.Second)),
			"event: connected\nretry: 1000\n" +
				`data: {"client_id":"","epoch":"","head":"0","heartbeat_seconds":0.1,"timestamp":0}` + "\n\n",
		},
		"reset": {
			string(wire.AppendReset(nil, wire.Reset{Reason: "another log"})),
			"event: reset\ndata: {\"reason\":\"another log\"}\n\n",
		},
		"synced": {
			string(wire.AppendSynced(nil, wire.Synced{Position: head})),
			"event: synced\ndata: {\"position\":\"18446744073709551615\"}\n\n",
		},
		"gap": {
			string(wire.AppendGap(nil, wire.Gap{From: 3, To: head})),
			"event: gap\ndata: {\"from\":\"3\",\"to\":\"18446744073709551615\"}\n\n",
		},
		"report": {
			string(wire.AppendReport(nil, wire.Report{Position: head})),
			"event: report\ndata: {\"position\":\"18446744073709551615\"}\n\n",
		},
		"shutdown": {
			string(wire.AppendShutdown(nil, wire.Shutdown{Reason: "draining", Message: "come\nback"})),
			"event: shutdown\ndata: {\"reason\":\"draining\",\"message\":\"come\\nback\"}\n\n",
		},
		"heartbeat":         {string(wire.AppendHeartbeat(nil, 0)), ": heartbeat 0\n\n"},
		"heartbeat, rounds": {string(wire.AppendHeartbeat(nil, 89*time.Second+999*time.Millisecond)), ": heartbeat 89\n\n"},
	} {
		if diff := cmp.Diff(row.want, row.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func eventFrame(t *testing.T, id wire.Cursor, eventType, data string) string {
	t.Helper()
	frame, err := wire.AppendEvent(nil, id, eventType, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return string(frame)
}

// TestFramesFollowOneAnother wants each to be appended to what is there, and a
// reader to see them all.
func TestFramesFollowOneAnother(t *testing.T) {
	t.Parallel()
	stream := wire.AppendConnected(nil, wire.Connected{Epoch: at.Epoch}, time.Second)
	stream = wire.AppendHeartbeat(stream, 7*time.Second)
	stream = wire.AppendReset(stream, wire.Reset{})
	stream, err := wire.AppendEvent(stream, wire.Cursor{}, wire.TypeIPBanned, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	stream = wire.AppendPosition(stream, at)
	stream = wire.AppendSynced(stream, wire.Synced{})
	stream = wire.AppendGap(stream, wire.Gap{})
	stream = wire.AppendReport(stream, wire.Report{})
	stream = wire.AppendShutdown(stream, wire.Shutdown{})
	var got []string
	comment := func(text []byte) {
		age, ok := wire.ParseHeartbeat(string(text))
		if !ok {
			t.Errorf("comment %q is no heartbeat", text)
		}
		got = append(got, age.String())
	}
	parser := sse.NewParser(bytes.NewReader(stream), sse.Options{OnComment: comment})
	for {
		event, err := parser.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		id := ""
		if event.HasID {
			id = " " + event.ID
		}
		got = append(got, event.Type+id)
	}
	want := []string{"connected", "7s", "reset", "ip_banned", "position 7f3a9c-42", "synced", "gap", "report", "shutdown"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAppendEventRefuses wants nothing to be left behind by what cannot be sent.
func TestAppendEventRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ eventType, data string }{
		"line break in the type": {"ip_banned\ndata: x", "{}"},
		"data not UTF-8":         {"ip_banned", "\xff"},
		"data too large":         {"ip_banned", strings.Repeat("x", sse.MaxData+1)},
	} {
		dst, err := wire.AppendEvent([]byte("before"), at, row.eventType, []byte(row.data))
		if err == nil || string(dst) != "before" {
			t.Errorf("%s: %.40q, %v", name, dst, err)
		}
	}
}

func TestParseHeartbeat(t *testing.T) {
	t.Parallel()
	for comment, want := range map[string]time.Duration{
		"heartbeat 0": 0, "heartbeat 7": 7 * time.Second, "heartbeat 007": 7 * time.Second,
		"heartbeat 4294967295": math.MaxUint32 * time.Second,
	} {
		if age, ok := wire.ParseHeartbeat(comment); !ok || age != want {
			t.Errorf("%q: %v, %t; want %v", comment, age, ok, want)
		}
	}
	for _, comment := range []string{
		"", "heartbeat", "heartbeat ", "heartbeat x", "heartbeat -1", "heartbeat +1", "heartbeat 1.5", "heartbeat 0x10", "heartbeat 1_000",
		"heartbeat 5 ", "heartbeat  5", "heartbeat 5s", "heartbeat 5\n", "heartbeat5", " heartbeat 5", "Heartbeat 5", "keep-alive", "5",
		"heartbeat 4294967296", "heartbeat 99999999999999999999", "heartbeat ٥",
	} {
		if age, ok := wire.ParseHeartbeat(comment); ok || age != 0 {
			t.Errorf("%q: %v, %t; want no heartbeat", comment, age, ok)
		}
	}
}
