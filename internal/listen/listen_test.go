package listen_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/ringcast/ringcast/internal/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopbackHosts are the loopback addresses of this machine.
func loopbackHosts(t *testing.T) []string {
	t.Helper()
	var hosts []string
	for _, host := range []string{"127.0.0.1", "::1"} {
		probe, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err == nil {
			probe.Close()
			hosts = append(hosts, host)
		}
	}
	return hosts
}

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func open(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := listen.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// expectConnection dials host on the listener's port and wants Accept to give
// that very connection.
func expectConnection(t *testing.T, l net.Listener, host string) {
	t.Helper()
	client, err := net.Dial("tcp", net.JoinHostPort(host, port(l)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(*net.TCPConn); !ok {
		t.Errorf("the connection is a %T", conn)
	}
	if got, want := conn.RemoteAddr().String(), client.LocalAddr().String(); got != want {
		t.Errorf("accepted a connection from %s, want %s", got, want)
	}
}

func TestListenReachesEveryAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"localhost:0", "LocalHost:0", ":0"} {
		l := open(t, address)
		for _, host := range loopbackHosts(t) {
			expectConnection(t, l, host)
			expectConnection(t, l, host)
		}
	}
}

func TestListenStaysOnTheGivenAddress(t *testing.T) {
	t.Parallel()
	l := open(t, "127.0.0.1:0")
	expectConnection(t, l, "127.0.0.1")
	if conn, err := net.Dial("tcp", "127.0.0.2:"+port(l)); err == nil {
		conn.Close()
		t.Error("127.0.0.2 answers too")
	}
}

func TestLocalhostIsNotPublic(t *testing.T) {
	t.Parallel()
	l := open(t, "localhost:0")
	if conn, err := net.Dial("tcp", "127.0.0.2:"+port(l)); err == nil {
		conn.Close()
		t.Error("127.0.0.2 answers too")
	}
}

// TestPortInUse occupies each loopback address in turn: one of two is no
// success, since the other process would get half of the connections.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, host := range loopbackHosts(t) {
		other := open(t, net.JoinHostPort(host, "0"))
		address := "localhost:" + port(other)
		l, err := listen.Listen(t.Context(), address)
		if err == nil {
			l.Close()
			t.Fatalf("with %s taken: no error", other.Addr())
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%v does not wrap EADDRINUSE", err)
		}
		want := "listen on " + address + ": address already in use: is another ringcast running? choose another port"
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                  "listen on : want host:port",
		"localhost":         "listen on localhost: want host:port",
		"localhost:":        "listen on localhost:: want host:port",
		"4000":              "listen on 4000: want host:port",
		"192.0.2.1:0":       "listen on 192.0.2.1:0: cannot assign requested address: this machine does not have that address",
		"127.0.0.1:9999999": "listen on 127.0.0.1:9999999: address 9999999: invalid port",
	} {
		l, err := listen.Listen(t.Context(), address)
		if err == nil {
			l.Close()
			t.Errorf("%q: no error", address)
		} else if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %q, want %q", address, err, want)
		}
	}
}

func TestCloseEndsAccept(t *testing.T) {
	t.Parallel()
	l := open(t, "localhost:0")
	waiting := make(chan error, 2)
	var started sync.WaitGroup
	for range cap(waiting) {
		started.Add(1)
		go func() {
			started.Done()
			_, err := l.Accept()
			waiting <- err
		}()
	}
	started.Wait()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for range cap(waiting) {
		if err := <-waiting; !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept ended with %v", err)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after close: %v", err)
	}
}

func TestCloseTakesWhatThereIs(t *testing.T) {
	t.Parallel()
	opened, closed := open(t, "localhost:0"), open(t, "127.0.0.1:0")
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := listen.Close(nil, closed, opened); err != nil {
			t.Error(err)
		}
	}
	if _, err := opened.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after close: %v", err)
	}
}

// TestCloseDropsWaitingConnections wants clients that nobody accepted to see the
// end at once and not hang.
func TestCloseDropsWaitingConnections(t *testing.T) {
	t.Parallel()
	l := open(t, "localhost:0")
	var clients []net.Conn
	for _, host := range loopbackHosts(t) {
		for range 3 {
			client, err := net.Dial("tcp", net.JoinHostPort(host, port(l)))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			clients = append(clients, client)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("read something from a closed listener")
		}
	}
}
