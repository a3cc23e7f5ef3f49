package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// objectOrigin serves all objects there could be, for an hour each. It does no more
// than it must: its CPU time is taken from the load's.
type objectOrigin struct {
	address  string
	bodies   bodies
	listener net.Listener
	// asked counts requests.
	asked   atomic.Int64
	running sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func startObjectOrigin(ctx context.Context, bodies bodies) (*objectOrigin, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start origin: %w", err)
	}
	o := &objectOrigin{
		address: listener.Addr().String(), bodies: bodies, listener: listener, conns: map[net.Conn]struct{}{},
	}
	o.running.Go(o.accept)
	return o, nil
}

// accept ends when the listener is closed.
func (o *objectOrigin) accept() {
	for {
		conn, err := o.listener.Accept()
		if err != nil {
			return
		}
		o.mu.Lock()
		o.conns[conn] = struct{}{}
		o.mu.Unlock()
		o.running.Go(func() { o.serve(conn) })
	}
}

// serve answers until the other side, or stop, closes the connection. What it
// cannot understand it closes, too: the load notices.
func (o *objectOrigin) serve(conn net.Conn) {
	defer func() {
		o.mu.Lock()
		delete(o.conns, conn)
		o.mu.Unlock()
		_ = conn.Close() // nothing is under way
	}()
	in, head := bufio.NewReader(conn), []byte(nil)
	for {
		wanted, err := readRequest(in)
		if err != nil {
			return
		}
		o.asked.Add(1)
		head = appendHeader(head[:0], wanted)
		answer := net.Buffers{head, o.bodies.of(wanted)}
		if _, err := answer.WriteTo(conn); err != nil {
			return
		}
	}
}

// readRequest reads a request without a body.
func readRequest(in *bufio.Reader) (o object, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return o, err
	}
	_, rest, _ := strings.Cut(string(line), " ")
	path, _, _ := strings.Cut(rest, " ")
	if o, err = parseObject(path); err != nil {
		return o, err
	}
	for len(line) > len("\r\n") {
		if line, err = in.ReadSlice('\n'); err != nil {
			return o, err
		}
	}
	return o, nil
}

func appendHeader(b []byte, o object) []byte {
	b = append(b, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: max-age=3600\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	if o.tagged {
		b = append(b, "\r\nCache-Tag: "+benchTag...)
	}
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(o.size), 10)
	return append(b, "\r\n\r\n"...)
}

// stop can be called again.
func (o *objectOrigin) stop() error {
	err := o.listener.Close()
	o.mu.Lock()
	for conn := range o.conns {
		_ = conn.Close() // its goroutine ends by that
	}
	o.mu.Unlock()
	o.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
