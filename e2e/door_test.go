package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// door is a TCP address that stays when the process behind it comes and goes. It
// can be shut, can cut a connection after a number of bytes, and can hold back what is
// sent while both ends take the connection for open.
type door struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	target string     // empty: shut
	limit  int64      // bytes to a client until the cut; 0: none
	conns  map[net.Conn]bool
	closed bool
	passes chan struct{} // open while bytes are held back; else closed
}

func openDoor(t *testing.T, target string) *door {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	d := &door{listener: listener, target: target, conns: map[net.Conn]bool{}, passes: make(chan struct{})}
	close(d.passes)
	d.running.Go(d.accept)
	t.Cleanup(d.remove)
	return d
}

func (d *door) address() string { return d.listener.Addr().String() }

func (d *door) url() string { return "http://" + d.address() }

// to leads to another target; the connections there are stay. An empty target
// shuts the door.
func (d *door) to(target string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = target
}

// cutAfter sets how many bytes a client gets on a connection; 0 is no limit.
func (d *door) cutAfter(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = bytes
}

// hold holds back every byte until release, as a link that is cut without a word.
func (d *door) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passes = make(chan struct{})
}

func (d *door) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.passes:
	default:
		close(d.passes)
	}
}

// held is a reader whose bytes the door may hold back.
type held struct {
	*door
	from io.Reader
}

func (h held) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	h.mu.Lock()
	passes := h.passes
	h.mu.Unlock()
	<-passes
	return n, err
}

// shut ends all connections and lets nobody in.
func (d *door) shut() {
	d.release()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = ""
	for conn := range d.conns {
		conn.Close()
	}
}

func (d *door) remove() {
	d.shut()
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.listener.Close()
	d.running.Wait()
}

func (d *door) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.running.Go(func() { d.pass(client) })
	}
}

// pass connects a client with the target until either is gone.
func (d *door) pass(client net.Conn) {
	defer d.forget(client)
	server, limit := d.enter(client)
	if server == nil {
		return
	}
	defer d.forget(server)
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(server, held{d, client})
		server.Close()
	})
	if limit > 0 {
		_, _ = io.CopyN(client, held{d, server}, limit)
	} else {
		_, _ = io.Copy(client, held{d, server})
	}
	client.Close()
	up.Wait()
}

func (d *door) enter(client net.Conn) (server net.Conn, limit int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.target == "" || d.closed {
		return nil, 0
	}
	server, err := net.Dial("tcp", d.target)
	if err != nil {
		return nil, 0
	}
	d.conns[client], d.conns[server] = true, true
	return server, d.limit
}

func (d *door) forget(conn net.Conn) {
	conn.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, conn)
}
