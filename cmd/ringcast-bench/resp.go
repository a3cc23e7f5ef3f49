package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

const (
	// setsAtOnce is how many SETs share a round trip while Redis is filled.
	setsAtOnce = 10_000
	// maxReply bounds a reply, which here is a short text.
	maxReply = 1 << 20
)

// redisConn speaks as much of Redis' protocol (RESP2) as GET and SET take, over
// one connection. It makes no more system calls than it must: a write and a read
// for each GET.
type redisConn struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	reply   []byte
}

func dialRedis(ctx context.Context, address string) (*redisConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &redisConn{conn: conn, reader: bufio.NewReader(conn)}, nil
}

func (c *redisConn) close() error { return c.conn.Close() }

// get gives a key's value. It is valid until the next call.
func (c *redisConn) get(key string) (value []byte, found bool, err error) {
	c.request = appendCommandTo(c.request[:0], "GET", key)
	if _, err := c.conn.Write(c.request); err != nil {
		return nil, false, fmt.Errorf("ask Redis: %w", err)
	}
	return c.readReply()
}

// set gives n keys a value, many in one round trip.
func (c *redisConn) set(ctx context.Context, n int, key func(i int) string, value string) error {
	for i := 0; i < n; i += setsAtOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(i+setsAtOnce, n)
		if err := c.setSome(i, end, key, value); err != nil {
			return fmt.Errorf("fill Redis: %w", err)
		}
	}
	return nil
}

func (c *redisConn) setSome(from, to int, key func(i int) string, value string) error {
	c.request = c.request[:0]
	for i := from; i < to; i++ {
		c.request = appendCommandTo(c.request, "SET", key(i), value)
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	for range to - from {
		if _, _, err := c.readReply(); err != nil {
			return err
		}
	}
	return nil
}

// appendCommandTo appends a command: an array of bulk strings.
func appendCommandTo(dst []byte, words ...string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(words)), 10)
	for _, word := range words {
		dst = append(dst, "\r\n$"...)
		dst = strconv.AppendInt(dst, int64(len(word)), 10)
		dst = append(append(dst, "\r\n"...), word...)
	}
	return append(dst, "\r\n"...)
}

// readReply reads a simple string, an error or a bulk string, which may be absent.
func (c *redisConn) readReply() (value []byte, found bool, err error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, false, fmt.Errorf("read Redis' reply: %w", err)
	}
	if len(line) < 3 {
		return nil, false, fmt.Errorf("read Redis' reply: %q", line)
	}
	kind, rest := line[0], line[1:len(line)-2]
	switch kind {
	case '+':
		c.reply = append(c.reply[:0], rest...)
		return c.reply, true, nil
	case '-':
		return nil, false, errors.New("Redis refuses: " + string(rest))
	case '$':
		return c.readBulk(string(rest))
	}
	return nil, false, fmt.Errorf("read Redis' reply: unexpected %q", line)
}

func (c *redisConn) readBulk(length string) (value []byte, found bool, err error) {
	n, err := strconv.Atoi(length)
	if err != nil || n > maxReply {
		return nil, false, fmt.Errorf("read Redis' reply: length %q", length)
	}
	if n < 0 {
		return nil, false, nil
	}
	c.reply = append(c.reply[:0], make([]byte, n+2)...)
	if _, err := io.ReadFull(c.reader, c.reply); err != nil {
		return nil, false, fmt.Errorf("read Redis' reply: %w", err)
	}
	return c.reply[:n], true, nil
}
