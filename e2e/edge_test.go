package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// edge is a running edge.
type edge struct {
	*process
	dir   string
	flags []string
	// port is that of the traffic, on both loopback addresses.
	port string
	// admin is the URL of health, metrics and status.
	admin string
}

// edgeStatus is what GET /status tells, as far as tests need it.
type edgeStatus struct {
	NodeID        string   `json:"node_id"`
	Epoch         string   `json:"epoch"`
	Position      uint64   `json:"position,string"`
	Staleness     *float64 `json:"staleness_seconds"`
	Server        string   `json:"server"`
	Synced        bool     `json:"synced"`
	Alarm         string   `json:"alarm"`
	Indexed       bool     `json:"indexed"` // before that Bans and Revocations are 0
	Bans          int      `json:"bans"`
	Revocations   int      `json:"revocations"`
	AppliedEvents uint64   `json:"applied_events"`
	UnknownEvents uint64   `json:"unknown_events"`
	Resets        uint64   `json:"resets"`
	Uptime        int64    `json:"uptime_seconds"`
	Streams       uint64   `json:"streams_connected"`
}

// startEdge starts one in a data directory of its own.
func startEdge(t *testing.T, origin, controlURL string, flags ...string) *edge {
	t.Helper()
	return startEdgeIn(t, t.TempDir(), append([]string{"--origin", origin, "--control", controlURL}, flags...)...)
}

func startEdgeIn(t *testing.T, dir string, flags ...string) *edge {
	t.Helper()
	e := &edge{dir: dir, flags: flags}
	e.start(t)
	return e
}

// start starts it, again if it ran before, on other ports.
func (e *edge) start(t *testing.T) {
	t.Helper()
	args := []string{
		"edge", "--listen", "localhost:0", "--admin-listen", "localhost:0",
		"--data-dir", e.dir, "--log-format", "json",
	}
	e.process = launch(t, "edge", nil, append(args, e.flags...)...)
	serves := e.logged("edge serves")
	e.port = portOf(t, serves, "listen")
	e.admin = "http://" + net.JoinHostPort("127.0.0.1", portOf(t, serves, "admin"))
}

// client takes a new connection for each request: none is left over from a
// process that was killed.
var client = &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}

// answer is an HTTP answer read whole.
type answer struct {
	code   int
	header http.Header
	body   string
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s %s", a.code, a.header["Cache-Status"], a.body)
}

func get(url string) (answer, error) {
	resp, err := client.Get(url)
	if err != nil {
		return answer{}, err
	}
	return read(resp)
}

func read(resp *http.Response) (answer, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// url is where a client on that loopback address, "127.0.0.1" or "::1", asks.
func (e *edge) url(from, path string) string {
	return "http://" + net.JoinHostPort(from, e.port) + path
}

func (e *edge) get(path string) answer {
	e.t.Helper()
	return must[answer](e.t)(get(e.url("127.0.0.1", path)))
}

func (e *edge) get6(path string) answer {
	e.t.Helper()
	return must[answer](e.t)(get(e.url("::1", path)))
}

func (e *edge) ready() answer {
	e.t.Helper()
	return must[answer](e.t)(get(e.admin + "/readyz"))
}

func (e *edge) metrics() string {
	e.t.Helper()
	return must[answer](e.t)(get(e.admin + "/metrics")).body
}

func (e *edge) status() edgeStatus {
	e.t.Helper()
	a := must[answer](e.t)(get(e.admin + "/status"))
	var status edgeStatus
	if err := json.Unmarshal([]byte(a.body), &status); err != nil || a.code != http.StatusOK {
		e.t.Fatalf("status of the edge: %s: %v", a, err)
	}
	return status
}

// reaches waits until the edge is level with the log and has that position in
// force.
func (e *edge) reaches(position uint64) edgeStatus {
	e.t.Helper()
	var status edgeStatus
	eventually(e.t, fmt.Sprintf("edge reaches position %d", position), func() error {
		if status = e.status(); !status.Synced || status.Position < position {
			return fmt.Errorf("it is at %+v", status)
		}
		return nil
	})
	return status
}

// becomesReady waits for /readyz.
func (e *edge) becomesReady() {
	e.t.Helper()
	eventually(e.t, "edge is ready", func() error {
		if a := e.ready(); a.code != http.StatusOK {
			return fmt.Errorf("it is not: %s", a)
		}
		return nil
	})
}
