package sse

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Frame is one event to be written. The zero Frame is an event of type "message" with empty data.
type Frame struct {
	// ID becomes the reader's last event id. When empty, no id is written and the reader keeps the one that it has.
	// UTF-8 without CR, LF and NUL, at most [MaxText] bytes.
	ID string

	// Type is the event's name; readers take an empty one as "message". UTF-8 without CR, LF and NUL, at most
	// [MaxText] bytes.
	Type string

	// Retry is how long the reader shall wait before it reconnects, rounded up to whole milliseconds. When 0, nothing
	// is written. Not negative.
	Retry time.Duration

	// Data is any UTF-8 of at most [MaxData] bytes, possibly none. CR, LF and CRLF each end a line of it, and readers see
	// all three as LF.
	Data []byte
}

// AppendFrame appends the block of f to dst: id, event and retry where f has them, then one data line or more, and the
// blank line. It keeps nothing of f, and f.Data must not share memory with dst beyond its length. If a field is not as
// [Frame] asks, dst is returned as it was with an error that wraps [ErrControl], [ErrNotUTF8], [ErrTooLong] or
// [ErrNegative].
func AppendFrame(dst []byte, f Frame) ([]byte, error) {
	if err := f.check(); err != nil {
		return dst, err
	}
	dst = slices.Grow(dst, f.sizeHint())
	if f.ID != "" {
		dst = appendLine(dst, fieldID, f.ID)
	}
	if f.Type != "" {
		dst = appendLine(dst, fieldType, f.Type)
	}
	if f.Retry > 0 {
		dst = appendRetry(dst, f.Retry)
	}
	return append(appendData(dst, f.Data), '\n'), nil
}

// AppendComment appends a block with nothing but the comment text, which readers ignore; it keeps a silent connection
// open. Text is UTF-8 without CR, LF and NUL, at most [MaxText] bytes; if not, dst is returned as it was with an error
// that wraps [ErrControl], [ErrNotUTF8] or [ErrTooLong].
func AppendComment(dst []byte, text string) ([]byte, error) {
	if err := checkText(text); err != nil {
		return dst, fmt.Errorf("sse: comment %w", err)
	}
	return append(appendLine(dst, "", text), '\n'), nil
}

func (f *Frame) check() error {
	if err := checkText(f.ID); err != nil {
		return fmt.Errorf("sse: id %w", err)
	}
	if err := checkText(f.Type); err != nil {
		return fmt.Errorf("sse: type %w", err)
	}
	if f.Retry < 0 {
		return fmt.Errorf("sse: retry %w", ErrNegative)
	}
	if len(f.Data) > MaxData {
		return fmt.Errorf("sse: data %w", ErrTooLong)
	}
	if !utf8.Valid(f.Data) {
		return fmt.Errorf("sse: data %w", ErrNotUTF8)
	}
	return nil
}

func checkText(s string) error {
	switch {
	case len(s) > MaxText:
		return ErrTooLong
	case hasControl(s):
		return ErrControl
	case !utf8.ValidString(s):
		return ErrNotUTF8
	}
	return nil
}

// hasControl tells what strings.ContainsAny would, in a fraction of the time for texts this short.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == '\n' || c == '\r' || c == 0 {
			return true
		}
	}
	return false
}

// sizeHint is the length of a block whose data is one line.
func (f *Frame) sizeHint() int {
	const names = len("id: \nevent: \nretry: 1234567890\ndata: \n\n")
	return names + len(f.ID) + len(f.Type) + len(f.Data)
}

func appendLine(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, separator...)
	dst = append(dst, value...)
	return append(dst, '\n')
}

func appendRetry(dst []byte, d time.Duration) []byte {
	dst = append(dst, fieldRetry+separator...)
	dst = strconv.AppendInt(dst, int64((d-1)/time.Millisecond)+1, 10)
	return append(dst, '\n')
}

// appendData looks for LF first and for CR only between two of them: looking for both from each line's start would take
// quadratic time where only one of them occurs.
func appendData(dst, data []byte) []byte {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return appendDataLines(dst, data)
		}
		dst = appendDataLines(dst, bytes.TrimSuffix(data[:i], []byte{'\r'}))
		data = data[i+1:]
	}
}

// appendDataLines writes data without LF, one line for each part between CRs.
func appendDataLines(dst, data []byte) []byte {
	for {
		i := bytes.IndexByte(data, '\r')
		if i < 0 {
			return appendDataLine(dst, data)
		}
		dst = appendDataLine(dst, data[:i])
		data = data[i+1:]
	}
}

func appendDataLine(dst, line []byte) []byte {
	dst = append(dst, fieldData+separator...)
	dst = append(dst, line...)
	return append(dst, '\n')
}
