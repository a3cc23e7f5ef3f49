package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// brokenLog fails appends with err, where that is set, as a full disk does. The
// request of id repeated needs no room: it was made before.
type brokenLog struct {
	eventlog.Log
	mu  sync.Mutex
	err error
}

func (l *brokenLog) Append(ctx context.Context, decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	l.mu.Lock()
	err := l.err
	l.mu.Unlock()
	if err != nil && requests[0].ID != repeated {
		return nil, err
	}
	return l.Log.Append(ctx, decide, requests...)
}

const repeated = "repeated"

func (l *brokenLog) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// startBreakable runs a server whose log can be broken.
func startBreakable(t *testing.T) (*running, *brokenLog) {
	t.Helper()
	s, broken := open(t, testConfig(t.TempDir())), &brokenLog{}
	s.WrapLog(func(log eventlog.Log) eventlog.Log {
		broken.Log = log
		return broken
	})
	return run(t, s), broken
}

func (r *running) wantReady(want bool) {
	r.t.Helper()
	status, body := r.get("/readyz")
	if ready := status == http.StatusOK && body == "ok\n"; ready != want {
		r.t.Errorf("/readyz: %d %q", status, body)
	}
	if status == http.StatusServiceUnavailable && !strings.HasPrefix(body, "mutations fail: the log cannot be written") {
		r.t.Errorf("/readyz says: %s", body)
	}
	conn, err := grpc.NewClient(r.GRPCAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	health, err := grpc_health_v1.NewHealthClient(conn).Check(r.t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if serving := health.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING; serving != want || err != nil {
		r.t.Errorf("gRPC health: %v, %v", health, err)
	}
}

// ban tries to, and wants the status.
func (r *running) ban(body string, want int) {
	r.t.Helper()
	if status, answer, err := r.request(http.MethodPost, "/v1/bans", body); err != nil || status != want {
		r.t.Errorf("ban: %d %s, %v", status, answer, err)
	}
}

var errFull = errors.New("database or disk is full")

// A server is unready from an append that failed until one succeeds. A repeat,
// which writes nothing, is none.
func TestUnreadyWhileTheLogCannotBeWritten(t *testing.T) {
	t.Parallel()
	s, log := startBreakable(t)
	s.ban(`{"ip":"1.2.3.4","request_id":"repeated"}`, http.StatusOK)
	s.wantReady(true)
	log.set(errFull)
	s.wantReady(true) // nobody has noticed yet
	s.ban(`{"ip":"1.2.3.5"}`, http.StatusServiceUnavailable)
	for range 2 {
		s.wantReady(false)
		s.ban(`{"ip":"1.2.3.4","request_id":"repeated"}`, http.StatusOK)
	}
	log.set(nil)
	s.ban(`{"ip":"1.2.3.5"}`, http.StatusOK)
	s.wantReady(true)
	if _, head := s.get("/metrics"); !strings.Contains(head, "\nringcast_log_head 2\n") {
		t.Errorf("something else was written")
	}
}

// Nobody sends mutations to a server that is unready: it finds out by itself that
// the log can be written again, and writes one event for it that nobody hears.
func TestReadyAgainWithoutAMutation(t *testing.T) {
	t.Parallel()
	s, log := startBreakable(t)
	stream := s.events("?last_event_id=latest")
	stream.until("synced")
	log.set(errFull)
	s.ban(`{"ip":"1.2.3.4"}`, http.StatusServiceUnavailable)
	s.wantReady(false)
	log.set(nil)
	for range 3 {
		s.wantReady(true)
	}
	s.ban(`{"ip":"1.2.3.4"}`, http.StatusOK)
	event, err := stream.parser.Next()
	if err != nil || event.Type != "ip_banned" || !strings.HasSuffix(event.ID, "-2") {
		t.Errorf("after the probe: %+v, %v", event, err)
	}
	if _, bans := s.get("/v1/bans"); strings.Count(bans, `"ip"`) != 1 {
		t.Errorf("bans: %s", bans)
	}
}

// What a caller did wrong, or did not wait for, says nothing of the log.
func TestReadyInSpiteOfRefusals(t *testing.T) {
	t.Parallel()
	s, log := startBreakable(t)
	s.ban(`{"ip":"1.2.3.4","request_id":"a"}`, http.StatusOK)
	s.ban(`{"ip":"1.2.3.5","request_id":"a"}`, http.StatusConflict)
	s.wantReady(true)
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, eventlog.ErrClosed} {
		log.set(err)
		if status, _, _ := s.request(http.MethodPost, "/v1/bans", `{"ip":"1.2.3.4"}`); status == http.StatusOK {
			t.Errorf("%v: done", err)
		}
		s.wantReady(true)
	}
}
