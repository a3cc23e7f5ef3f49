package sse

import (
	"bytes"
	"io"
	"unicode/utf8"
)

const (
	// firstBuffer is the read buffer's size until a longer line comes, in bytes: room for some hundred events a read,
	// little enough for a process with thousands of streams.
	firstBuffer = 16 << 10

	// maxEmptyReads keeps a broken reader that returns neither bytes nor an error from being called for ever.
	maxEmptyReads = 100

	byteOrderMark = "\uFEFF"
)

// lineReader splits a stream at LF, CR and CRLF. It decodes as the Encoding standard's "UTF-8 decode" does, which can be
// done line by line because no byte of a longer sequence is a line end.
type lineReader struct {
	r   io.Reader
	err error // what r ended with, due once buf is used up

	// buf[start:end] is unread, and buf[start:scanned] has no line end.
	buf                 []byte
	start, scanned, end int
	max                 int // the longest line, in bytes without its end

	afterCR bool // an LF that comes next belongs to the CR before it
	begun   bool // the first line is past, with it the byte order mark
	decoded []byte
}

func newLineReader(r io.Reader, maxLine int) lineReader {
	return lineReader{r: r, max: maxLine, buf: make([]byte, min(firstBuffer, maxLine+1))}
}

// next returns the next line as valid UTF-8 without its end; it is good until the following call. A line is returned as
// soon as its LF or CR is here. Bytes after the last line end are no line.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.nextRaw()
	if err != nil {
		return nil, err
	}
	if !l.begun {
		l.begun = true
		line = bytes.TrimPrefix(line, []byte(byteOrderMark))
	}
	if !utf8.Valid(line) {
		l.decoded = appendDecoded(l.decoded[:0], line)
		line = l.decoded
	}
	return line, nil
}

func (l *lineReader) nextRaw() ([]byte, error) {
	for {
		l.dropLF()
		n, found := scanLine(l.buf[l.scanned:l.end])
		l.scanned += n
		if l.scanned-l.start > l.max {
			return nil, ErrLineTooLong
		}
		if found {
			return l.take(), nil
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// scanLine counts the bytes before the first line end, and says whether there is one.
func scanLine(b []byte) (int, bool) {
	for i, c := range b {
		if c == '\n' || c == '\r' {
			return i, true
		}
	}
	return len(b), false
}

// dropLF skips the second half of a CRLF. The line was returned at the CR, because waiting for the byte after it could
// hold a complete event back until the next one.
func (l *lineReader) dropLF() {
	if !l.afterCR || l.start == l.end {
		return
	}
	l.afterCR = false
	if l.buf[l.start] == '\n' {
		l.start++
		l.scanned = l.start
	}
}

// take consumes the line whose end is at scanned.
func (l *lineReader) take() []byte {
	line := l.buf[l.start:l.scanned]
	l.afterCR = l.buf[l.scanned] == '\r'
	l.scanned++
	l.start = l.scanned
	return line
}

// fill reads at least one byte behind the unread ones.
func (l *lineReader) fill() error {
	if l.err != nil {
		return l.err
	}
	l.makeRoom()
	for range maxEmptyReads {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	l.err = io.ErrNoProgress
	return l.err
}

// makeRoom moves the unread bytes to the front and doubles a buffer that they fill. Since they are at most max bytes,
// and the buffer may become one longer, there is room after it.
func (l *lineReader) makeRoom() {
	l.end = copy(l.buf, l.buf[l.start:l.end])
	l.scanned -= l.start
	l.start = 0
	if l.end == len(l.buf) {
		grown := make([]byte, min(2*len(l.buf), l.max+1))
		copy(grown, l.buf)
		l.buf = grown
	}
}

// appendDecoded appends b with U+FFFD for what is not UTF-8: one for each longest run of bytes that begins a sequence
// without completing it, or else for each byte. That is the Encoding standard's decoder; Go's own conversions put a
// U+FFFD for each byte, or one for all that adjoin.
func appendDecoded(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = brokenSequence(b)
		}
		dst = utf8.AppendRune(dst, r)
		b = b[n:]
	}
	return dst
}

// brokenSequence is the length of the broken sequence that b begins with. FullRune is false as long as what it has seen
// could still be completed.
func brokenSequence(b []byte) int {
	n := 1
	for n < len(b) && !utf8.FullRune(b[:n+1]) {
		n++
	}
	return n
}
