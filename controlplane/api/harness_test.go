package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/api"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/controlplane/fleet"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// env is a server on real sockets, over a real log.
type env struct {
	t     testing.TB
	log   *recordingLog
	edges *fleet.Fleet
	// roster is the log of who belongs to the fleet.
	roster eventlog.Log
	logs   *lockedBuffer
	url    string
	conn   *grpc.ClientConn

	bans   ringcastv1.BanServiceClient
	allows ringcastv1.AllowServiceClient
	tokens ringcastv1.TokenServiceClient
	cache  ringcastv1.CacheServiceClient
	fleet  ringcastv1.FleetServiceClient
}

// recordingLog keeps the requests of appends, and fails when told to.
type recordingLog struct {
	eventlog.Log
	mu       sync.Mutex
	requests []eventlog.Request
	fail     error
}

func (l *recordingLog) Append(ctx context.Context, decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	l.mu.Lock()
	fail := l.fail
	l.requests = append(l.requests, requests...)
	l.mu.Unlock()
	if fail != nil {
		return nil, fail
	}
	return l.Log.Append(ctx, decide, requests...)
}

func (l *recordingLog) failWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

func (l *recordingLog) last() eventlog.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests[len(l.requests)-1]
}

// lockedBuffer is written by the server while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

type fixedStreams struct{}

func (fixedStreams) Open() (all, edges int) { return 7, 3 }

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(t testing.TB) *env { return startAt(t, time.Now) }

func startAt(t testing.TB, now func() time.Time) *env { return startWith(t, now, 0) }

func startWith(t testing.TB, now func() time.Time, life time.Duration) *env {
	t.Helper()
	e := &env{t: t, logs: new(lockedBuffer)}
	log, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Now: now, Committed: func(units []controlplane.Unit) {
		e.edges.Committed(units)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	e.log = &recordingLog{Log: log}
	roster, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Now: now, Committed: func(units []controlplane.Unit) {
		e.edges.Enrolled(units)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := roster.Close(); err != nil {
			t.Error(err)
		}
	})
	e.roster = roster
	e.edges = fleet.New(fleet.Config{Now: now}, e.log, roster)
	if err := e.edges.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Config{
		Version: "v1.2.3", Logger: slog.New(slog.NewTextHandler(e.logs, nil)), Now: now, MaxTokenLife: life,
	}, e.deps())
	if err != nil {
		t.Fatal(err)
	}
	e.serve(server)
	return e
}

func (e *env) deps() api.Deps {
	return api.Deps{Log: e.log, Fleet: e.edges, Streams: fixedStreams{}}
}

func (e *env) serve(server *api.Server) (stop func() error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, listener) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	e.t.Cleanup(func() {
		if err := stop(); err != nil {
			e.t.Error(err)
		}
	})
	// As the control server mounts it, path cleaning included.
	mux := http.NewServeMux()
	mux.Handle("/", server.Handler())
	web := httptest.NewServer(api.Guard{}.Wrap(mux))
	e.t.Cleanup(web.Close)
	e.url = web.URL
	if e.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { e.conn.Close() })
	e.bans, e.tokens = ringcastv1.NewBanServiceClient(e.conn), ringcastv1.NewTokenServiceClient(e.conn)
	e.allows = ringcastv1.NewAllowServiceClient(e.conn)
	e.cache, e.fleet = ringcastv1.NewCacheServiceClient(e.conn), ringcastv1.NewFleetServiceClient(e.conn)
	return stop
}

// head is the log's last position.
func (e *env) head() uint64 {
	e.t.Helper()
	head, err := e.log.Head(context.Background())
	if err != nil {
		e.t.Fatal(err)
	}
	return head.Position
}

// answer is a REST answer.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// reason is that of the google.rpc.ErrorInfo, if the answer is a whole
// google.rpc.Status.
func (a answer) reason() string {
	details, _ := a.json["details"].([]any)
	if len(details) != 1 || a.json["code"] == nil || a.json["message"] == "" || a.header.Get("Content-Type") != "application/json" {
		return "not a google.rpc.Status: " + a.text
	}
	info, _ := details[0].(map[string]any)
	if info["@type"] != "type.googleapis.com/google.rpc.ErrorInfo" || info["domain"] != "ringcast" {
		return "not an ErrorInfo of ringcast: " + a.text
	}
	reason, _ := info["reason"].(string)
	return reason
}

func (e *env) rest(method, path, body string, header ...string) answer {
	e.t.Helper()
	req, err := http.NewRequest(method, e.url+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	return e.do(req)
}

func (e *env) do(req *http.Request) answer {
	e.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if err := json.Unmarshal(text, &a.json); err != nil {
		e.t.Fatalf("%s %s: answer is not JSON: %v\n%s", req.Method, req.URL, err, text)
	}
	return a
}

// reasonOf is that of a gRPC error's google.rpc.ErrorInfo.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "ringcast" {
			return info.GetReason()
		}
	}
	return fmt.Sprint("no ErrorInfo: ", err)
}
