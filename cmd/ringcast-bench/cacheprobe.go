package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// probe asks an edge for what it has stored, over one connection and without the
// origin (only-if-cached, RFC 9111, section 5.2.1.7).
type probe struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func dialProbe(ctx context.Context, address string) (*probe, error) {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &probe{conn: conn, in: bufio.NewReader(conn)}, nil
}

// ask tells whether an object is served.
func (p *probe) ask(o object) (served bool, err error) {
	p.request = append(o.appendPath(append(p.request[:0], "GET "...)),
		" HTTP/1.1\r\nHost: bench.test\r\nCache-Control: only-if-cached\r\n\r\n"...)
	if err := p.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return false, err
	}
	if _, err := p.conn.Write(p.request); err != nil {
		return false, err
	}
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusGatewayTimeout:
		return false, nil
	}
	return false, fmt.Errorf("the edge answers %s", resp.Status)
}

// share asks for all of the objects and gives how many of them are served.
func (p *probe) share(objects []object) (float64, error) {
	found := 0
	for _, o := range objects {
		served, err := p.ask(o)
		if err != nil {
			return 0, err
		}
		if served {
			found++
		}
	}
	return float64(found) / float64(len(objects)), nil
}

// untilGone asks for an object until it is not served, and gives when that was.
func (p *probe) untilGone(ctx context.Context, o object) (time.Time, error) {
	for ctx.Err() == nil {
		served, err := p.ask(o)
		if err != nil {
			return time.Time{}, err
		}
		if !served {
			return time.Now(), nil
		}
	}
	return time.Time{}, errors.Join(fmt.Errorf("%s is still served", o.path()), ctx.Err())
}

func (p *probe) close() { _ = p.conn.Close() } // nothing is under way
