package lane

import (
	"bytes"
	"math"
	"net/textproto"
	"strconv"
	"strings"
)

// extent is what the lane must know of a request, to give net/http no byte of the next.
type extent struct {
	// head and body are the lengths in bytes, the head's with the empty line. Until that
	// is there it is the length of the lines that were read.
	head int
	body int64
	// plain: the lane may answer it. It is a GET or a HEAD and has no body,
	// and nothing in its header is for the connection.
	plain bool
	post  bool

	hosts, lengths int
}

// verdict says how far a request is understood.
type verdict int

const (
	// incomplete: all lines so far are sound.
	incomplete verdict = iota
	// framed: the extent is known.
	framed
	// opaque: where it ends only net/http can tell, if anybody.
	opaque
)

// endless is the length of what is opaque: everything that follows belongs to it.
const endless = math.MaxInt64

// scan reads the head of a request, as far as it is there. Where it is incomplete the
// next scan, of more of it, goes on with the next line: a client that sends it in many
// pieces must not make work of each. It is narrower than RFC 9112, and than net/http: what
// can be read in more than one way is opaque at the first line that can.
func (e *extent) scan(b []byte) verdict {
	for {
		end := bytes.IndexByte(b[e.head:], '\n')
		if end < 0 {
			return incomplete
		}
		line, whole := bytes.CutSuffix(b[e.head:e.head+end], []byte{'\r'})
		first := e.head == 0
		e.head += end + 1
		switch {
		case !whole:
			return opaque
		case first:
			if !e.requestLine(line) {
				return opaque
			}
		case len(line) == 0:
			return e.end()
		case !e.field(line):
			return opaque
		}
	}
}

// requestLine is RFC 9112, section 3, of version 1.1. Other methods may have framing
// of their own, as CONNECT has.
func (e *extent) requestLine(line []byte) bool {
	method, line, _ := bytes.Cut(line, []byte{' '})
	target, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !ok || !originForm(target) {
		return false
	}
	switch string(method) {
	case "GET", "HEAD":
		e.plain = true
	case "POST":
		e.post = true
	case "PUT", "PATCH", "DELETE", "OPTIONS":
	default:
		return false
	}
	return true
}

// originForm is RFC 9112, section 3.2.1, as far as net/http looks at it.
func originForm(target []byte) bool {
	if len(target) == 0 || target[0] != '/' || !every(target, &inTarget) {
		return false
	}
	path, _, _ := bytes.Cut(target, []byte{'?'})
	for i := bytes.IndexByte(path, '%'); i >= 0; i = bytes.IndexByte(path, '%') {
		if len(path) < i+3 || !inHex[path[i+1]] || !inHex[path[i+2]] {
			return false
		}
		path = path[i+3:]
	}
	return true
}

// field is RFC 9112, section 5, without the obsolete.
func (e *extent) field(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || !every(line[:colon], &inName) || !every(line[colon+1:], &inValue) {
		return false
	}
	name, value := line[:colon], textproto.TrimBytes(line[colon+1:])
	switch len(name) { // of most names nothing else is looked at
	case len("Host"):
		return !is(name, "host") || e.host(value)
	case len("Expect"):
		e.plain = e.plain && !is(name, "pragma") // net/http makes Cache-Control of it
		return !is(name, "expect")
	case len("Upgrade"):
		return !is(name, "upgrade") && !is(name, "trailer")
	case len("Connection"):
		e.plain = e.plain && (!is(name, "connection") || is(value, "keep-alive"))
	case len("Content-Length"):
		return !is(name, "content-length") || e.length(value)
	case len("Transfer-Encoding"):
		return !is(name, "transfer-encoding")
	}
	return true
}

func (e *extent) host(value []byte) bool {
	e.hosts++
	return len(value) > 0 && every(value, &inHost)
}

// maxDigits keeps a length below 2^63.
const maxDigits = 18

func (e *extent) length(value []byte) bool {
	e.lengths++
	e.plain = false
	if len(value) > maxDigits || !every(value, &inNumber) {
		return false
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	e.body = n
	return err == nil
}

func (e *extent) end() verdict {
	if e.hosts != 1 || e.lengths > 1 {
		return opaque
	}
	return framed
}

// class tells for each byte whether it may be somewhere.
type class [256]bool

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// The classes of RFC 9110, sections 5.1 and 5.5, and RFC 3986, section 3.2.2.
var (
	inName   = classOf(func(c byte) bool { return strings.IndexByte(alphanumeric+"!#$%&'*+-.^_`|~", c) >= 0 })
	inValue  = classOf(func(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' })
	inTarget = classOf(func(c byte) bool { return c > ' ' && c < 0x7f })
	inHost   = classOf(func(c byte) bool { return strings.IndexByte(alphanumeric+"-._:[]", c) >= 0 })
	inHex    = classOf(func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 })
	inNumber = classOf(func(c byte) bool { return '0' <= c && c <= '9' })
)

func classOf(has func(byte) bool) (c class) {
	for i := range c {
		c[i] = has(byte(i))
	}
	return c
}

func every[T []byte | string](text T, in *class) bool {
	for i := range len(text) {
		if !in[text[i]] {
			return false
		}
	}
	return true
}

// is compares with a name in lower case.
func is(text []byte, lower string) bool {
	return len(text) == len(lower) && strings.EqualFold(string(text), lower)
}
