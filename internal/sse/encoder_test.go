package sse_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/sse"
)

func TestAppendFrame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		frame sse.Frame
		want  string
	}{
		{"zero", sse.Frame{}, "data: \n\n"},
		{
			"the contract's example",
			sse.Frame{ID: "7f3a9c-42", Type: "ip_banned", Data: []byte(`{"ip":"1.2.3.4"}`)},
			"id: 7f3a9c-42\nevent: ip_banned\ndata: {\"ip\":\"1.2.3.4\"}\n\n",
		},
		{"all fields", sse.Frame{ID: "1", Type: "t", Retry: time.Second, Data: []byte("d")}, "id: 1\nevent: t\nretry: 1000\ndata: d\n\n"},
		{"retry is rounded up", sse.Frame{Retry: time.Nanosecond}, "retry: 1\ndata: \n\n"},
		{"longest retry", sse.Frame{Retry: math.MaxInt64}, "retry: 9223372036855\ndata: \n\n"},
		{"line ends", sse.Frame{Data: []byte("a\nb\rc\r\nd\n\re")}, "data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\n\n"},
		{"only line ends", sse.Frame{Data: []byte("\r\r\n\n")}, "data: \ndata: \ndata: \ndata: \n\n"},
		{"spaces and colons", sse.Frame{ID: " :", Type: " ", Data: []byte(" id: 2")}, "id:  :\nevent:  \ndata:  id: 2\n\n"},
		{"NUL in data", sse.Frame{Data: []byte("\x00")}, "data: \x00\n\n"},
		{"other line separators are text", sse.Frame{ID: "\u2028", Data: []byte("\v\f\u0085\u2029")}, "id: \u2028\ndata: \v\f\u0085\u2029\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := sse.AppendFrame([]byte("before|"), tt.frame)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("before|"+tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendFrameRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		frame sse.Frame
		want  error
		field string
	}{
		{"id with LF", sse.Frame{ID: "1\ndata: x"}, sse.ErrControl, "id"},
		{"id with CR", sse.Frame{ID: "1\r"}, sse.ErrControl, "id"},
		{"id with NUL", sse.Frame{ID: "\x001"}, sse.ErrControl, "id"},
		{"id not UTF-8", sse.Frame{ID: "\xC3"}, sse.ErrNotUTF8, "id"},
		{"id too long", sse.Frame{ID: strings.Repeat("1", sse.MaxText+1)}, sse.ErrTooLong, "id"},
		{"type with LF", sse.Frame{Type: "\n"}, sse.ErrControl, "type"},
		{"type with CR", sse.Frame{Type: "a\rb"}, sse.ErrControl, "type"},
		{"type with NUL", sse.Frame{Type: "a\x00"}, sse.ErrControl, "type"},
		{"type not UTF-8", sse.Frame{Type: "\xED\xA0\x80"}, sse.ErrNotUTF8, "type"},
		{"type too long", sse.Frame{Type: strings.Repeat("a", sse.MaxText+1)}, sse.ErrTooLong, "type"},
		{"data not UTF-8", sse.Frame{Data: []byte("a\xFF")}, sse.ErrNotUTF8, "data"},
		{"data too long", sse.Frame{Data: make([]byte, sse.MaxData+1)}, sse.ErrTooLong, "data"},
		{"negative retry", sse.Frame{Retry: -1}, sse.ErrNegative, "retry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := sse.AppendFrame([]byte("before"), tt.frame)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.field) {
				t.Errorf("error %v, want one that says %s %v", err, tt.field, tt.want)
			}
			if string(got) != "before" {
				t.Errorf("wrote %q", got)
			}
		})
	}
}

