package sse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/sse"
)

func message(data string) item { return item{Type: "message", Data: data} }

func TestParserRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, stream string
		want         transcript
	}{
		{"stock ticker of the standard", "data: YHOO\ndata: +2\ndata: 10\n\n", transcript{Items: []item{message("YHOO\n+2\n10")}}},
		{
			"four blocks of the standard",
			": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
			transcript{Items: []item{
				comment("test stream"),
				{Type: "message", Data: "first event", ID: "1", HasID: true},
				{Type: "message", Data: "second event", HasID: true},
				message(" third event"),
			}},
		},
		{"empty data of the standard, the last block truncated", "data\n\ndata\ndata\n\ndata:", transcript{Items: []item{message(""), message("\n")}}},
		{"one space of the standard", "data:test\n\ndata: test\n\n", transcript{Items: []item{message("test"), message("test")}}},

		{"nothing", "", transcript{}},
		{"one byte order mark", "\uFEFFdata:a\n\n", transcript{Items: []item{message("a")}}},
		{"a second byte order mark is of the field name", "\uFEFF\uFEFFdata:a\n\n", transcript{}},
		{"a byte order mark in the second line stays", "\n\uFEFFdata:a\n\ndata:b\n\n", transcript{Items: []item{message("b")}}},
		{"CR", "data:a\rdata:b\r\r", transcript{Items: []item{message("a\nb")}}},
		{"CRLF", "data:a\r\ndata:b\r\n\r\n", transcript{Items: []item{message("a\nb")}}},
		{"LF CR is two ends", "data:a\n\rdata:b\n\n", transcript{Items: []item{message("a"), message("b")}}},
		{"CR CRLF is two ends", "data:a\r\r\ndata:b\n\n", transcript{Items: []item{message("a"), message("b")}}},
		{"CRLF LF is two ends", "data:a\r\n\ndata:b\n\n", transcript{Items: []item{message("a"), message("b")}}},
		{"mixed ends", "data:a\r\ndata:b\rdata:c\n\r\ndata:d\r\r", transcript{Items: []item{message("a\nb\nc"), message("d")}}},
		{"tab after the colon stays", "data:\ta\n\n", transcript{Items: []item{message("\ta")}}},
		{"colon in a value", "data: a: b\n\n", transcript{Items: []item{message("a: b")}}},
		{"NUL in data", "data:\x00\n\n", transcript{Items: []item{message("\x00")}}},
		{"space in a field name", " data:a\ndata :b\n\n", transcript{}},
		{"capital field name", "Data:a\n\n", transcript{}},
		{"unknown fields", "foo\nbar: baz\ndata:a\n\n", transcript{Items: []item{message("a")}}},
		{"comment in a block", "data:a\n:c\ndata:b\n\n", transcript{Items: []item{comment("c"), message("a\nb")}}},
		{"comment is heard without a blank line", ": heartbeat 3\n", transcript{Items: []item{comment("heartbeat 3")}}},
		{"truncated comment", ": heartbeat 3", transcript{}},
		{"last event name counts, for one block", "event:a\nevent:b\ndata\n\ndata\n\n", transcript{Items: []item{{Type: "b"}, message("")}}},
		{"empty event name is message", "event:a\nevent\ndata\n\n", transcript{Items: []item{message("")}}},
		{"block without data loses its event name", "event:a\n\ndata\n\n", transcript{Items: []item{message("")}}},
		{
			"block without data keeps its id", "id:7\nevent:a\n\ndata\n\n",
			transcript{Items: []item{{Type: "message", ID: "7"}}, LastEventID: "7"},
		},
		{"id of a block without data, and no event after it", "id:7\n\n", transcript{LastEventID: "7"}},
		{
			"id stays in force", "id:7\ndata\n\ndata\n\n",
			transcript{Items: []item{{Type: "message", ID: "7", HasID: true}, {Type: "message", ID: "7"}}, LastEventID: "7"},
		},
		{
			"id again", "id:7\ndata\n\nid:7\ndata\n\n",
			transcript{Items: []item{{Type: "message", ID: "7", HasID: true}, {Type: "message", ID: "7", HasID: true}}, LastEventID: "7"},
		},
		{
			"id with NUL is ignored", "id:7\ndata\n\nid:8\x00\ndata\n\n",
			transcript{Items: []item{{Type: "message", ID: "7", HasID: true}, {Type: "message", ID: "7"}}, LastEventID: "7"},
		},
		{
			"id with NUL beside a good one", "id:8\nid:\x00\ndata\n\n",
			transcript{Items: []item{{Type: "message", ID: "8", HasID: true}}, LastEventID: "8"},
		},
		{"empty id without data resets", "id:7\n\nid:\n\n", transcript{}},
		{
			"truncated block does not move the id", "id:7\ndata:a\n\nid:8\ndata:b\n",
			transcript{Items: []item{{Type: "message", Data: "a", ID: "7", HasID: true}}, LastEventID: "7"},
		},
		{"truncated in the middle of a line", "data:a\n\ndata:b\n\nda", transcript{Items: []item{message("a"), message("b")}}},
		{"retry", "retry: 1500\n\n", transcript{Retry: 1500 * time.Millisecond, HasRetry: true}},
		{"retry counts at once", "retry:10\n", transcript{Retry: 10 * time.Millisecond, HasRetry: true}},
		{"retry of zero", "retry:0\n", transcript{HasRetry: true}},
		{"retry with leading zeros", "retry:0010\n", transcript{Retry: 10 * time.Millisecond, HasRetry: true}},
		{"retry of other than digits", "retry:5\nretry:\nretry\nretry:-1\nretry:+1\nretry:1s\nretry:1.5\nretry:  1\nretry:1 \nretry:٣\n", transcript{Retry: 5 * time.Millisecond, HasRetry: true}},
		{"retry too large to hold", "retry:99999999999999999999999\n", transcript{Retry: 9223372036854 * time.Millisecond, HasRetry: true}},
		{"not UTF-8: no sequence", "data:a\xFFb\xC0\xAFc\n\n", transcript{Items: []item{message("a\uFFFDb\uFFFD\uFFFDc")}}},
		{"not UTF-8: one for a broken sequence", "data:\xE2\x82|\xF0\x9F\x92|\xE2\n\n", transcript{Items: []item{message("\uFFFD|\uFFFD|\uFFFD")}}},
		{"not UTF-8: surrogate", "data:\xED\xA0\x80\n\n", transcript{Items: []item{message("\uFFFD\uFFFD\uFFFD")}}},
		{"not UTF-8: id and type", "id:\xFF\nevent:\xFF\ndata\n\n", transcript{
			Items: []item{{Type: "\uFFFD", ID: "\uFFFD", HasID: true}}, LastEventID: "\uFFFD",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, naive([]byte(tt.stream))); diff != "" {
				t.Errorf("the test's own reading of the standard differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, parse(t, strings.NewReader(tt.stream))); diff != "" {
				t.Errorf("whole (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, parse(t, iotest.OneByteReader(strings.NewReader(tt.stream)))); diff != "" {
				t.Errorf("byte by byte (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, parse(t, iotest.DataErrReader(strings.NewReader(tt.stream)))); diff != "" {
				t.Errorf("with the error beside the last bytes (-want +got):\n%s", diff)
			}
		})
	}
}

// An event must come out although the connection then falls silent, which the reader here turns into an error.
func TestParserDispatchesWithoutReadingOn(t *testing.T) {
	t.Parallel()
	errSilent := errors.New("would block")
	for _, stream := range []string{"data:a\n\n", "data:a\r\r", "data:a\r\n\r\n", "data:a\r\n\r", "data:a\n\r"} {
		for size := 1; size <= len(stream); size++ {
			src := cut([]byte(stream), size)
			src.err = errSilent
			p := sse.NewParser(src, sse.Options{})
			e, err := p.Next()
			if err != nil || string(e.Data) != "a" {
				t.Errorf("%q in pieces of %d: Next() = %q, %v", stream, size, e.Data, err)
			}
			for range 2 {
				if _, err := p.Next(); !errors.Is(err, errSilent) {
					t.Errorf("%q: Next() after the end = %v, want the reader's error", stream, err)
				}
			}
		}
	}
}

func TestParserHearsCommentWithoutReadingOn(t *testing.T) {
	t.Parallel()
	errSilent := errors.New("would block")
	for _, stream := range []string{": heartbeat 3\n", ": heartbeat 3\r"} {
		got, err := parseWith(&chunks{pieces: [][]byte{[]byte(stream)}, err: errSilent}, sse.Options{})
		if !errors.Is(err, errSilent) {
			t.Errorf("Next() = %v, want the reader's error", err)
		}
		if diff := cmp.Diff([]item{comment("heartbeat 3")}, got.Items); diff != "" {
			t.Errorf("%q (-want +got):\n%s", stream, diff)
		}
	}
}

func TestParserWithoutOnComment(t *testing.T) {
	t.Parallel()
	e, err := sse.NewParser(strings.NewReader(":a\ndata:b\n\n"), sse.Options{}).Next()
	if err != nil || string(e.Data) != "b" {
		t.Errorf("Next() = %q, %v; want b", e.Data, err)
	}
}

func TestParserReaderWithoutProgress(t *testing.T) {
	t.Parallel()
	few := &chunks{pieces: [][]byte{{}, []byte("data:a\n"), {}, {}, []byte("\n")}}
	if diff := cmp.Diff([]item{message("a")}, parse(t, few).Items); diff != "" {
		t.Errorf("some empty reads (-want +got):\n%s", diff)
	}
	_, err := sse.NewParser(&chunks{pieces: make([][]byte, 1000)}, sse.Options{}).Next()
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Next() = %v, want io.ErrNoProgress", err)
	}
}

