package lane

import (
	"errors"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxCopy is up to which length, in bytes, a part of a body is copied behind its
// header: to send two pieces costs more.
const maxCopy = 4 << 10

// errShort ends a connection whose client waits for more than there is.
var errShort = errors.New("answer shorter than its Content-Length")

// writer writes an answer as net/http does that is whole when Begin returns: its
// Content-Length is set, or its body is small.
type writer struct {
	conn   net.Conn
	header http.Header
	// names are those of the header, in order.
	names []string
	// bodiless: the request was HEAD.
	bodiless bool
	// status is 0 until there is one, length -1 until it is declared.
	status int
	length int64
	begun  bool
	// pending is what is to be sent, body what came before the length was known.
	pending, body []byte
	written       int64
	pieces        [2][]byte
	vector        net.Buffers
	deadline      time.Time
	err           error
}

func (w *writer) start(conn net.Conn, method string) {
	w.conn, w.bodiless, w.length = conn, method == http.MethodHead, -1
}

// reset keeps the memory.
func (w *writer) reset() {
	clear(w.header)
	*w = writer{header: w.header, names: w.names[:0], pending: w.pending[:0], body: w.body[:0]}
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// SetWriteDeadline implements what http.ResponseController looks for. It counts from
// the next write on.
func (w *writer) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

// WriteHeader implements http.ResponseWriter. The first status counts.
func (w *writer) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.length = n
	}
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.err != nil:
		return 0, w.err
	case !hasBody(w.status):
		return 0, http.ErrBodyNotAllowed
	case w.length < 0:
		w.body = append(w.body, p...)
		return len(p), nil
	case w.bodiless:
		return len(p), nil
	}
	w.begin()
	if w.written += int64(len(p)); w.written > w.length {
		return 0, http.ErrContentLength
	}
	if len(p) <= maxCopy {
		w.pending = append(w.pending, p...)
		return len(p), nil
	}
	w.send(p)
	return len(p), w.err
}

// end sends what is left. Where it fails the connection cannot be used any more.
func (w *writer) end() error {
	w.WriteHeader(http.StatusOK)
	if w.length < 0 && hasBody(w.status) && (!w.bodiless || len(w.body) > 0) {
		w.length, w.written = int64(len(w.body)), int64(len(w.body))
	}
	w.begin()
	if !w.bodiless {
		w.pending = append(w.pending, w.body...)
	}
	w.send(nil)
	if w.err == nil && w.length >= 0 && w.written != w.length && !w.bodiless && hasBody(w.status) {
		w.err = errShort
	}
	return w.err
}

// send writes what is pending, and p after it.
func (w *writer) send(p []byte) {
	if w.err != nil || len(w.pending)+len(p) == 0 {
		return
	}
	if w.err = w.conn.SetWriteDeadline(w.deadline); w.err != nil {
		return
	}
	switch {
	case len(p) == 0:
		_, w.err = w.conn.Write(w.pending)
	case len(w.pending) == 0:
		_, w.err = w.conn.Write(p)
	default:
		w.pieces = [2][]byte{w.pending, p}
		w.vector = w.pieces[:]
		_, w.err = w.vector.WriteTo(w.conn)
	}
	w.pending = w.pending[:0]
}

// begin makes the header, in the order and the form of net/http.
func (w *writer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	w.pending = strconv.AppendInt(append(w.pending, "HTTP/1.1 "...), int64(w.status), 10)
	w.pending = append(append(append(w.pending, ' '), reason(w.status)...), "\r\n"...)
	for name := range w.header {
		w.names = append(w.names, name)
	}
	slices.Sort(w.names)
	for _, name := range w.names {
		if every(name, &inName) && !w.suppressed(name) {
			w.field(name)
		}
	}
	if len(w.header["Date"]) == 0 {
		w.pending = append(w.pending, "Date: "...)
		w.pending = time.Now().UTC().AppendFormat(w.pending, http.TimeFormat)
		w.pending = append(w.pending, "\r\n"...)
	}
	if w.length >= 0 && len(w.header["Content-Length"]) == 0 {
		w.pending = strconv.AppendInt(append(w.pending, "Content-Length: "...), w.length, 10)
		w.pending = append(w.pending, "\r\n"...)
	}
	w.pending = append(w.pending, "\r\n"...)
}

func (w *writer) field(name string) {
	for _, value := range w.header[name] {
		w.pending = append(append(w.pending, name...), ": "...)
		w.pending = append(w.pending, oneLine(value)...)
		w.pending = append(w.pending, "\r\n"...)
	}
}

// suppressed tells the fields that a status cannot have (RFC 9110, sections 8.6 and
// 15.4.5).
func (w *writer) suppressed(name string) bool {
	if hasBody(w.status) {
		return false
	}
	return name == "Content-Length" || name == "Transfer-Encoding" || w.status == http.StatusNotModified && name == "Content-Type"
}

// reason is the text of a status line.
func reason(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "status code " + strconv.Itoa(status)
}

// hasBody tells whether the answers of a status may have one (RFC 9110, section 6.4.1).
func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// oneLine lets no value begin a line of its own.
func oneLine(value string) string {
	if strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, '\n') >= 0 {
		value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return textproto.TrimString(value)
}
