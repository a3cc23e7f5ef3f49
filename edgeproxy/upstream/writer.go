package upstream

import (
	"net/http"
	"strconv"
	"time"
)

const (
	// writeTimeout ends the connection of a client that takes nothing, which would
	// hold the memory of its answer for as long as it likes. It counts while a
	// write waits, not while there is nothing to write.
	writeTimeout = 60 * time.Second
	// writeSize is how much one write may wait for, in bytes: a client that is
	// slow but takes about 1 kB/s is served.
	writeSize = 64 << 10
)

// writer gives each write to a client a deadline of its own.
type writer struct {
	http.ResponseWriter
	controller *http.ResponseController
	written    int64
}

func newWriter(w http.ResponseWriter) *writer {
	return &writer{ResponseWriter: w, controller: http.NewResponseController(w)}
}

// Write writes in parts, and ends at the first that takes too long.
func (w *writer) Write(p []byte) (n int, err error) {
	for first := true; err == nil && (first || n < len(p)); first = false {
		w.start()
		var written int
		written, err = w.ResponseWriter.Write(p[n:min(len(p), n+writeSize)])
		n += written
	}
	w.written += int64(n)
	return n, err
}

// FlushError implements what http.ResponseController looks for. What follows may
// be long in coming: HTTP/2 ends a stream whose deadline passes without a write. A
// whole answer is sent at the handler's end, which is next: at once with its header.
func (w *writer) FlushError() error {
	if w.whole() {
		return nil
	}
	w.start()
	if err := w.controller.Flush(); err != nil {
		return err
	}
	_ = w.controller.SetWriteDeadline(time.Time{}) // as in start
	return nil
}

func (w *writer) whole() bool {
	length := w.Header()["Content-Length"]
	return len(length) == 1 && length[0] == strconv.FormatInt(w.written, 10)
}

// Unwrap lets http.ResponseController reach the rest.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// start begins the time of one write. The server clears it after the answer.
func (w *writer) start() {
	_ = w.controller.SetWriteDeadline(time.Now().Add(writeTimeout)) // a writer that has none waits
}
