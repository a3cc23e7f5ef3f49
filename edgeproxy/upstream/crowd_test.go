package upstream_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// TestMemoryOfSlowClients: clients of one body share its memory, however far each
// has come and however slow the origin is. It measures the heap, and so runs
// beside no other test.
func TestMemoryOfSlowClients(t *testing.T) {
	const clients, parts, partSize = 500, 8, 128 << 10
	d := newDrip(forAMinute)
	e := newEdge(t, newOrigin(t, d.ServeHTTP), upstream.Config{}, nil)
	front := narrowServer(t, e.handler)
	before := heap()

	part := strings.Repeat("x", partSize)
	slow := make([]*http.Response, clients)
	for i := range slow {
		slow[i] = askNarrowly(t, front)
	}
	for range parts - 1 { // some stay where they are, some take what there is
		d.send(t, part)
		var quick sync.WaitGroup
		for _, res := range slow[:5] {
			quick.Go(func() {
				if _, err := io.CopyN(io.Discard, res.Body, partSize); err != nil {
					t.Error(err)
				}
			})
		}
		quick.Wait()
	}
	// Each client takes about 100 KiB for its connections, on both sides of them;
	// with a copy each they would hold 450 MiB.
	if grown := int64(heap()) - int64(before); grown > clients*(160<<10) {
		t.Errorf("%d clients of one body of %d KiB take %d MiB", clients, parts*partSize>>10, grown>>20)
	}
	d.send(t, part)
	d.send(t, "")
	var rest sync.WaitGroup
	for _, res := range slow[:20] { // five quick ones and others
		rest.Go(func() {
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Error(err)
			}
		})
	}
	rest.Wait()
	if n := d.asked.Load(); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// narrow is about what a socket of these tests holds, so that the kernel does not
// hide the bodies.
const narrow = 32 << 10

func narrowServer(t *testing.T, handler http.Handler) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(narrow)
		return ctx
	}
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.Listener.Addr().String()
}

// askNarrowly returns when the header has come.
func askNarrowly(t *testing.T, address string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(narrow)
	if _, err := io.WriteString(conn, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	return res
}
