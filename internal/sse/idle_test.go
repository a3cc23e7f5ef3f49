package sse_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringcast/ringcast/internal/sse"
)

// idle gives a reader of a pipe whose end closes it.
func idle(timeout time.Duration) (*sse.IdleReader, *io.PipeWriter) {
	source, sink := io.Pipe()
	return sse.NewIdleReader(source, timeout, func() { source.Close() }), sink
}

func TestIdleReaderEndsASilentSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, sink := idle(time.Second)
		go io.WriteString(sink, "ab")
		began := time.Now()
		text, err := io.ReadAll(r)
		if string(text) != "ab" || !errors.Is(err, sse.ErrSilent) || time.Since(began) != time.Second {
			t.Errorf("%q, %v after %s", text, err, time.Since(began))
		}
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, sse.ErrSilent) {
			t.Errorf("read again: %v", err)
		}
	})
}

// A caller that is busy for long loses nothing, and a source that speaks in time
// may speak for ever.
func TestIdleReaderCountsOnlyTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, sink := idle(time.Second)
		go func() {
			for range 5 {
				time.Sleep(900 * time.Millisecond)
				io.WriteString(sink, "a")
			}
			sink.Close()
		}()
		for range 5 {
			if n, err := r.Read(make([]byte, 8)); n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			time.Sleep(time.Hour)
		}
		if _, err := r.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestIdleReaderTimeoutChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := idle(time.Hour)
		r.SetTimeout(time.Minute)
		began := time.Now()
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, sse.ErrSilent) || time.Since(began) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// An error of the source's own stays what it is.
func TestIdleReaderPassesErrorsOn(t *testing.T) {
	t.Parallel()
	r, sink := idle(time.Hour)
	broken := errors.New("broken")
	sink.CloseWithError(broken)
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
