package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// firstRead takes the header and a small body at once.
	firstRead = 4 << 10
	// maxAnswerHeader is longer than the header of any answer here.
	maxAnswerHeader = 16 << 10
	// checkAlways is up to which size every body is compared; of larger ones one in
	// checkEvery, since to read them takes longer than to serve them.
	checkAlways = 16 << 10
	checkEvery  = 16
)

var (
	errClosed = errors.New("the server closed the connection")
	errHeader = errors.New("unexpected answer")
	errBody   = errors.New("not the body of this object")
)

// call is a connection, and the request that is under way on it.
type call struct {
	fd     int
	bodies bodies
	number int

	object  object
	begun   time.Time
	request []byte
	header  []byte
	// rest is what of the body is to come, nil before the header; check tells
	// whether it is read, and not only counted.
	rest  []byte
	body  bool
	check bool
}

// send asks for an object. The answer must have been received before.
func (c *call) send(o object, begun time.Time) error {
	c.object, c.begun, c.header, c.body = o, begun, c.header[:0], false
	c.number++
	c.check = o.size <= checkAlways || c.number%checkEvery == 0
	c.request = appendRequest(c.request[:0], o)
	n, err := writeRaw(c.fd, c.request)
	if err == nil && n < len(c.request) {
		err = errors.New("a request does not fit into the socket")
	}
	return err
}

func appendRequest(b []byte, o object) []byte {
	b = append(b, "GET "...)
	b = o.appendPath(b)
	return append(b, " HTTP/1.1\r\nHost: bench.test\r\n\r\n"...)
}

// receive reads what there is, and tells whether the answer is complete. It needs a
// buffer of maxObject bytes.
func (c *call) receive(buffer []byte) (done bool, err error) {
	if !c.body {
		n, err := readRaw(c.fd, buffer[:firstRead])
		if err != nil || n == 0 {
			return false, c.explain(err)
		}
		if err := c.readHeader(buffer[:n]); err != nil || !c.body {
			return false, c.explain(err)
		}
	}
	for len(c.rest) > 0 {
		n, err := c.readBody(buffer[:len(c.rest)])
		if err != nil || n == 0 {
			return false, c.explain(err)
		}
		c.rest = c.rest[n:]
	}
	return true, nil
}

func (c *call) readBody(buffer []byte) (int, error) {
	if !c.check {
		return discardRaw(c.fd, buffer)
	}
	n, err := readRaw(c.fd, buffer)
	if err == nil && !bytes.Equal(buffer[:n], c.rest[:n]) {
		err = errBody
	}
	return n, err
}

// readHeader takes what was read first: the header, and often some of the body.
func (c *call) readHeader(p []byte) error {
	c.header = append(c.header, p...)
	header, body, whole := bytes.Cut(c.header, []byte("\r\n\r\n"))
	if !whole {
		if len(c.header) > maxAnswerHeader {
			return errHeader
		}
		return nil
	}
	length, err := answerLength(header)
	if err != nil {
		return err
	}
	c.rest, c.body = c.bodies.of(c.object), true
	if length != len(c.rest) || len(body) > length || !bytes.Equal(body, c.rest[:len(body)]) {
		return errBody
	}
	c.rest = c.rest[len(body):]
	return nil
}

// answerLength reads a header as the servers here write it.
func answerLength(header []byte) (int, error) {
	const ok, name = "HTTP/1.1 200 ", "\r\nContent-Length: "
	if !bytes.HasPrefix(header, []byte(ok)) {
		return 0, errHeader
	}
	_, after, _ := bytes.Cut(header, []byte(name))
	value, _, _ := bytes.Cut(after, []byte("\r"))
	length, err := strconv.Atoi(string(value))
	if err != nil {
		return 0, errHeader
	}
	return length, nil
}

func (c *call) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("GET %s: %w: %q", c.object.path(), err, c.header[:min(len(c.header), 300)])
}
