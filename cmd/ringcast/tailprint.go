package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

// tailEvent is an event as it is printed.
type tailEvent struct {
	Type string `json:"type"`
	// ID is that of the event's unit, which resumes after it; empty for most
	// control frames.
	ID       string          `json:"id,omitempty"`
	Position string          `json:"position,omitempty"`
	Data     json.RawMessage `json:"data"`
}

// newTailEvent keeps its own copy of the data. Data that is not JSON becomes a
// string.
func newTailEvent(e sse.Event) tailEvent {
	data := json.RawMessage(append([]byte(nil), e.Data...))
	if !json.Valid(data) {
		data, _ = json.Marshal(string(e.Data)) // a string always has a form in JSON
	}
	return tailEvent{Type: e.Type, Data: data}
}

// at gives the event its place.
func (e tailEvent) at(c wire.Cursor) tailEvent {
	e.ID, e.Position = c.String(), strconv.FormatUint(c.Position, 10)
	return e
}

// tailPrinter prints events one by one. Columns have fixed widths, for nobody
// knows what comes.
type tailPrinter struct {
	printer
	begun bool
}

// tailLine fits the longest type of this version and a common id.
const tailLine = "%-17s  %-18s  %s\n"

func (p *tailPrinter) print(e tailEvent) error {
	if p.format != formatTable {
		return p.printLine(e)
	}
	if !p.begun {
		p.begun = true
		if _, err := fmt.Fprintf(p.out, tailLine, "TYPE", "POSITION", "DATA"); err != nil {
			return err
		}
	}
	id := e.ID
	if id == "" {
		id = "-"
	}
	_, err := fmt.Fprintf(p.out, tailLine, clean(e.Type), clean(id), clean(string(e.Data)))
	return err
}

func (p *tailPrinter) printLine(e tailEvent) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	lines := p.printer
	lines.format = formatLines
	return lines.json(text)
}
