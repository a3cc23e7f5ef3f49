package e2e

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrecedenceOfSettings: flag, variable, file, the sketch's variable, default.
func TestPrecedenceOfSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	writeFile(t, file, "node-id: of-the-file\n")
	sketch := "NODE_ID=of-the-sketch"
	variable := "RINGCAST_NODE_ID=of-the-variable"
	for want, source := range map[string]struct {
		env, flags []string
	}{
		"of-the-flag":     {[]string{sketch, variable, "RINGCAST_CONFIG=" + file}, []string{"--node-id", "of-the-flag"}},
		"of-the-variable": {[]string{sketch, variable}, []string{"--config", file}},
		"of-the-file":     {[]string{sketch, "RINGCAST_NODE_ID="}, []string{"--config", file}},
		"of-the-sketch":   {[]string{sketch}, nil},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			e := launch(t, "edge", source.env, edgeIn(t.TempDir(), append(source.flags, "--log-format", "json")...)...)
			if got := e.logged("edge serves")["node"]; got != want {
				t.Errorf("node id is %v, want %s", got, want)
			}
		})
	}
}

// TestSettingsOfTheSketch: a deployment of the sketch starts as it is.
func TestSettingsOfTheSketch(t *testing.T) {
	t.Parallel()
	origin := startOrigin(t)
	port := freePort(t)
	c := launch(t, "control plane", []string{"PORT=" + port},
		"control", "--grpc-listen", "localhost:0", "--data-dir", t.TempDir(), "--log-format", "json")
	if got := portOf(t, c.logged("control plane ready"), "http"); got != port {
		t.Errorf("the control plane listens on %s, PORT is %s", got, port)
	}
	edgePort := freePort(t)
	env := []string{"PORT=" + edgePort, "NODE_ID=paris", "ORIGIN_URL=" + origin.URL, "CACHE_MAX_ENTRIES=0"}
	e := &edge{process: launch(t, "edge", env, "edge", "--admin-listen", "localhost:0",
		"--control", "http://127.0.0.1:"+port, "--data-dir", t.TempDir(), "--log-format", "json")}
	serves := e.logged("edge serves")
	e.port, e.admin = portOf(t, serves, "listen"), "http://127.0.0.1:"+portOf(t, serves, "admin")
	if e.port != edgePort || serves["node"] != "paris" {
		t.Errorf("the edge is %v, PORT is %s", serves, edgePort)
	}
	e.reaches(0)
	for range 2 {
		if a := e.get("/"); isHit(a) || !strings.HasPrefix(a.body, "answer ") {
			t.Errorf("with CACHE_MAX_ENTRIES=0: %s, want the origin's answer", a)
		}
	}
}

// TestListsInSettings: the uses of a flag add up, and a file may have a list.
func TestListsInSettings(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	file := filepath.Join(t.TempDir(), "edge.yaml")
	writeFile(t, file, "control:\n  - http://localhost:1\n  - "+c.url+"\norigin: http://localhost:1\nlog-format: json\n")
	e := launch(t, "edge", nil, "edge", "--config", file, "--listen", "localhost:0", "--admin-listen", "localhost:0", "--data-dir", t.TempDir())
	e.logged("level with the log")
}

// TestHelpShowsDefaultsAndVariables of every setting.
func TestHelpShowsDefaultsAndVariables(t *testing.T) {
	t.Parallel()
	for command, words := range map[string][]string{
		"control": {"--heartbeat", "RINGCAST_HEARTBEAT", "15s", "RINGCAST_HTTP_LISTEN, PORT", "localhost:4000", "168h", "10000", "./ringcast-control"},
		"edge":    {"--node-id", "RINGCAST_NODE_ID, NODE_ID", "localhost:5001", "localhost:5901", "ORIGIN_URL", "CACHE_MAX_ENTRIES", "./ringcast-edge"},
		"ban":     {"--ttl", "--reason", "RINGCAST_SERVER", "localhost:4001"},
	} {
		got := ringcast(t, nil, command, "--help")
		for _, word := range words {
			if got.code != exitDone || !strings.Contains(got.out, word) {
				t.Errorf("ringcast %s --help (exit code %d) has no %q:\n%s", command, got.code, word, got.out)
			}
		}
	}
}

// freePort is one that nobody has at the moment, on either loopback address, for
// settings that cannot say 0.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		four := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
		_, port, _ := net.SplitHostPort(four.Addr().String())
		six, err := net.Listen("tcp", net.JoinHostPort("::1", port))
		four.Close()
		if err == nil {
			six.Close()
			return port
		}
	}
}
