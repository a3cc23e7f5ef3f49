package api

import (
	"errors"
	"net"
	"testing"
)

func TestLimitConns(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := limitConns(inner, 2)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	var conns []net.Conn
	for range 2 {
		dial(t, inner)
		conns = append(conns, <-accepted)
	}
	dial(t, inner)
	select {
	case <-accepted:
		t.Fatal("a third connection was accepted")
	default:
	}
	if free := cap(listener.(*limited).places) - len(listener.(*limited).places); free != 0 {
		t.Errorf("%d places are free, want none", free)
	}
	conns[0].Close()
	conns[0].Close() // Gives the place back once.
	conns = append(conns, <-accepted)
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	for _, conn := range conns {
		conn.Close()
	}
}

func dial(t *testing.T, listener net.Listener) {
	t.Helper()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
}
