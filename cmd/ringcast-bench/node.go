package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// askTimeout is how long a node may take to answer. A node that is busy with a
// replay answers later than one that is not.
const askTimeout = 10 * time.Second

// control is a running control plane.
type control struct {
	*child
	url  string
	grpc string // host and port
}

// startControl starts a control plane on a log, and waits until it is ready.
func startControl(ctx context.Context, binary, dir string) (*control, error) {
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	process, err := startChild(ctx, "ringcast control", binary, "control", "--data-dir", dir,
		"--http-listen", addresses[0], "--grpc-listen", addresses[1])
	if err != nil {
		return nil, err
	}
	c := &control{child: process, url: "http://" + addresses[0], grpc: addresses[1]}
	if err := c.until(ctx, func() bool { return answers(c.url + "/readyz") }); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// edge is a running edge.
type edge struct {
	*child
	url, admin string
}

// startEdge starts an edge, and does not wait for anything. flags come after its own.
func startEdge(ctx context.Context, binary, dir, origin, control string, flags ...string) (*edge, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	flags = append([]string{"edge", "--data-dir", dir, "--node-id", "bench",
		"--origin", origin, "--control", control, "--listen", addresses[0], "--admin-listen", addresses[1]}, flags...)
	process, err := startChild(ctx, "ringcast edge", binary, flags...)
	if err != nil {
		return nil, err
	}
	return &edge{child: process, url: "http://" + addresses[0], admin: "http://" + addresses[1]}, nil
}

// edgeStatus is what is read here of GET /status.
type edgeStatus struct {
	Epoch    string `json:"epoch"`
	Position uint64 `json:"position,string"`
	Synced   bool   `json:"synced"`
	Bans     int    `json:"bans"`
	Indexed  bool   `json:"indexed"`
}

// status asks the edge how it stands; the zero status where it does not answer.
func (e *edge) status() (status edgeStatus) {
	resp, err := adminClient().Get(e.admin + "/status")
	if err != nil {
		return edgeStatus{}
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return edgeStatus{}
	}
	return status
}

// synced waits until the edge is level with the log, and gives the time since it
// was started.
func (e *edge) synced(ctx context.Context, epoch string, position uint64) (time.Duration, error) {
	err := e.until(ctx, func() bool {
		s := e.status()
		return s.Synced && s.Epoch == epoch && s.Position >= position
	})
	return time.Since(e.started), err
}

// ready tells whether the edge would get traffic.
func (e *edge) ready() bool { return answers(e.admin + "/readyz") }

func answers(url string) bool {
	resp, err := adminClient().Get(url)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func adminClient() *http.Client { return &http.Client{Timeout: askTimeout} }

// checkBans tells whether an edge knows as many bans as there are.
func (e *edge) checkBans(want int) error {
	if s := e.status(); s.Bans != want {
		return fmt.Errorf("the edge at position %d knows %d bans, not %d", s.Position, s.Bans, want)
	}
	return nil
}
