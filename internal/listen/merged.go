package listen

import (
	"net"
	"sync"
)

// merged accepts from several listeners as one. Each has a goroutine that holds
// at most one connection until Accept takes it; Close ends them and waits.
type merged struct {
	listeners []net.Listener
	accepted  chan accepted
	closed    chan struct{}
	running   sync.WaitGroup
	close     func() error
}

type accepted struct {
	conn net.Conn
	err  error
}

// merge takes over listeners, of which there is at least one.
func merge(listeners []net.Listener) net.Listener {
	if len(listeners) == 1 {
		return listeners[0]
	}
	m := &merged{
		listeners: listeners,
		accepted:  make(chan accepted),
		closed:    make(chan struct{}),
	}
	m.close = sync.OnceValue(m.shut)
	for _, listener := range listeners {
		m.running.Go(func() { m.acceptFrom(listener) })
	}
	return m
}

// acceptFrom hands over connections and errors alike. After an error it goes on:
// whoever calls Accept knows which errors pass, and how long to pause.
func (m *merged) acceptFrom(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		select {
		case m.accepted <- accepted{conn, err}:
		case <-m.closed:
			if err == nil {
				conn.Close()
			}
			return
		}
	}
}

// Accept waits for a connection on any of the listeners. After Close it returns
// net.ErrClosed.
func (m *merged) Accept() (net.Conn, error) {
	select {
	case a := <-m.accepted:
		return a.conn, a.err
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close closes all listeners and connections not yet accepted. It can be called
// again, with the same result.
func (m *merged) Close() error { return m.close() }

func (m *merged) shut() error {
	close(m.closed)
	err := closeAll(m.listeners)
	m.running.Wait()
	return err
}

// Addr gives the address of the first listener.
func (m *merged) Addr() net.Addr { return m.listeners[0].Addr() }
