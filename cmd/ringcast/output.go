package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The formats of what goes to standard output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatLines = "jsonl"
)

func formats() []string { return []string{formatTable, formatJSON, formatLines} }

// output is how a verb prints. Verbs embed it in their settings.
type output struct {
	Output string `flag:"output" short:"o" default:"table" value:"FORMAT" help:"how to print: table, json or jsonl (one object a line)"`
}

// printer writes a verb's data. Whatever it writes is safe for a terminal.
type printer struct {
	out    io.Writer
	format string
	now    func() time.Time
}

func (o output) printer(out io.Writer, now func() time.Time) (printer, error) {
	for _, format := range formats() {
		if o.Output == format {
			return printer{out: out, format: format, now: now}, nil
		}
	}
	return printer{}, usageErrorf("--output is %q; it is one of %s", o.Output, strings.Join(formats(), ", "))
}

// table writes rows in aligned columns.
func (p printer) table(rows ...[]string) error {
	const gap = 2 // spaces between columns
	w := tabwriter.NewWriter(p.out, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = clean(cell); cells[i] == "" {
				cells[i] = "-"
			}
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// message writes a message as REST answers it: the proto's own names, and
// defaults too.
func (p printer) message(m proto.Message) error {
	text, err := restJSON(m)
	if err != nil {
		return err
	}
	return p.json(text)
}

func restJSON(m proto.Message) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return text, nil
}

// json writes one JSON value, whose spaces it sets anew: protojson's are random.
func (p printer) json(text []byte) error {
	var out bytes.Buffer
	arrange := json.Compact
	if p.format == formatJSON {
		arrange = func(dst *bytes.Buffer, src []byte) error { return json.Indent(dst, src, "", "  ") }
	}
	if err := arrange(&out, text); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	out.WriteByte('\n')
	_, err := p.out.Write(cleanJSON(out.Bytes()))
	return err
}

// receipt is the answer of every mutation.
type receipt interface {
	GetPosition() uint64
	GetEpoch() string
}

// mutation writes that something was done and where it is durable. ip is given
// where one command makes several mutations.
func (p printer) mutation(done, ip string, r receipt) error {
	if p.format == formatTable {
		_, err := fmt.Fprintf(p.out, "%s at %s-%d\n", clean(done), clean(r.GetEpoch()), r.GetPosition())
		return err
	}
	text, err := json.Marshal(struct {
		IP        string   `json:"ip,omitempty"`
		Position  uint64   `json:"position,string"`
		Epoch     string   `json:"epoch"`
		Positions []string `json:"positions,omitempty"`
	}{ip, r.GetPosition(), r.GetEpoch(), positionsOf(r)})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return p.json(text)
}

// positionsOf gives the place of each mutation of a batch; nil: it was none.
func positionsOf(r receipt) []string {
	batch, ok := r.(interface{ GetPositions() []uint64 })
	if !ok {
		return nil
	}
	var texts []string
	for _, position := range batch.GetPositions() {
		texts = append(texts, strconv.FormatUint(position, 10))
	}
	return texts
}

// since gives a time gone by.
func since(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format(time.RFC3339)
}

// ago gives how long a time is gone by.
func (p printer) ago(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return short(p.now().Sub(t.AsTime())) + " ago"
}

// short gives a duration with as many digits as a person reads, from 1 ms on; a
// negative one, which comes of two clocks, is 0s.
func short(d time.Duration) string {
	unit := time.Second
	switch {
	case d <= 0:
		return "0s"
	case d < time.Second:
		d, unit = max(d, time.Millisecond), time.Millisecond
	case d < 10*time.Second:
		unit = 100 * time.Millisecond
	}
	return formatTTL(d.Round(unit))
}

// spaced is short for running text: 38 ms, 1h30m.
func spaced(d time.Duration) string {
	text := short(d)
	unit := strings.IndexFunc(text, unicode.IsLetter)
	if d >= time.Minute || unit < 0 {
		return text
	}
	return text[:unit] + " " + text[unit:]
}

// enumerate names at most so many, and counts the rest.
func enumerate(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// nearEnd is how far off an end may be and still be given as the time left.
const nearEnd = 24 * time.Hour

// ends gives the time left where an end is near, and the end itself elsewhere.
func (p printer) ends(t *timestamppb.Timestamp) string {
	if t == nil {
		return "never"
	}
	left := t.AsTime().Sub(p.now()).Round(time.Second)
	if left > 0 && left < nearEnd {
		return "in " + left.String()
	}
	return since(t)
}
