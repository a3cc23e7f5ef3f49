package upstream

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

const (
	cacheStatus  = "Cache-Status"
	contentRange = "Content-Range"
)

// message is what is sent of a stored response. Its body is in pieces, so that
// nothing is copied.
type message struct {
	status int
	body   [][]byte
	length int64
}

// reply puts the header of a stored response into h, in the form that the request
// asks for, and gives the rest.
func reply(h http.Header, e *cache.Entry, r *cache.Request, now time.Time) message {
	form := e.Reply(r)
	h["Content-Type"] = nil // none is guessed where the origin gave none
	for _, f := range e.Fields() {
		if form.Status != http.StatusNotModified || cache.InNotModified(f.Name) {
			h[f.Name] = f.Values
		}
	}
	h["Age"] = []string{strconv.Itoa(seconds(e.Age(now)))}
	m := message{status: form.Status}
	switch form.Status {
	case http.StatusNotModified:
	case http.StatusRequestedRangeNotSatisfiable:
		unsatisfiable(h, e, &m)
	case http.StatusPartialContent:
		partial(h, e, form.Ranges, &m)
	default:
		m.body, m.length = [][]byte{e.Body()}, int64(len(e.Body()))
		if length := e.ContentLength(); length != nil {
			h["Content-Length"] = length
		}
	}
	return m
}

// ofTheWhole are fields that an error must not have: they are true of the whole,
// and a cache on the way could take the error for it.
var ofTheWhole = []string{
	"Cache-Control", "Cdn-Cache-Control", "Content-Encoding", "Content-Language", "Etag", "Expires",
	"Last-Modified", "Ringcast-Cache-Control",
}

// unsatisfiable is RFC 9110, section 15.5.17.
func unsatisfiable(h http.Header, e *cache.Entry, m *message) {
	for _, name := range ofTheWhole {
		delete(h, name)
	}
	h[contentRange] = []string{fmt.Sprintf("bytes */%d", len(e.Body()))}
	h["Content-Length"], h["Content-Type"] = []string{"0"}, nil
	m.length = 0
}

// partial is RFC 9110, section 15.3.7.
func partial(h http.Header, e *cache.Entry, ranges []httpfield.ByteRange, m *message) {
	if len(ranges) == 1 {
		h[contentRange] = []string{describe(ranges[0], e)}
		m.add(cut(e, ranges[0]))
	} else {
		multipart(h, e, ranges, m)
	}
	h["Content-Length"] = []string{strconv.FormatInt(m.length, 10)}
}

// multipart is the format of RFC 9110, section 14.6. The boundary cannot be known
// to who made the body.
func multipart(h http.Header, e *cache.Entry, ranges []httpfield.ByteRange, m *message) {
	boundary := rand.Text()
	kind := slices.Clone(h["Content-Type"])
	h["Content-Type"] = []string{"multipart/byteranges; boundary=" + boundary}
	for _, r := range ranges {
		head := "\r\n--" + boundary + "\r\n"
		if len(kind) > 0 {
			head += "Content-Type: " + kind[0] + "\r\n"
		}
		m.add([]byte(head + contentRange + ": " + describe(r, e) + "\r\n\r\n"))
		m.add(cut(e, r))
	}
	m.add([]byte("\r\n--" + boundary + "--\r\n"))
}

func describe(r httpfield.ByteRange, e *cache.Entry) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.Start, r.Start+r.Length-1, len(e.Body()))
}

func cut(e *cache.Entry, r httpfield.ByteRange) []byte { return e.Body()[r.Start : r.Start+r.Length] }

func (m *message) add(piece []byte) {
	m.body = append(m.body, piece)
	m.length += int64(len(piece))
}

// reader gives the body as one.
func (m *message) reader() io.Reader {
	readers := make([]io.Reader, len(m.body))
	for i, piece := range m.body {
		readers[i] = bytes.NewReader(piece)
	}
	return io.MultiReader(readers...)
}

func seconds(d time.Duration) int { return int(d / time.Second) }
