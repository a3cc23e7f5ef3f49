package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// confirmTimeout is when something that is not confirmed counts as lost.
const confirmTimeout = 20 * time.Second

// caller is one who bans and waits, on one connection at a time that is kept.
type caller struct {
	control string
	client  *http.Client
}

func newCaller(control string) *caller {
	return &caller{control, &http.Client{Transport: &http.Transport{}, Timeout: confirmTimeout + askTimeout}}
}

func (c *caller) leave() { c.client.CloseIdleConnections() }

// accepted is a mutation's answer, and when it came.
type accepted struct {
	Position uint64 `json:"position,string"`
	Epoch    string `json:"epoch"`

	sent, at time.Time
}

func (c *caller) ban(ctx context.Context, addr netip.Addr) (a accepted, err error) {
	a.sent = time.Now()
	a.at, err = c.post(ctx, "/v1/bans", map[string]string{"ip": addr.String(), "reason": banReason}, &a)
	return a, err
}

// confirmation is the answer of WaitApplied, as far as it is read here.
type confirmation struct {
	Reached   bool `json:"quorum_reached"`
	Confirmed int  `json:"confirmed"`
}

// confirm waits until all edges have a mutation in force, gives when that was known
// here, and makes sure that it was the word of so many edges.
func (c *caller) confirm(ctx context.Context, a accepted, edges int) (at time.Time, err error) {
	var answer confirmation
	at, err = c.post(ctx, "/v1/positions/"+strconv.FormatUint(a.Position, 10)+":wait",
		map[string]string{"epoch": a.Epoch, "quorum": "all", "timeout": fmt.Sprintf("%.0fs", confirmTimeout.Seconds())}, &answer)
	if err == nil && (!answer.Reached || answer.Confirmed != edges) {
		err = fmt.Errorf("position %d is confirmed by %d of %d edges", a.Position, answer.Confirmed, edges)
	}
	return at, err
}

// post gives when the answer came.
func (c *caller) post(ctx context.Context, path string, message, into any) (at time.Time, err error) {
	body, err := json.Marshal(message)
	if err != nil {
		return at, fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.control+path, bytes.NewReader(body))
	if err != nil {
		return at, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return at, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	at = time.Now()
	if err != nil {
		return at, err
	}
	if resp.StatusCode != http.StatusOK {
		return at, fmt.Errorf("POST %s: %s: %s", path, resp.Status, text)
	}
	return at, json.Unmarshal(text, into)
}
