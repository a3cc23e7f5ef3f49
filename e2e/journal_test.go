package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// journal keeps what a process writes, line by line. The process may still be
// writing.
type journal struct {
	mu      sync.Mutex // guards what follows
	lines   []string
	partial []byte
	changed chan struct{} // closed and replaced with each line
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.partial = append(j.partial, p...)
	for {
		line, rest, found := bytes.Cut(j.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		j.lines = append(j.lines, string(line))
		j.partial = append([]byte(nil), rest...)
		close(j.changed)
		j.changed = make(chan struct{})
	}
}

// String is everything so far.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(append(j.lines[:len(j.lines):len(j.lines)], string(j.partial)), "\n")
}

// record finds the first log record with that message.
func (j *journal) record(message string) (attrs map[string]any, found bool, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		var attrs map[string]any
		if json.Unmarshal([]byte(line), &attrs) == nil && attrs["msg"] == message {
			return attrs, true, nil
		}
	}
	return nil, false, j.changed
}
