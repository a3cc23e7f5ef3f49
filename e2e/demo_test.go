package e2e

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
)

// demoPorts are those of the contract, which the demo cannot choose.
var demoPorts = [...]string{"4000", "4001", "5001", "5002", "5003", "5901", "5902", "5903", "8080"}

// TestDemo runs the demo as the README shows it.
func TestDemo(t *testing.T) {
	t.Parallel()
	for _, port := range demoPorts {
		for _, host := range []string{"127.0.0.1", "::1"} {
			listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Fatalf("the demo needs port %s of this machine, and another program has it: %v", port, err)
			}
			listener.Close()
		}
	}
	demo := launch(t, "demo", nil, "demo", "--log-format", "json")
	eventually(t, "the demo says what to type", func() error {
		if text := demo.out.String(); !strings.Contains(text, "http://localhost:5001") || !strings.Contains(text, "curl ") {
			return errors.New(text)
		}
		return nil
	})
	var edges []*edge
	for _, port := range []string{"5001", "5002", "5003"} {
		e := &edge{process: demo, port: port, admin: "http://127.0.0.1:59" + port[2:]}
		e.becomesReady()
		edges = append(edges, e)
	}
	if got := []string{edges[0].status().NodeID, edges[1].status().NodeID, edges[2].status().NodeID}; strings.Join(got, " ") != "edge-a edge-b edge-c" {
		t.Errorf("the edges are %v", got)
	}
	w := &walk{t: t, control: &control{url: "http://localhost:4000"}, edges: edges}
	w.posts("/ban/ip", `{"ip":"::1","reason":"demo"}`)
	w.see("::1", "/", http.StatusForbidden, `{"error":"ip_banned","reason":"demo"}`)
	w.see("127.0.0.1", "/", http.StatusOK, "")
	w.posts("/unban/ip", `{"ip":"::1"}`)
	w.see("::1", "/", http.StatusOK, "")
	w.edges = edges[:2] // the cache of edge-c forgets by itself
	w.invalidates(`{"tags":["post:1"]}`, "/posts/1", "/posts/2")

	var status struct{ Head string }
	(&cli{t: t}).object(&status, "status") // on the default ports
	if status.Head != "3" {
		t.Errorf("the head is %s after three mutations", status.Head)
	}
	if code := demo.terminate(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
