package stream

import (
	"bytes"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// slowLink takes a KiB in 20 ms, and fails a write that is not through by its deadline.
type slowLink struct {
	bytes.Buffer
	deadline time.Time
}

func (*slowLink) Header() http.Header { return nil }
func (*slowLink) WriteHeader(int)     {}
func (*slowLink) FlushError() error   { return nil }

func (l *slowLink) SetWriteDeadline(at time.Time) error {
	l.deadline = at
	return nil
}

func (l *slowLink) Write(p []byte) (int, error) {
	through := time.Now().Add(time.Duration(len(p)) * 20 * time.Millisecond >> 10)
	if through.After(l.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(time.Until(through))
	return l.Buffer.Write(p)
}

// A large batch is one frame, and takes minutes on a slow link that never stands
// still: its reader is not stuck, and would be sent the same again if it was dropped.
func TestLargeFrameOnASlowLink(t *testing.T) {
	t.Parallel()
	large, small := bytes.Repeat([]byte("x"), 6<<20), []byte("y")
	for name, write := range map[string]func(*output) error{
		"shared": func(o *output) error { return o.send([][]byte{small, large, small}) },
		"own": func(o *output) error {
			o.buf = bytes.Join([][]byte{small, large, small}, nil)
			return o.flushFull()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				link := new(slowLink)
				if err := write(newOutput(link, writeTimeout, newMetrics(nil))); err != nil {
					t.Fatal(err)
				}
				if want := bytes.Join([][]byte{small, large, small}, nil); !bytes.Equal(link.Bytes(), want) {
					t.Errorf("%d bytes came, want the %d that were sent", link.Len(), len(want))
				}
			})
		})
	}
}