// failing gives its bytes together with an error, and another error if it is asked again.
type failing struct {
	stream string
	errs   []error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := copy(p, f.stream), f.errs[0]
	f.stream, f.errs = "", f.errs[1:]
	return n, err
}

func TestParserKeepsTheErrorThatCameWithBytes(t *testing.T) {
	t.Parallel()
	first, second := errors.New("connection reset"), errors.New("already closed")
	got, err := parseWith(&failing{"data:a\n\ndata:b", []error{first, second}}, sse.Options{})
	if !errors.Is(err, first) {
		t.Errorf("Next() = %v, want %v", err, first)
	}
	if diff := cmp.Diff([]item{message("a")}, got.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// endless repeats a text and counts what was taken of it.
type endless struct {
	text  string
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.taken%len(e.text)]
		e.taken++
	}
	return len(p), nil
}

func TestParserBounds(t *testing.T) {
	t.Parallel()
	const (
		maxData = 100_000
		line    = maxData + sse.MaxText + 17 // one byte more than the longest line
	)
	tests := []struct {
		name, text string
		want       error
		most       int // bytes read until the error
	}{
		{"a line without end", "a", sse.ErrLineTooLong, line},
		{"a comment without end", ":", sse.ErrLineTooLong, line},
		{"bytes that are not UTF-8", "\xFF", sse.ErrLineTooLong, line},
		{"an event of long lines", "data:" + strings.Repeat("a", 1000) + "\n", sse.ErrEventTooLarge, 2 * maxData},
		{"an event of empty lines", "data\r\n", sse.ErrEventTooLarge, 7 * maxData},
		{"data that grows when decoded", "data:" + strings.Repeat("\xFF", 500) + "\n", sse.ErrEventTooLarge, maxData},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := &endless{text: tt.text}
			p := sse.NewParser(src, sse.Options{MaxData: maxData})
			for range 2 {
				if _, err := p.Next(); !errors.Is(err, tt.want) {
					t.Errorf("Next() = %v, want %v", err, tt.want)
				}
			}
			if src.taken > tt.most {
				t.Errorf("read %d bytes, want at most %d", src.taken, tt.most)
			}
		})
	}
}

