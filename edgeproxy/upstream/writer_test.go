package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts one connection.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// onPipe has a server answer one request in a bubble. The client reads the answer
// by the connection that it is given.
func onPipe(t *testing.T, handler func(w http.ResponseWriter), client func(t *testing.T, conn net.Conn)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		l.conns <- far
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { handler(newWriter(w)) })}
		done := make(chan error)
		go func() { done <- server.Serve(l) }()
		if _, err := io.WriteString(near, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Error(err)
		}
		client(t, near)
		_ = near.Close()
		_ = server.Close()
		<-done
	})
}

func TestStuckClientIsGivenUp(t *testing.T) {
	var took time.Duration
	var err error
	onPipe(t, func(w http.ResponseWriter) {
		began := time.Now()
		_, err = io.WriteString(w, strings.Repeat("x", 3*firstWrite))
		took = time.Since(began)
	}, func(t *testing.T, _ net.Conn) {
		time.Sleep(2 * writeTimeout) // the bubble's
		synctest.Wait()
		if !errors.Is(err, os.ErrDeadlineExceeded) || took != writeTimeout {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestSlowClientIsServed(t *testing.T) {
	const pieces = 4
	body := strings.Repeat("x", firstWrite+pieces*smallWrite)
	onPipe(t, func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if n, err := io.WriteString(w, body); n != len(body) || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	}, func(t *testing.T, conn net.Conn) {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Error(err)
			return
		}
		for i := range pieces + 1 {
			time.Sleep(writeTimeout - time.Second) // the bubble's
			size := int64(smallWrite)
			if i == 0 {
				size = firstWrite
			}
			if _, err := io.CopyN(io.Discard, res.Body, size); err != nil {
				t.Errorf("piece %d: %v", i, err)
				return
			}
		}
	})
}

// sizes notes how much is written at once.
type sizes struct {
	*httptest.ResponseRecorder
	of    []int
	delay time.Duration
}

func (s *sizes) Write(p []byte) (int, error) {
	s.of = append(s.of, len(p))
	time.Sleep(s.delay) // the bubble's
	return len(p), nil
}

func TestWritesFollowTheClient(t *testing.T) {
	t.Parallel()
	for delay, want := range map[time.Duration][]int{
		0:          {firstWrite, largeWrite, largeWrite},
		quickWrite: append([]int{firstWrite}, slices.Repeat([]int{smallWrite}, 2*largeWrite/smallWrite)...),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &sizes{ResponseRecorder: httptest.NewRecorder(), delay: delay}
			n, err := newWriter(s).Write(make([]byte, firstWrite+2*largeWrite))
			if err != nil || n != firstWrite+2*largeWrite || !slices.Equal(s.of, want) {
				t.Errorf("with %v a write: %d bytes in %v, %v", delay, n, s.of, err)
			}
		})
	}
}
