// Package sse reads and writes Server-Sent Events, the text/event-stream format of the WHATWG HTML standard, section 9.2
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// [AppendFrame] and [AppendComment] write whole blocks, each closed by its blank line, so that any sequence of them is a
// well-formed stream: input that would break out of its field is refused and nothing is written. [Parser] interprets a
// stream as the standard has it, in bounded memory.
//
// Whatever AppendFrame accepts, a Parser with default options gives back as one event, with CR and CRLF in the data read as LF.
package sse

import "errors"

// Limits on what is written; a [Parser] with default options reads everything within them.
const (
	// MaxData is the most data of one event, in bytes. In a Parser it keeps a server that never ends an event from
	// filling the memory; in [AppendFrame] it keeps a frame that readers would refuse from being sent to them all.
	MaxData = 1 << 20

	// MaxText is the longest id, type or comment that is written, in bytes. A reader sends an id back in a request
	// header, and proxies commonly refuse header lines of 4 to 8 KiB: a longer id could never be resumed from.
	MaxText = 1 << 10
)

// What is wrong with a value that was not written. The error returned wraps one of these and says which field it was.
var (
	ErrControl  = errors.New("has a CR, LF or NUL")
	ErrNotUTF8  = errors.New("is not UTF-8")
	ErrTooLong  = errors.New("is too long")
	ErrNegative = errors.New("is negative")
)

// What a stream did to exceed a Parser's limits.
var (
	ErrLineTooLong   = errors.New("sse: line is too long")
	ErrEventTooLarge = errors.New("sse: event is too large")
)

// Field names and separators, on the wire as here.
const (
	fieldID    = "id"
	fieldType  = "event"
	fieldRetry = "retry"
	fieldData  = "data"

	separator = ": "
)
