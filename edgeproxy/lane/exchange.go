package lane

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
)

// exchange is the memory of one request and its answer, used again for others.
type exchange struct {
	header http.Header
	// values are those of the header, most of which have one line.
	values []string
	writer writer
}

// maxFields is how many an exchange may have had to be kept for the next: the memory
// of longer ones would stay.
const maxFields = 64

var exchanges = sync.Pool{New: func() any {
	return &exchange{header: http.Header{}, writer: writer{header: http.Header{}}}
}}

// free must not be called before all that was given the request or the writer is done.
func (x *exchange) free() {
	if len(x.values) > maxFields || len(x.writer.header) > maxFields {
		return
	}
	clear(x.header)
	clear(x.values)
	x.values = x.values[:0]
	x.writer.reset()
	exchanges.Put(x)
}

// read completes a request from a head that is plain, as http.ReadRequest does. It
// fails where that fails.
func (x *exchange) read(r *http.Request, head string) error {
	line, head, _ := strings.Cut(head, "\r\n")
	method, line, _ := strings.Cut(line, " ")
	target, _, _ := strings.Cut(line, " ")
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return err
	}
	for line, head, _ = strings.Cut(head, "\r\n"); line != ""; line, head, _ = strings.Cut(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		x.add(textproto.CanonicalMIMEHeaderKey(name), textproto.TrimString(value))
	}
	r.Method, r.URL, r.RequestURI, r.Header = method, u, target, x.header
	r.Host = x.header.Get("Host")
	delete(x.header, "Host")
	return nil
}

// add puts the lines of different fields beside one another. One that has several moves.
func (x *exchange) add(name, value string) {
	n := len(x.values)
	x.values = append(x.values, value)
	if lines := x.header[name]; lines != nil {
		x.header[name] = append(lines, value)
		return
	}
	x.header[name] = x.values[n : n+1 : n+1]
}
