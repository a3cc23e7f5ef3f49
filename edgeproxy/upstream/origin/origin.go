// Package origin asks an origin over plain HTTP/1.1 (RFC 9112). The goroutine that
// asks writes the request and reads the answer itself. net/http's transport has two
// more goroutines for each connection, and to hand a request to them and its answer
// back costs more than either.
package origin

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Config says where the origin is and what a request to it may take.
type Config struct {
	// Address is the host and port to connect to.
	Address string
	// DialTimeout bounds the wait for a connection.
	DialTimeout time.Duration
	// HeaderTimeout bounds the time from a request to the end of its answer's header.
	HeaderTimeout time.Duration
	// MaxHeaderBytes bounds that header together with the informational answers before
	// it, about: what is read of the body with it counts as well.
	MaxHeaderBytes int64
	// IdleTimeout is how long a connection is kept that is not used.
	IdleTimeout time.Duration
	// MaxIdle bounds the number of those.
	MaxIdle int
}

// Transport is an http.RoundTripper for requests to one origin of which Takes is
// true. It may be used by many goroutines.
type Transport struct {
	config Config
	dialer net.Dialer
	idle   pool
}

// New gives a transport without connections. Close ends it.
func New(config Config) *Transport {
	return &Transport{
		config: config, dialer: net.Dialer{Timeout: config.DialTimeout},
		idle: pool{max: config.MaxIdle, timeout: config.IdleTimeout},
	}
}

// Takes tells a request that can be sent by this transport, if it is for its origin: a
// GET or HEAD without a body that asks for nothing of the connection.
func Takes(r *http.Request) bool {
	return r.URL.Scheme == "http" && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		(r.Body == nil || r.Body == http.NoBody) && r.ContentLength == 0 && r.TransferEncoding == nil && r.Trailer == nil &&
		!r.Close && r.Header["Connection"] == nil && r.Header["Upgrade"] == nil && r.Header["Expect"] == nil && clean(r.Header)
}

// clean tells whether no value has a byte that none may have (RFC 9110, section 5.5).
func clean(h http.Header) bool {
	for _, values := range h {
		for _, v := range values {
			for i := range len(v) {
				if v[i] < ' ' && v[i] != '\t' || v[i] == 0x7f {
					return false
				}
			}
		}
	}
	return true
}

// RoundTrip implements http.RoundTripper. It asks again, once and over a new
// connection, where one that was kept turns out to be closed. Errors of a request
// whose context has ended are the context's cause.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	if c := t.idle.take(); c != nil {
		res, err := c.ask(r)
		if err == nil || !isUnanswered(err) {
			return res, err
		}
	}
	c, err := t.dial(r.Context())
	if err != nil {
		return nil, err
	}
	return c.ask(r)
}

func (t *Transport) dial(ctx context.Context) (*conn, error) {
	nc, err := t.dialer.DialContext(ctx, "tcp", t.config.Address)
	if err != nil {
		return nil, orCause(ctx, err)
	}
	probe, err := newProbe(nc)
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	c := &conn{Conn: nc, config: &t.config, idle: &t.idle, probe: probe, out: bufio.NewWriter(nc)}
	c.in = bufio.NewReader(c)
	return c, nil
}

// Close closes idle connections now, and those in use after their answers. It can be
// called again.
func (t *Transport) Close() { t.idle.close() }

// unanswered is what went wrong before the first byte of an answer.
type unanswered struct{ error }

// Unwrap gives the reason.
func (u unanswered) Unwrap() error { return u.error }

// isUnanswered tells that the origin closed the connection instead of an answer. It
// is as safe to ask again as GET and HEAD are (RFC 9110, section 9.2.2).
func isUnanswered(err error) bool {
	var none unanswered
	var timeout net.Error
	return errors.As(err, &none) && !(errors.As(err, &timeout) && timeout.Timeout())
}

// orCause prefers the reason for which the request has ended, if it has.
func orCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
