package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// importReport tells what becomes of a list, in the order of its lines.
type importReport struct {
	*call
	progress *progress
	open     []*chunk // begun, in the order of the list
	summary  importSummary
	failed   int           // lines refused
	refused  []refusedLine // of these, for one JSON object at the end
	err      error         // the first of writing
}

// importSummary is what an import comes to.
type importSummary struct {
	// Lines have a ban, or should have.
	Lines int `json:"lines"`
	// Banned are in force, those that an earlier run had banned included.
	Banned int `json:"banned"`
	// Before are those of an earlier run.
	Before int `json:"banned_before"`
	// Same said what a line shortly before had said.
	Same int `json:"repeated"`
	// Position and Epoch are of the last unit of the import.
	Position uint64 `json:"position,string"`
	Epoch    string `json:"epoch"`
}

func (r *importReport) began(c *chunk) { r.open = append(r.open, c) }

// banned notes that what is left of a chunk was made.
func (r *importReport) banned(c *chunk, answer *ringcastv1.ImportBansResponse) {
	r.summary.Banned += len(c.lines)
	if answer.GetRepeat() {
		r.summary.Before += len(c.lines)
	}
	r.summary.Position = max(r.summary.Position, answer.GetPosition())
	r.summary.Epoch = answer.GetEpoch()
	r.accepted(answer)
	r.done(c)
}

// done tells of a chunk, as soon as all before it are told of.
func (r *importReport) done(c *chunk) {
	c.done = true
	for len(r.open) > 0 && r.open[0].done {
		r.tell(r.open[0])
		r.open = r.open[1:]
	}
}

func (r *importReport) tell(c *chunk) {
	slices.SortFunc(c.refused, func(a, b refusedLine) int { return cmp.Compare(a.Line, b.Line) })
	for _, line := range c.refused {
		r.tellRefused(line)
	}
	r.summary.Lines += len(c.lines) + len(c.refused) + c.same
	r.summary.Same += c.same
	r.progress.tell(r.summary.Lines, c.end)
}

func (r *importReport) tellRefused(line refusedLine) {
	r.failed++
	r.progress.clear()
	r.note("line %d: %s (%s): %s", line.Line, line.Message, line.Reason, line.Text)
	switch r.printer.format {
	case formatJSON:
		r.refused = append(r.refused, line)
	case formatLines:
		r.write(line)
	}
}

func (r *importReport) write(v any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = r.printer.json(text)
	}
	r.err = cmp.Or(r.err, err)
}

// end tells what it came to. The error is that lines were refused.
func (r *importReport) end() error {
	switch r.printer.format {
	case formatJSON:
		r.write(struct {
			importSummary
			Refused []refusedLine `json:"refused"`
		}{r.summary, append([]refusedLine{}, r.refused...)})
	case formatLines:
		r.write(struct {
			importSummary
			Refused int `json:"refused"`
		}{r.summary, r.failed})
	default:
		_, r.err = fmt.Fprintln(r.printer.out, clean(r.sentence()))
	}
	if r.err == nil && r.failed > 0 {
		return partlyError{fmt.Sprintf("%d of %d lines refused", r.failed, r.summary.Lines)}
	}
	return r.err
}

func (r *importReport) sentence() string {
	text := "banned " + count(r.summary.Banned, "address", "addresses")
	if r.summary.Banned > 0 {
		text += fmt.Sprintf(" up to %s-%d", r.summary.Epoch, r.summary.Position)
	}
	if r.summary.Before > 0 {
		text += fmt.Sprintf(", %d of them in an earlier run", r.summary.Before)
	}
	if r.summary.Same > 0 {
		text += "; " + count(r.summary.Same, "line", "lines") + " said the same again"
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
