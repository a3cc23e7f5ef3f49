package sse_test

import (
	"bytes"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/sse"
)

// FuzzParser reads any bytes whole, byte by byte and in pieces, and as the standard says it.
func FuzzParser(f *testing.F) {
	for _, seed := range []string{
		"\uFEFFid: 7f3a9c-42\nevent: ip_banned\ndata: {}\n\n: heartbeat 0\n\n",
		"data:a\rdata: b\r\n\r\nid\ndata\n\r\rid:\x00\n\n", "retry:10\nretry:x\nretry\n", "data:\xE2\x82\ndata:\xF0\x9F\xFF\n\nid:8\ndata:b\n",
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		want := naive(stream)
		if diff := cmp.Diff(want, parse(t, bytes.NewReader(stream))); diff != "" {
			t.Errorf("whole (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, parse(t, iotest.OneByteReader(bytes.NewReader(stream)))); diff != "" {
			t.Errorf("byte by byte (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, parse(t, cut(stream, int(size), 1))); diff != "" {
			t.Errorf("in pieces (-want +got):\n%s", diff)
		}
	})
}

// FuzzAppendFrame gives any values to the encoder: it refuses them, or one event with just these comes back, also
// between two others.
func FuzzAppendFrame(f *testing.F) {
	f.Add("7f3a9c-42", "ip_banned", int64(0), []byte(`{"ip":"1.2.3.4"}`))
	f.Add("1\ndata: x", "a\rb", int64(-1), []byte("a\nb\rc\r\n\r\rd"))
	f.Add("\uFEFF", " \x00", int64(1e6), []byte("\xFF\n"))
	f.Fuzz(func(t *testing.T, id, typ string, retry int64, data []byte) {
		frame := sse.Frame{ID: id, Type: typ, Retry: time.Duration(retry), Data: data}
		stream := must(sse.AppendFrame(nil, sse.Frame{ID: "before"}))
		stream, err := sse.AppendFrame(stream, frame)
		if err != nil {
			return
		}
		stream = must(sse.AppendComment(stream, "after"))
		want := []item{{Type: "message", ID: "before", HasID: true}, readBack(frame, "before"), comment("after")}
		if diff := cmp.Diff(want, parse(t, bytes.NewReader(stream)).Items); diff != "" {
			t.Errorf("%q (-want +got):\n%s", stream, diff)
		}
	})
}
