package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// origin is the application behind the edges. It has one page, good for the cache.
type origin struct {
	url    string
	server *http.Server
	done   chan error
}

func startOrigin(ctx context.Context) (*origin, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start origin: %w", err)
	}
	o := &origin{
		url:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: http.HandlerFunc(page), ReadHeaderTimeout: askTimeout},
		done:   make(chan error, 1),
	}
	go func() { o.done <- o.server.Serve(listener) }()
	return o, nil
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = io.WriteString(w, "origin\n") // the edge may have gone
}

func (o *origin) stop() error {
	err := o.server.Close()
	if served := <-o.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// visitor is a client with an address of its own (127.0.0.0/8 is this machine),
// on one connection that is kept.
type visitor struct{ client *http.Client }

func newVisitor(from string) *visitor {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Second}
	return &visitor{&http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxConnsPerHost: 1},
		Timeout:   askTimeout,
	}}
}

// visit gives the status of the answer. fields are names and values.
func (v *visitor) visit(ctx context.Context, url string, fields ...string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body) // or the connection is not kept
	return resp.StatusCode, err
}

func (v *visitor) leave() { v.client.CloseIdleConnections() }
