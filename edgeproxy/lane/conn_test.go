package lane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const fields = " HTTP/1.1\r\nHost: a.example\r\n"

// client is a connection with its answers.
type client struct {
	*testing.T
	net.Conn
	answers *bufio.Reader
}

func dial(t *testing.T, address string) client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return client{t, conn, bufio.NewReader(conn)}
}

func (c client) send(text string) {
	c.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.Fatal(err)
	}
}

// gets reads an answer to GET and gives its status and body.
func (c client) gets() (int, string) {
	c.Helper()
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		c.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// enter makes the lane look at the connection's next request.
func (c client) enter() {
	c.Helper()
	c.send("GET /miss" + fields + "\r\n")
	c.gets()
}

// What the lane does not answer does not end its part, whether or not there are
// bodies, and in what order they come.
func TestTakesTurns(t *testing.T) {
	t.Parallel()
	s := &shop{}
	c := dial(t, listen(t, withLane(s)))
	c.enter()
	c.send("GET /hit/1" + fields + "\r\n" + "GET /miss/2" + fields + "\r\n" + "GET /hit/3" + fields + "\r\n" +
		"PUT /miss/4" + fields + "Content-Length: 5\r\n\r\n12345" + "GET /hit/5" + fields + "\r\n" +
		"GET /hit/6" + fields + "Connection: x\r\n\r\n" + "GET /hit/7" + fields + "X: " + strings.Repeat("x", 9000) + "\r\n\r\n" +
		"POST /miss/8" + fields + "Content-Length: 0\r\n\r\n" + "GET /hit/9" + fields + "\r\n" + "GET /hit/10" + fields + "\r\n" +
		"PUT /miss/11" + fields + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + "GET /hit/12" + fields + "\r\n")
	for i := 1; i <= 12; i++ {
		if status, body := c.gets(); status != 200 || !strings.Contains(body, fmt.Sprintf("/%d ", i)) {
			t.Fatalf("answer %d: %d %q", i, status, body)
		}
	}
	want := []string{"/hit/1", "/hit/3", "/hit/5", "/hit/7", "/hit/10"}
	if diff := cmp.Diff(want, s.byLane); diff != "" {
		t.Errorf("answered by the lane (-want +got)\n%s", diff)
	}
}

// net/http hears of a client that leaves while it works for it, and of one that sends
// its next request before loses neither that nor a byte of it.
func TestWatchesClients(t *testing.T) {
	t.Parallel()
	left, goOn := make(chan error, 1), make(chan struct{})
	s := &shop{hold: func(r *http.Request) {
		if r.URL.Path == "/held/on" {
			<-goOn
			return
		}
		<-r.Context().Done()
		left <- r.Context().Err()
	}}
	address := listen(t, withLane(s))
	c := dial(t, address)
	c.enter()
	c.send("GET /held/on" + fields + "\r\n")
	for _, part := range []string{"G", "ET /hit/", "next" + fields + "\r\n"} {
		c.send(part)
	}
	close(goOn)
	c.gets()
	if _, body := c.gets(); !strings.Contains(body, "/hit/next") {
		t.Errorf("the next request: %q", body)
	}
	c.send("GET /held/left" + fields + "\r\n")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler heard %v", err)
	}
}

// A body may be read by another goroutine than the handler's, as http.Transport does, and
// both set deadlines for it.
func TestDeadlinesFromSeveralGoroutines(t *testing.T) {
	t.Parallel()
	s := &shop{hold: func(r *http.Request) {
		conn := r.Context().Value(connKey{}).(*Conn)
		var setting sync.WaitGroup
		defer setting.Wait()
		for range 2 {
			setting.Go(func() {
				if err := conn.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
					t.Error(err)
				}
			})
		}
	}}
	c := dial(t, listen(t, withLane(s)))
	for range 2 {
		c.send("PUT /held" + fields + "Content-Length: 1\r\n\r\nx")
		c.gets()
	}
}

// slowly is a Handler whose answers are longer than any buffer.
type slowly struct{ began chan struct{} }

const slowBody = 64 << 20

func (s slowly) Begin(w http.ResponseWriter, r *http.Request) http.HandlerFunc {
	if _, ok := w.(*writer); !ok {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil }
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // the writer has it
	w.Header().Set("Content-Length", fmt.Sprint(slowBody))
	w.WriteHeader(http.StatusOK)
	close(s.began)
	_, _ = w.Write(make([]byte, slowBody))
	return nil
}

// Shutdown closes idle connections at once, and one that the lane answers on after
// the answer.
func TestShutdownLetsAnswersEnd(t *testing.T) {
	t.Parallel()
	h := slowly{make(chan struct{})}
	s := New(newHTTP(), h)
	address := listen(t, s)
	idle, c := dial(t, address), dial(t, address)
	idle.enter()
	c.enter()
	c.send("GET /slow" + fields + "\r\n")
	<-h.began
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	if _, err := idle.answers.ReadByte(); err != io.EOF {
		t.Errorf("idle: %v", err)
	}
	select {
	case err := <-done:
		t.Errorf("shut down during the answer: %v", err)
	default:
	}
	if status, body := c.gets(); status != 200 || len(body) != slowBody {
		t.Errorf("%d and %d bytes", status, len(body))
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := c.answers.ReadByte(); err != io.EOF {
		t.Errorf("after the answer: %v", err)
	}
}

// An answer that takes longer than Shutdown may is cut off, and so by Close.
func TestShutdownEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Server) error{
		"shutdown": func(s *Server) error {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("shutdown gives %w", err)
			}
			return nil
		},
		"close": (*Server).Close,
	} {
		h := slowly{make(chan struct{})}
		s := New(newHTTP(), h)
		c := dial(t, listen(t, s))
		c.enter()
		c.send("GET /slow" + fields + "\r\n")
		<-h.began
		if err := end(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, _ := io.Copy(io.Discard, c.answers); n >= slowBody {
			t.Errorf("%s: the answer came whole", name)
		}
	}
}

// A client that takes nothing loses its connection when the write's time is over.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pipes{make(chan net.Conn, 1), make(chan struct{})}
		s := New(newHTTP(), slowly{make(chan struct{})})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = s.Serve(l)
		}()
		end, conn := net.Pipe()
		l.conns <- conn
		c := client{t, end, bufio.NewReader(end)}
		c.enter()
		c.send("GET /slow" + fields + "\r\n")
		time.Sleep(writeTimeout + 1)
		synctest.Wait()
		if n, err := io.Copy(io.Discard, end); n != 0 || err != nil {
			t.Errorf("%d bytes and %v after the time", n, err)
		}
		close(l.done)
		<-ended
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
