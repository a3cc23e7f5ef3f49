package sse

import (
	"bytes"
	"io"
	"math"
	"time"
)

const (
	// lineRoom is how far a line may exceed the most data of an event, in bytes: enough for a byte order mark, a field
	// name and a separator, so that data at its limit fits on one line, and for an id or type at its own limit.
	lineRoom = MaxText + 16

	// maxRetry is the longest reconnection time that a Duration can hold, in milliseconds: more is taken as this.
	maxRetry = math.MaxInt64 / int64(time.Millisecond)

	// defaultType is the type of an event whose block names none.
	defaultType = "message"
)

// Options adjust a [Parser]. The zero Options are the defaults.
type Options struct {
	// MaxData is the most data of one event, in bytes; a line may be about 1 KiB longer. 0 or less stands for [MaxData].
	// The memory that a Parser takes is bounded by a small multiple of it.
	MaxData int

	// OnComment, if not nil, is called by Next for each comment line, in order with the events, with what follows the
	// colon and one space. It is called as soon as the line has ended, inside a block too. The text is good until the call
	// returns.
	OnComment func(text []byte)
}

// Event is one event read from a stream.
type Event struct {
	// Type is the event's name, "message" when the block gave none.
	Type string

	// Data is the values of the block's data lines, joined with LF. Good until the next call of Next.
	Data []byte

	// ID is the last event id in force: that of this block, or else of the latest block that had one. "" when there was
	// none yet, or it was reset.
	ID string

	// HasID tells whether this very block set ID.
	HasID bool
}

// Parser reads the events of one stream, by the rules of "Parsing an event stream" and "Interpreting an event stream"
// (WHATWG HTML, 9.2.5 and 9.2.6). Not for concurrent use.
type Parser struct {
	lines     lineReader
	maxData   int
	onComment func([]byte)

	// The block being read; as in the standard, a data buffer that is not empty ends with LF, and id outlives the block.
	data, typ, id []byte
	hasID         bool

	err      error
	lastID   string
	lastType string // the latest Event.Type, to allocate a repeated one once
	retry    time.Duration
	hasRetry bool
}

// NewParser returns a parser of the stream r, from its first byte. It reads nothing before the first call of Next.
func NewParser(r io.Reader, o Options) *Parser {
	maxData := o.MaxData
	if maxData <= 0 {
		maxData = MaxData
	}
	return &Parser{lines: newLineReader(r, maxData+lineRoom), maxData: maxData, onComment: o.OnComment}
}

// Next returns the next event, as soon as the line end of its blank line is here. At the end of the stream it returns
// io.EOF, and what was read of an unfinished block is dropped. A stream beyond the limits gives [ErrLineTooLong] or
// [ErrEventTooLarge], a failed read the reader's error. After an error, every call returns that error again.
func (p *Parser) Next() (Event, error) {
	for p.err == nil {
		line, err := p.lines.next()
		switch {
		case err != nil:
			p.err = err
		case len(line) > 0:
			p.err = p.readField(line)
		default:
			if e, ok := p.dispatch(); ok {
				return e, nil
			}
		}
	}
	return Event{}, p.err
}

// LastEventID returns the last event id: what a client sends as Last-Event-ID when it reconnects. It is that of the last
// finished block which had one, even if that block had no data and so was no event. "" at the start.
func (p *Parser) LastEventID() string { return p.lastID }

// Retry returns the reconnection time that the stream last asked for, in whole milliseconds, and whether it did. A retry
// line counts at once, even if its block has no data or is never finished. A line without digits changes nothing.
func (p *Parser) Retry() (d time.Duration, ok bool) { return p.retry, p.hasRetry }

// readField interprets a line that is not blank. Only a comment has nothing before its first colon.
func (p *Parser) readField(line []byte) error {
	name, value := line, []byte(nil)
	if i := bytes.IndexByte(line, ':'); i >= 0 {
		name, value = line[:i], bytes.TrimPrefix(line[i+1:], []byte{' '})
	}
	switch string(name) {
	case "":
		if p.onComment != nil {
			p.onComment(value)
		}
	case fieldData:
		return p.addData(value)
	case fieldType:
		p.typ = append(p.typ[:0], value...)
	case fieldID:
		p.setID(value)
	case fieldRetry:
		p.setRetry(value)
	}
	return nil
}

func (p *Parser) addData(value []byte) error {
	if len(p.data)+len(value) > p.maxData {
		return ErrEventTooLarge
	}
	p.data = append(append(p.data, value...), '\n')
	return nil
}

func (p *Parser) setID(value []byte) {
	if bytes.IndexByte(value, 0) < 0 {
		p.id = append(p.id[:0], value...)
		p.hasID = true
	}
}

func (p *Parser) setRetry(value []byte) {
	var ms int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return
		}
		ms = min(ms*10+int64(c-'0'), maxRetry)
	}
	if len(value) > 0 {
		p.retry, p.hasRetry = time.Duration(ms)*time.Millisecond, true
	}
}

// dispatch ends the block: its id comes into force in any case, and with data it is an event.
func (p *Parser) dispatch() (Event, bool) {
	if string(p.id) != p.lastID {
		p.lastID = string(p.id)
	}
	data, typ, hasID := p.data, p.typ, p.hasID
	p.data, p.typ, p.hasID = p.data[:0], p.typ[:0], false
	if len(data) == 0 {
		return Event{}, false
	}
	return Event{Type: p.typeName(typ), Data: data[:len(data)-1], ID: p.lastID, HasID: hasID}, true
}

func (p *Parser) typeName(typ []byte) string {
	if len(typ) == 0 {
		return defaultType
	}
	if string(typ) != p.lastType {
		p.lastType = string(typ)
	}
	return p.lastType
}
