package main

import (
	"net/http"
	"time"
)

// streamAnswer takes a stream in memory: its length, and the last of its writes.
type streamAnswer struct {
	header http.Header
	length int
	last   []byte
}

// Header implements http.ResponseWriter.
func (a *streamAnswer) Header() http.Header {
	if a.header == nil {
		a.header = make(http.Header)
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter.
func (a *streamAnswer) WriteHeader(int) {}

// Write implements http.ResponseWriter.
func (a *streamAnswer) Write(p []byte) (int, error) {
	a.length += len(p)
	a.last = append(a.last[:0], p...)
	return len(p), nil
}

// FlushError is asked for by http.ResponseController.
func (a *streamAnswer) FlushError() error { return nil }

// SetWriteDeadline is asked for by http.ResponseController.
func (a *streamAnswer) SetWriteDeadline(time.Time) error { return nil }