func TestParserAtTheLimit(t *testing.T) {
	t.Parallel()
	const maxData = 50_000
	tests := []struct {
		name, stream string
		want         error
	}{
		{"one line", "data: " + strings.Repeat("a", maxData) + "\n\n", io.EOF},
		{"one byte more", "data: " + strings.Repeat("a", maxData+1) + "\n\n", sse.ErrEventTooLarge},
		{"two lines", "data: " + strings.Repeat("a", maxData-11) + "\ndata: " + strings.Repeat("b", 10) + "\n\n", io.EOF},
		{"two lines and a byte more", "data: " + strings.Repeat("a", maxData-11) + "\ndata: " + strings.Repeat("b", 11) + "\n\n", sse.ErrEventTooLarge},
		{"the limit is of one event", strings.Repeat("data: "+strings.Repeat("a", maxData)+"\n\n", 3), io.EOF},
		{"longest line", strings.Repeat("a", maxData+sse.MaxText+16) + "\n\n", io.EOF},
		{"line too long", strings.Repeat("a", maxData+sse.MaxText+17) + "\n\n", sse.ErrLineTooLong},
		{"truncated line too long", strings.Repeat("a", maxData+sse.MaxText+17), sse.ErrLineTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 4096, len(tt.stream)} {
				if _, err := parseWith(cut([]byte(tt.stream), size), sse.Options{MaxData: maxData}); !errors.Is(err, tt.want) {
					t.Errorf("in pieces of %d: %v, want %v", size, err, tt.want)
				}
			}
		})
	}
}

// Not parallel: AllocsPerRun counts for the whole process.
func TestParserAllocatesNothingForRepeatedIDs(t *testing.T) {
	p := sse.NewParser(&endless{text: "id: 7f3a9c-42\nevent: ip_banned\ndata: {}\n\n: heartbeat 0\n\n"}, sse.Options{
		OnComment: func(text []byte) { _ = bytes.HasPrefix(text, []byte("heartbeat ")) },
	})
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := p.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations an event, want 0", allocs)
	}
}
