// Package lane serves plain requests without net/http's own way through them, which
// costs several times what the answer does. net/http has every connection and reads from
// it as usual; while it waits for a request, the lane looks at what comes, and answers GET
// and HEAD where the handler can do so at once. All else it passes on, byte for byte and one
// request at a time: bodies, upgrades, whatever it does not understand, and what the
// handler must first ask somebody for. So it is net/http alone that refuses what is
// malformed, ends what is slow and keeps count of the connections.
package lane

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Handler answers requests in up to two steps.
type Handler interface {
	// Begin answers a request and gives nil, or it gives what is still to be done for
	// the answer. That is called with the same request, perhaps read a second time: neither w
	// nor r nor its header may be kept. What Begin answers is whole when it returns, has a
	// Content-Type in its header, be it without a value, and where it is not small a
	// Content-Length.
	Begin(w http.ResponseWriter, r *http.Request) (rest http.HandlerFunc)
}

// Server is a server of net/http with the lane before it.
type Server struct {
	server  *http.Server
	handler Handler

	mu sync.Mutex // guards late, and additions to ending
	// late are the connections that are to be closed once they have an answer, ending
	// waits for them.
	late   map[*Conn]struct{}
	ending sync.WaitGroup
}

// New gives the server a handler. It is not used without the lane from then on.
// IdleTimeout and ReadHeaderTimeout are the lane's, too.
func New(server *http.Server, handler Handler) *Server {
	s := &Server{server: server, handler: handler, late: map[*Conn]struct{}{}}
	server.Handler = http.HandlerFunc(s.serve)
	server.ConnState = connState
	before := server.ConnContext
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if before != nil {
			ctx = before(ctx, conn)
		}
		return withConn(ctx, conn)
	}
	return s
}

// Serve accepts connections until Shutdown or Close, as http.Server has it.
func (s *Server) Serve(l net.Listener) error { return s.server.Serve(listener{l, s}) }

// Shutdown lets the answers under way end, as http.Server has it.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.server.Shutdown(ctx); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		s.ending.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.cut()
		<-ended
		return ctx.Err()
	}
}

// Close cuts off the answers under way, as http.Server has it.
func (s *Server) Close() error {
	err := s.server.Close()
	s.cut()
	s.ending.Wait()
	return err
}

func (s *Server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.late {
		_ = c.Conn.Close() // the answer ends by it, and closes it again
	}
}

// later tells whether the connection has an answer under way, and is closed after it.
func (s *Server) later(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.state.CompareAndSwap(answering, closing) {
		return false
	}
	s.late[c] = struct{}{}
	s.ending.Add(1)
	return true
}

func (s *Server) closeLate(c *Conn) error {
	err := c.Conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.late, c)
	s.ending.Done()
	if err != nil {
		return err
	}
	return net.ErrClosed
}

// serve is the handler of net/http.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var rest http.HandlerFunc
	if c, ok := r.Context().Value(connKey{}).(*Conn); ok {
		rest = c.resume(r)
	}
	if rest == nil {
		rest = s.handler.Begin(w, r)
	}
	if rest != nil {
		rest(w, r)
	}
}

// listener gives connections to net/http.
type listener struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: conn, lane: l.server, gap: true, fresh: true}, nil
}

// connState tells a connection that net/http is done with a request.
func connState(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*Conn); ok && state == http.StateIdle {
		c.idle()
	}
}

type connKey struct{}

// withConn lets a request find its connection, and the connection its requests'
// context.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	c, ok := conn.(*Conn)
	if !ok {
		return ctx
	}
	ctx = context.WithValue(ctx, connKey{}, c)
	request := &http.Request{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: conn.RemoteAddr().String(),
	}
	c.request = request.WithContext(ctx)
	return ctx
}
