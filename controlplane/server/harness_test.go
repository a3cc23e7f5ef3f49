package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane/server"
	"github.com/ringcast/ringcast/internal/config"
	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

func testConfig(dir string) server.Config {
	return server.Config{
		HTTPListen: "localhost:0", GRPCListen: "localhost:0",
		DataDir: dir, Log: "sqlite:",
		TombstoneRetention: time.Hour, MomentRetention: time.Hour, AuditRetention: time.Hour, MomentMax: 1000,
		RingSize: 1000, RingBytes: config.Bytes(1 << 20), Heartbeat: time.Hour, MaxSubscribers: 10,
	}
}

func deps() server.Deps {
	return server.Deps{Logger: slog.New(slog.DiscardHandler), Version: "v0.0.0-test"}
}

// running is a server that runs, and a client of its own.
type running struct {
	t *testing.T
	*server.Server
	url    string
	client *http.Client
	stop   func() error
}

// start runs a server until the test ends, or stop is called.
func start(t *testing.T, cfg server.Config) *running {
	t.Helper()
	return run(t, open(t, cfg))
}

// run does the same for one that is open.
func run(t *testing.T, s *server.Server) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r := &running{t: t, Server: s, url: "http://" + s.HTTPAddr().String(), client: &http.Client{Transport: new(http.Transport)}}
	r.stop = sync.OnceValue(func() error {
		cancel()
		r.client.CloseIdleConnections()
		select {
		case err := <-ended:
			return errors.Join(err, s.Close())
		case <-time.After(patience):
			return errors.New("the server does not end")
		}
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return r
}

// open gives a server that listens and does not run yet.
func open(t *testing.T, cfg server.Config) *server.Server {
	t.Helper()
	return openWith(t, cfg, deps())
}

// openLogged does the same, and gives what it logs. To be read once the server
// has ended, or before it runs.
func openLogged(t *testing.T, cfg server.Config) (*server.Server, *bytes.Buffer) {
	t.Helper()
	var logs bytes.Buffer
	return openWith(t, cfg, server.Deps{Logger: slog.New(slog.NewTextHandler(&logs, nil))}), &logs
}

func openWith(t *testing.T, cfg server.Config, deps server.Deps) *server.Server {
	t.Helper()
	s, err := server.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// get answers with the status and the body.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	status, body, err := r.request(http.MethodGet, path, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return status, body
}

// post wants the answer 200.
func (r *running) post(path, body string) string {
	r.t.Helper()
	status, answer, err := r.request(http.MethodPost, path, body)
	if err != nil || status != http.StatusOK {
		r.t.Fatalf("POST %s: %d %s, %v", path, status, answer, err)
	}
	return answer
}

func (r *running) request(method, path, body string) (int, string, error) {
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), err
}

// reading is an open stream.
type reading struct {
	t      *testing.T
	parser *sse.Parser
}

func (r *running) events(query string) *reading {
	r.t.Helper()
	resp, err := r.client.Get(r.url + wire.EventsPath + query)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s", wire.EventsPath, resp.Status)
	}
	return &reading{t: r.t, parser: sse.NewParser(resp.Body, sse.Options{})}
}

// until reads up to and with the first event of a type.
func (r *reading) until(eventType string) sse.Event {
	r.t.Helper()
	for {
		event, err := r.parser.Next()
		if err != nil {
			r.t.Fatalf("stream ended before %s: %v", eventType, err)
		}
		if event.Type == eventType {
			event.Data = bytes.Clone(event.Data)
			return event
		}
	}
}

// eventually tries until it succeeds, as quickly as the other side answers.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// stuckReader opens a stream and reads nothing of it.
func (r *running) stuckReader() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.HTTPAddr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		r.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET %s?last_event_id=latest HTTP/1.1\r\nHost: localhost\r\n\r\n", wire.EventsPath); err != nil {
		r.t.Fatal(err)
	}
	return conn
}
