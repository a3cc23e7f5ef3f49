package sse_test

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/sse"
)

// item is an event or, with Comment set, a comment; the order of both is compared.
type item struct {
	Comment        *string
	Type, Data, ID string
	HasID          bool
}

// transcript is all that a reader can learn from a whole stream.
type transcript struct {
	Items       []item
	LastEventID string
	Retry       time.Duration
	HasRetry    bool
}

func comment(text string) item { return item{Comment: &text} }

// parse reads r to its end with the Parser, which may end in nothing but io.EOF.
func parse(t testing.TB, r io.Reader) transcript {
	t.Helper()
	got, err := parseWith(r, sse.Options{})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("Next() = %v, want io.EOF", err)
	}
	return got
}

func parseWith(r io.Reader, o sse.Options) (transcript, error) {
	var got transcript
	o.OnComment = func(text []byte) { got.Items = append(got.Items, comment(string(text))) }
	p := sse.NewParser(r, o)
	for {
		e, err := p.Next()
		if err != nil {
			got.LastEventID = p.LastEventID()
			got.Retry, got.HasRetry = p.Retry()
			return got, err
		}
		got.Items = append(got.Items, item{Type: e.Type, Data: string(e.Data), ID: e.ID, HasID: e.HasID})
	}
}

// naive says the standard again, over the whole input at once and with no regard for time or memory.
func naive(stream []byte) transcript {
	var out transcript
	var data, typ, id string
	var hasID bool
	lines := splitLines(strings.TrimPrefix(decodeUTF8(stream), "\uFEFF"))
	for _, line := range lines {
		if line == "" {
			out.LastEventID = id
			if data != "" {
				data = data[:len(data)-1]
				if typ == "" {
					typ = "message"
				}
				out.Items = append(out.Items, item{Type: typ, Data: data, ID: id, HasID: hasID})
			}
			data, typ, hasID = "", "", false
			continue
		}
		if line[0] == ':' {
			out.Items = append(out.Items, comment(strings.TrimPrefix(line[1:], " ")))
			continue
		}
		field, value := line, ""
		if colon := strings.Index(line, ":"); colon >= 0 {
			field, value = line[:colon], line[colon+1:]
			if value != "" && value[0] == ' ' {
				value = value[1:]
			}
		}
		switch field {
		case "event":
			typ = value
		case "data":
			data += value + "\n"
		case "id":
			if !strings.Contains(value, "\x00") {
				id, hasID = value, true
			}
		case "retry":
			if value != "" && strings.Trim(value, "0123456789") == "" {
				out.Retry, out.HasRetry = naiveRetry(value), true
			}
		}
	}
	return out
}

func naiveRetry(digits string) time.Duration {
	const most = time.Duration(1<<63-1) / time.Millisecond * time.Millisecond
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || ms > most.Milliseconds() {
		return most
	}
	return time.Duration(ms) * time.Millisecond
}

// splitLines returns the lines that have an end.
func splitLines(s string) []string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	lines := strings.Split(s, "\n")
	return lines[:len(lines)-1]
}

// decodeUTF8 is the state machine of the Encoding standard's section 8.1.1, in error mode "replacement".
func decodeUTF8(in []byte) string {
	var out []rune
	var point rune
	needed, seen := 0, 0
	lower, upper := byte(0x80), byte(0xBF)
	for i := 0; i < len(in); i++ {
		b := in[i]
		if needed > 0 {
			if b < lower || b > upper {
				out = append(out, 0xFFFD)
				needed, seen, lower, upper = 0, 0, 0x80, 0xBF
				i-- // the same byte again, as the start of something
				continue
			}
			lower, upper = 0x80, 0xBF
			point = point<<6 | rune(b&0x3F)
			if seen++; seen == needed {
				out = append(out, point)
				needed, seen = 0, 0
			}
			continue
		}
		switch {
		case b <= 0x7F:
			out = append(out, rune(b))
		case b >= 0xC2 && b <= 0xDF:
			needed, point = 1, rune(b&0x1F)
		case b >= 0xE0 && b <= 0xEF:
			needed, point = 2, rune(b&0x0F)
			if b == 0xE0 {
				lower = 0xA0
			} else if b == 0xED {
				upper = 0x9F
			}
		case b >= 0xF0 && b <= 0xF4:
			needed, point = 3, rune(b&0x07)
			if b == 0xF0 {
				lower = 0x90
			} else if b == 0xF4 {
				upper = 0x8F
			}
		default:
			out = append(out, 0xFFFD)
		}
	}
	if needed > 0 {
		out = append(out, 0xFFFD)
	}
	return string(out)
}

// chunks hands out its pieces one a Read, then err, or io.EOF if that is nil. An empty piece is a Read of nothing.
type chunks struct {
	pieces [][]byte
	err    error
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.pieces) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		return 0, io.EOF
	}
	n := copy(p, c.pieces[0])
	if c.pieces[0] = c.pieces[0][n:]; len(c.pieces[0]) == 0 {
		c.pieces = c.pieces[1:]
	}
	return n, nil
}

// cut splits b into pieces of the given sizes, over and over.
func cut(b []byte, sizes ...int) *chunks {
	var c chunks
	for i := 0; len(b) > 0; i++ {
		n := min(max(sizes[i%len(sizes)], 1), len(b))
		c.pieces = append(c.pieces, slices.Clone(b[:n]))
		b = b[n:]
	}
	return &c
}
