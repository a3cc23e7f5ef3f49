package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ringcast/ringcast/controlplane/server"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/datadir"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t.TempDir()))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := s.get(path); status != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	s.post("/v1/bans", `{"ip":"1.2.3.4"}`)
	s.events("").until("synced")
	status, body := s.get("/metrics")
	if status != http.StatusOK {
		t.Errorf("/metrics: %d", status)
	}
	for _, want := range []string{
		`ringcast_log_head 1`, `ringcast_stream_subscribers{kind="subscriber"} 1`, `ringcast_stream_resets_total 1`,
		`ringcast_stream_sent_bytes_total [1-9]`, `ringcast_rpc_requests_total{.*BanIP.*} 1`, `go_goroutines `, `process_open_fds `,
	} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(body) {
			t.Errorf("/metrics lacks %s:\n%s", want, body)
		}
	}
}

// TestBanReachesTheStream is the main job in one process: REST and gRPC in, the
// stream and lists out.
func TestBanReachesTheStream(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t.TempDir()))
	stream := s.events("?node=edge-a&instance=i1")
	epoch := decode[wire.Connected](t, stream.until("connected").Data).Epoch
	stream.until("synced")

	answer := decode[struct{ Position, Epoch string }](t, []byte(s.post("/v1/bans", `{"ip":"1.2.3.4","reason":"abuse","ttl":"90s"}`)))
	if answer.Epoch != epoch {
		t.Errorf("answered %+v, the stream is of epoch %s", answer, epoch)
	}
	event := stream.until("ip_banned")
	banned := decode[wire.IPBanned](t, event.Data)
	if event.ID != epoch+"-"+answer.Position || banned.IP != "1.2.3.4" || banned.Reason != "abuse" || banned.ExpiresAt < banned.Timestamp+90 || banned.ExpiresAt > banned.Timestamp+91 {
		t.Errorf("%s %+v", event.ID, banned)
	}

	conn, err := grpc.NewClient(s.GRPCAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	unbanned, err := ringcastv1.NewBanServiceClient(conn).UnbanIP(t.Context(), &ringcastv1.UnbanIPRequest{Ip: "1.2.3.4"})
	if err != nil {
		t.Fatal(err)
	}
	if event := stream.until("ip_unbanned"); event.ID != fmt.Sprintf("%s-%d", epoch, unbanned.GetPosition()) {
		t.Errorf("id %s", event.ID)
	}
	status, err := ringcastv1.NewFleetServiceClient(conn).GetStatus(t.Context(), &ringcastv1.GetStatusRequest{})
	if err != nil || status.GetVersion() != "v0.0.0-test" {
		t.Errorf("status %v, %v", status, err)
	}
}

// TestRestart wants a log to go on where it ended.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, testConfig(dir))
	first := decode[struct{ Position, Epoch string }](t, []byte(s.post("/ban/ip", `{"ip":"1.2.3.4"}`)))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = start(t, testConfig(dir))
	stream := s.events("?last_event_id=" + first.Epoch + "-0")
	if event := stream.until("ip_banned"); event.ID != first.Epoch+"-1" {
		t.Errorf("id %s", event.ID)
	}
	second := decode[struct{ Position, Epoch string }](t, []byte(s.post("/ban/ip", `{"ip":"::1"}`)))
	if second.Epoch != first.Epoch || second.Position != "2" {
		t.Errorf("%+v, then %+v", first, second)
	}
}

// TestGuard wants the HTTP listener to be closed to web pages.
func TestGuard(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t.TempDir()))
	for name, row := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"a name that was made to resolve here": {func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		"a page of another origin":             {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
	} {
		req, err := http.NewRequest(http.MethodPost, s.url+"/ban/ip", strings.NewReader(`{"ip":"1.2.3.4"}`))
		if err != nil {
			t.Fatal(err)
		}
		row.change(req)
		resp, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != row.status {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if _, body := s.get("/v1/bans"); !strings.Contains(body, `"bans":[]`) {
		t.Errorf("something was written: %s", body)
	}
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.MaxSubscribers = 1
	s := start(t, cfg)
	s.events("").until("synced")
	if status, body := s.get(wire.EventsPath); status != http.StatusServiceUnavailable || !strings.Contains(body, "Server at capacity") {
		t.Errorf("%d %s", status, body)
	}
}

// TestSecondServer wants a data dir to be one server's, until that is closed.
func TestSecondServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, testConfig(dir))
	second, err := server.New(testConfig(dir), deps())
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Open(t.Context()); !errors.Is(err, datadir.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	for range 2 {
		if err := errors.Join(second.Close(), first.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := open(t, testConfig(dir)).Close(); err != nil {
		t.Error(err)
	}
}

// TestOpenFails wants a server that cannot listen to let go of all else.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, set := range map[string]func(*server.Config){
		"--http-listen": func(c *server.Config) { c.HTTPListen = taken.Addr().String() },
		"--grpc-listen": func(c *server.Config) { c.GRPCListen = taken.Addr().String() },
		"data dir":      func(c *server.Config) { c.DataDir = filepath.Join(file, "below") },
	} {
		cfg := testConfig(dir)
		set(&cfg)
		s, err := server.New(cfg, deps())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
		if err := open(t, testConfig(dir)).Close(); err != nil {
			t.Errorf("after %s: %v", flag, err)
		}
	}
}

// TestAddressesAreFree wants addresses to be free again after the end.
func TestAddressesAreFree(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t.TempDir()))
	addresses := []net.Addr{s.HTTPAddr(), s.GRPCAddr()}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if conn, err := net.Dial("tcp", address.String()); err == nil {
			conn.Close()
			t.Errorf("%s still answers", address)
		}
	}
}

func decode[T any](t *testing.T, data []byte) (v T) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&v); err != nil {
		t.Fatal(fmt.Errorf("decode %s: %w", data, err))
	}
	return v
}
