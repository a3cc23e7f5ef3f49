package stream

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"
)

// flushBytes is how much is written at once: a deadline covers about as much, so that
// a slow subscriber is told from a stuck one. A large batch is many such pieces.
const flushBytes = 64 << 10

// errStuck ends the stream of a subscriber that does not read.
var errStuck = errors.New("subscriber does not read")

// output collects frames and writes them with a deadline. The first error is
// kept, and nothing is written after it.
type output struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	metrics *metrics
	buf     []byte
	err     error
}

func newOutput(w http.ResponseWriter, timeout time.Duration, m *metrics) *output {
	return &output{w: w, control: http.NewResponseController(w), timeout: timeout, metrics: m}
}

// flushFull writes what was collected once it is worth a write.
func (o *output) flushFull() error {
	if len(o.buf) < flushBytes {
		return o.err
	}
	return o.flush()
}

// flush writes what was collected.
func (o *output) flush() error {
	if o.err != nil || len(o.buf) == 0 {
		return o.err
	}
	o.err = o.write([][]byte{o.buf})
	o.buf = o.buf[:0]
	if cap(o.buf) > 2*flushBytes {
		o.buf = nil
	}
	return o.err
}

// send writes what was collected, and then shared frames.
func (o *output) send(frames [][]byte) error {
	if o.flush() == nil {
		o.err = o.write(frames)
	}
	return o.err
}

func (o *output) write(pieces [][]byte) error {
	covered := 0 // how many bytes the deadline is still for
	for _, piece := range pieces {
		for part := range slices.Chunk(piece, flushBytes) {
			if covered <= 0 {
				if err := o.control.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
					return fmt.Errorf("set write deadline: %w", err)
				}
				covered = flushBytes
			}
			n, err := o.w.Write(part)
			o.metrics.bytes.Add(float64(n))
			if err != nil {
				return explain(err)
			}
			covered -= n
		}
	}
	return explain(o.control.Flush())
}

func explain(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errStuck
	}
	return err
}
