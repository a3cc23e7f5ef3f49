package origin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"time"
)

var (
	errLongHeader = errors.New("header is too long")
	errStatus     = errors.New("status is no number from 100 to 999")
)

// conn is a connection, of one request at a time.
type conn struct {
	net.Conn
	config *Config
	idle   *pool
	in     *bufio.Reader
	out    *bufio.Writer
	probe  *probe
	// left is how much more is read, in bytes.
	left int64
	// since is when it came to be idle; the pool guards it.
	since time.Time
}

// Read implements io.Reader, for in.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongHeader
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// ask gives the answer to a request. Its body has the connection until its end.
func (c *conn) ask(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	b := &body{conn: c, ctx: ctx, stop: context.AfterFunc(ctx, c.shut)}
	res, err := c.exchange(r)
	if err != nil {
		b.end(false)
		return nil, orCause(ctx, err)
	}
	b.keep = !res.Close && res.StatusCode > 199
	if res.Body == http.NoBody {
		b.end(true)
		return res, nil
	}
	b.ReadCloser, res.Body = res.Body, b
	return res, nil
}

// exchange is bounded in time and in the length of the header.
func (c *conn) exchange(r *http.Request) (*http.Response, error) {
	c.left = c.config.MaxHeaderBytes
	if err := c.SetDeadline(time.Now().Add(c.config.HeaderTimeout)); err != nil {
		return nil, unanswered{err}
	}
	if err := c.send(r); err != nil {
		return nil, unanswered{fmt.Errorf("send request: %w", err)}
	}
	if _, err := c.in.Peek(1); err != nil {
		return nil, unanswered{fmt.Errorf("wait for an answer: %w", err)}
	}
	res, err := c.header(r)
	switch {
	case err != nil && c.left <= 0: // the other error would hold the header
		return nil, errLongHeader
	case err != nil:
		return nil, fmt.Errorf("read answer: %w", err)
	}
	c.left = math.MaxInt64
	return res, c.SetDeadline(time.Time{})
}

func (c *conn) send(r *http.Request) error {
	if err := r.Write(c.out); err != nil {
		return err
	}
	return c.out.Flush()
}

// header reads up to the final answer, and tells the request's trace of those before
// it, as net/http's transport does. Nobody has asked for another protocol, so that 101
// is final as well.
func (c *conn) header(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	for {
		res, err := http.ReadResponse(c.in, r)
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode < 100:
			return nil, errStatus
		case res.StatusCode > 199, res.StatusCode == http.StatusSwitchingProtocols:
			return res, nil
		case trace == nil || trace.Got1xxResponse == nil:
			continue
		}
		if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
			return nil, err
		}
	}
}

// shut closes the connection, whoever uses it.
func (c *conn) shut() { _ = c.Close() } // the peer has had all that it gets
