package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// drawEvery keeps a terminal from having more to do than the import.
	drawEvery = 100 * time.Millisecond
	// sayEvery is how often a log hears of an import.
	sayEvery = 10 * time.Second
	barWidth = 30
)

// progress tells how far something that takes long has come: by a bar on a
// terminal, and elsewhere by a line now and then.
type progress struct {
	w        io.Writer
	terminal bool
	total    int64 // bytes; 0: not known
	now      func() time.Time

	began, told time.Time
	drawn       bool
}

func newProgress(w io.Writer, total int64, now func() time.Time) *progress {
	began := now()
	return &progress{w: w, terminal: isTerminal(w), total: total, now: now, began: began, told: began}
}

// isTerminal takes every character device for one; of the others that there are,
// /dev/null, nobody sees what it got.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// tell says how many lines and bytes are done, unless that was said just now.
func (p *progress) tell(lines int, bytes int64) {
	every := sayEvery
	if p.terminal {
		every = drawEvery
	}
	now := p.now()
	if now.Sub(p.told) < every {
		return
	}
	p.told = now
	text := p.text(lines, bytes, now.Sub(p.began))
	if p.terminal {
		p.write("\r\x1b[K" + p.bar(bytes) + text)
		p.drawn = true
		return
	}
	p.write("ringcast: " + text + "\n")
}

// clear makes room for a line of something else.
func (p *progress) clear() {
	if p.drawn {
		p.write("\r\x1b[K")
		p.drawn = false
	}
}

// write gives up on whoever cannot be told.
func (p *progress) write(text string) { _, _ = io.WriteString(p.w, text) }

func (p *progress) text(lines int, bytes int64, took time.Duration) string {
	text := fmt.Sprintf("%d lines", lines)
	if seconds := took.Seconds(); seconds > 0 {
		text += fmt.Sprintf(", %.0f/s", float64(lines)/seconds)
	}
	if p.total <= 0 || bytes <= 0 {
		return text
	}
	left := time.Duration(float64(took) * float64(p.total-bytes) / float64(bytes)).Round(time.Second)
	return fmt.Sprintf("%3.0f%%  %s, %s left", 100*float64(bytes)/float64(p.total), text, max(left, 0))
}

func (p *progress) bar(bytes int64) string {
	if p.total <= 0 {
		return ""
	}
	full := int(min(bytes, p.total) * barWidth / p.total)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] "
}
