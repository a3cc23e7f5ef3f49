package lane

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Times of the servers under test.
const (
	idleTimeout   = 2 * time.Minute
	headerTimeout = 10 * time.Second
	writeTimeout  = 90 * time.Second
	readTimeout   = time.Minute
)

// shop answers hits at once, each with what it was asked, and the rest by way of an
// origin that counts.
type shop struct {
	mu sync.Mutex
	// asked are the requests to the origin, byLane the targets that the lane answered.
	asked, byLane []string
	// hold, if set, is called for what begins with /held, by the handler.
	hold func(r *http.Request)
}

// Begin implements Handler.
func (s *shop) Begin(w http.ResponseWriter, r *http.Request) http.HandlerFunc {
	controller := http.NewResponseController(w)
	_ = controller.SetWriteDeadline(time.Now().Add(writeTimeout)) // not in every test
	if r.ContentLength != 0 {
		_ = controller.SetReadDeadline(time.Now().Add(readTimeout)) // as that
	}
	if _, ok := w.(*writer); ok && !strings.HasPrefix(r.URL.Path, "/miss") {
		s.note(&s.byLane, r.RequestURI)
	}
	h := w.Header()
	h["Content-Type"] = nil
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/hit"):
		whole(w, dump(r))
	case strings.HasPrefix(path, "/big"):
		whole(w, strings.Repeat(dump(r), 40<<10/len(dump(r))))
	case path == "/refused":
		h.Set("X-Reason", "two\r\nlines ")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no\n")
	case path == "/same":
		h.Set("Content-Length", "7")
		w.WriteHeader(http.StatusNotModified)
	case path == "/empty":
		w.WriteHeader(http.StatusNoContent)
	case path == "/own":
		w.WriteHeader(299) // a status without a name
	default:
		return s.ask
	}
	return nil
}

func (s *shop) note(list *[]string, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, what)
}

func (s *shop) ask(w http.ResponseWriter, r *http.Request) {
	if s.hold != nil && strings.HasPrefix(r.URL.Path, "/held") {
		s.hold(r)
	}
	body, err := io.ReadAll(r.Body)
	s.note(&s.asked, fmt.Sprintf("%s%q %v", dump(r), body, err))
	w.Header()["Content-Type"] = nil
	_, _ = fmt.Fprintf(w, "%d\n%s%q\n", len(s.asked), dump(r), body)
}

// ServeHTTP is the way without the lane.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest := s.Begin(w, r); rest != nil {
		rest(w, r)
	}
}

func whole(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Twice", "1")
	w.Header().Add("X-Twice", "2")
	_, _ = io.WriteString(w, body) // to HEAD nothing is sent
}

// dump is all that a handler sees of a request.
func dump(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q %s %v %d %v\n", r.Method, r.RequestURI, r.URL, r.Proto, r.Host, r.ContentLength, r.Close)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %q\n", name, r.Header[name])
	}
	return b.String()
}

func newHTTP() *http.Server {
	return &http.Server{
		IdleTimeout: idleTimeout, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), DisableGeneralOptionsHandler: true,
	}
}

// server is what http.Server and Server have in common.
type server interface {
	Serve(net.Listener) error
	Close() error
}

func withLane(s *shop) server { return New(newHTTP(), s) }

func without(s *shop) server {
	h := newHTTP()
	h.Handler = s
	return h
}

// listen serves on a socket until the test ends.
func listen(t *testing.T, s server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return l.Addr().String()
}