func TestAppendComment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"heartbeat 0": ": heartbeat 0\n\n", "": ": \n\n", "data: x": ": data: x\n\n"} {
		got, err := sse.AppendComment(nil, text)
		if err != nil || string(got) != want {
			t.Errorf("AppendComment(%q) = %q, %v; want %q", text, got, err, want)
		}
		if diff := cmp.Diff([]item{comment(text)}, parse(t, bytes.NewReader(got)).Items); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	}
	long := strings.Repeat("a", sse.MaxText+1)
	for text, want := range map[string]error{"a\nb": sse.ErrControl, "\r": sse.ErrControl, "\x00": sse.ErrControl, "\xFF": sse.ErrNotUTF8, long: sse.ErrTooLong} {
		got, err := sse.AppendComment([]byte("before"), text)
		if !errors.Is(err, want) || string(got) != "before" {
			t.Errorf("AppendComment(%.10q) = %.20q, %v; want %v", text, got, err, want)
		}
	}
}

// What is written at the limits is read by a Parser with default options, whatever stands before it.
func TestLargestFrameIsRead(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("é", sse.MaxText/2)
	for _, data := range [][]byte{bytes.Repeat([]byte("a"), sse.MaxData), bytes.Repeat([]byte("\n"), sse.MaxData), bytes.Repeat([]byte("\r"), sse.MaxData)} {
		stream, err := sse.AppendFrame([]byte("\uFEFF"), sse.Frame{ID: text, Type: text, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		want := item{Type: text, Data: normalised(data), ID: text, HasID: true}
		if got := parse(t, bytes.NewReader(stream)); len(got.Items) != 1 || got.Items[0] != want {
			t.Errorf("%d bytes of %q came back otherwise", len(data), data[0])
		}
	}
}

// normalised is data as a reader sees it.
func normalised(data []byte) string {
	return strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n")
}

// readBack is the event that a reader makes of f, with id in force before it.
func readBack(f sse.Frame, id string) item {
	it := item{Type: f.Type, Data: normalised(f.Data), ID: id}
	if it.Type == "" {
		it.Type = "message"
	}
	if f.ID != "" {
		it.ID, it.HasID = f.ID, true
	}
	return it
}

// text draws strings in which what matters to the format is frequent.
func text(control string) *rapid.Generator[string] {
	alphabet := append([]rune(": \tab0é€😀\uFEFF\uFFFD"+control), []rune(control)...)
	return rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(alphabet), rapid.SampledFrom([]rune("xyz"))), 0, 12, -1)
}

func frames() *rapid.Generator[sse.Frame] {
	return rapid.Custom(func(t *rapid.T) sse.Frame {
		return sse.Frame{
			ID:    text("").Draw(t, "id"),
			Type:  text("").Draw(t, "type"),
			Retry: time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "retry")) * time.Millisecond,
			Data:  []byte(text("\r\n\x00").Draw(t, "data")),
		}
	})
}

// Frames and comments in any number come back as they were, whatever the line ends and however the stream is cut.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want transcript
		for range rapid.IntRange(0, 10).Draw(t, "n") {
			if rapid.Bool().Draw(t, "comment") {
				c := text("").Draw(t, "text")
				stream = must(sse.AppendComment(stream, c))
				want.Items = append(want.Items, comment(c))
				continue
			}
			f := frames().Draw(t, "frame")
			stream = must(sse.AppendFrame(stream, f))
			got := readBack(f, want.LastEventID)
			want.Items, want.LastEventID = append(want.Items, got), got.ID
			if f.Retry > 0 {
				want.Retry, want.HasRetry = f.Retry, true
			}
		}
		eol := rapid.SampledFrom([]string{"\n", "\r", "\r\n"}).Draw(t, "eol")
		stream = bytes.ReplaceAll(stream, []byte("\n"), []byte(eol))
		src := cut(stream, rapid.SliceOfN(rapid.IntRange(1, 40), 1, 20).Draw(t, "sizes")...)
		got, _ := parseWith(src, sse.Options{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", stream, diff)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// Not parallel: AllocsPerRun counts for the whole process.
func TestAppendAllocatesNothing(t *testing.T) {
	f := sse.Frame{ID: "7f3a9c-42", Type: "ip_banned", Retry: time.Second, Data: bytes.Repeat([]byte("a\r\n"), 30)}
	buf := make([]byte, 0, 4096)
	allocs := testing.AllocsPerRun(100, func() {
		buf = must(sse.AppendFrame(buf[:0], f))
		buf = must(sse.AppendComment(buf, "heartbeat 0"))
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
