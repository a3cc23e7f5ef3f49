package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane/server"
)

// TestNewRefuses wants each setting that cannot be meant to be named, and nothing
// to have been opened.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, set := range map[string]func(*server.Config){
		"--heartbeat is 99ms; the least is 100ms":         func(c *server.Config) { c.Heartbeat = 99 * time.Millisecond },
		"--heartbeat is -1s":                              func(c *server.Config) { c.Heartbeat = -time.Second },
		"--tombstone-retention is 999ms; the least is 1s": func(c *server.Config) { c.TombstoneRetention = 999 * time.Millisecond },
		"--moment-retention is 0s":                        func(c *server.Config) { c.MomentRetention = 0 },
		"--audit-retention is 0s; the least is 1s":        func(c *server.Config) { c.AuditRetention = 0 },
		"--moment-max is 0; the least is 1":               func(c *server.Config) { c.MomentMax = 0 },
		"--invalidate-window is -1ns; the least is 0s":    func(c *server.Config) { c.InvalidateWindow = -1 },
		"--invalidate-window is 10.001s; the most is 10s": func(c *server.Config) { c.InvalidateWindow = 10001 * time.Millisecond },
		"--ring-size is 0; the least is 1":                func(c *server.Config) { c.RingSize = 0 },
		"--ring-bytes is ":                                func(c *server.Config) { c.RingBytes = 0 },
		"--max-subscribers is -1; the least is 1":         func(c *server.Config) { c.MaxSubscribers = -1 },
		`--log is "etcd://localhost:2379/ringcast"`:       func(c *server.Config) { c.Log = "etcd://localhost:2379/ringcast" },
		`--log is ""`:                                                   func(c *server.Config) { c.Log = "" },
		"--http-listen :4000 can be reached":                            func(c *server.Config) { c.HTTPListen = ":4000" },
		"--http-listen 10.0.0.1:4000 can be reached":                    func(c *server.Config) { c.HTTPListen = "10.0.0.1:4000" },
		"--grpc-listen [::]:4001 can be reached":                        func(c *server.Config) { c.GRPCListen = "[::]:4001" },
		"--http-listen localhost:99999: there is no port":               func(c *server.Config) { c.HTTPListen = "localhost:99999" },
		"--grpc-listen :99999: there is no port 99999; want 0 to 65535": func(c *server.Config) { c.GRPCListen, c.Insecure = ":99999", true },
		"--http-listen and --grpc-listen are both localhost:4000":       func(c *server.Config) { c.HTTPListen, c.GRPCListen = "localhost:4000", "localhost:4000" },
		"--grpc-listen localhost: want host:port":                       func(c *server.Config) { c.GRPCListen = "localhost" },
	} {
		cfg := testConfig(t.TempDir())
		set(&cfg)
		if _, err := server.New(cfg, deps()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestNewNamesAllThatIsWrong spares a person one start for each mistake.
func TestNewNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := server.New(server.Config{HTTPListen: "0.0.0.0:1", GRPCListen: ":2"}, deps())
	if err == nil {
		t.Fatal("nothing at all is enough")
	}
	for _, flag := range []string{
		"--heartbeat", "--tombstone-retention", "--moment-retention", "--moment-max", "--audit-retention", "--ring-size", "--ring-bytes", "--max-subscribers", "--log",
		"--http-listen", "--grpc-listen", "--insecure",
	} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not named in:\n%v", flag, err)
		}
	}
}

// TestInsecure wants --insecure to open the server to others, by whatever name
// they know it.
func TestInsecure(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.HTTPListen, cfg.GRPCListen, cfg.Insecure = "0.0.0.0:0", "0.0.0.0:0", true
	s := start(t, cfg)
	req, err := http.NewRequest(http.MethodGet, s.url+"/v1/bans", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "control.example:4000"
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("by another name: %s", resp.Status)
	}
}
