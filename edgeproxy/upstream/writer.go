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
	// firstWrite is how much the first write waits for, in bytes: a client that takes
	// about 4 kB/s is served. The next are large for one that took it within
	// quickWrite, since each costs a call of the kernel, and small for the others.
	firstWrite = 256 << 10
	smallWrite = 64 << 10
	largeWrite = 1 << 20
	quickWrite = 100 * time.Millisecond
	// sameStart is how soon after a write began the next one may share its deadline,
	// which the runtime's timers do not change for nothing.
	sameStart = time.Second
)

// writer gives each write to a client a deadline of its own.
type writer struct {
	http.ResponseWriter
	controller *http.ResponseController
	written    int64
	size       int       // of the next write, at most
	started    time.Time // zero where there is no deadline
}

func newWriter(w http.ResponseWriter) *writer {
	return &writer{ResponseWriter: w, controller: http.NewResponseController(w), size: firstWrite}
}

// Write writes in parts, and ends at the first that takes too long.
func (w *writer) Write(p []byte) (n int, err error) {
	for first := true; err == nil && (first || n < len(p)); first = false {
		var written int
		written, err = w.writePart(p[n:min(len(p), n+w.size)])
		n += written
	}
	w.written += int64(n)
	return n, err
}

func (w *writer) writePart(p []byte) (int, error) {
	began := w.start()
	n, err := w.ResponseWriter.Write(p)
	switch {
	case len(p) < smallWrite: // says nothing
	case time.Since(began) < quickWrite:
		w.size = largeWrite
	default:
		w.size = smallWrite
	}
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
	w.started = time.Time{}
	_ = w.controller.SetWriteDeadline(w.started) // as in start
	return nil
}

func (w *writer) whole() bool {
	length := w.Header()["Content-Length"]
	return len(length) == 1 && length[0] == strconv.FormatInt(w.written, 10)
}

// Unwrap lets http.ResponseController reach the rest.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// start begins the time of one write. The server clears it after the answer.
func (w *writer) start() time.Time {
	now := time.Now()
	if now.Sub(w.started) >= sameStart {
		w.started = now
		_ = w.controller.SetWriteDeadline(now.Add(writeTimeout)) // a writer that has none waits
	}
	return now
}
