package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	// objects is how many pages the origin of these tests has, in groups.
	objects = 600
	groups  = 6
)

// library is an origin whose pages tell, in a field, the checksum of all that they
// are. Each answer has a number.
type library struct {
	*httptest.Server
	answers atomic.Int64
}

func startLibrary(t *testing.T) *library {
	t.Helper()
	l := new(library)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number := l.answers.Add(1)
		n, _ := strconv.Atoi(r.URL.Path[1:])
		body := bytes.Repeat(fmt.Appendf(nil, "page %d answer %d. ", n, number), 1+int(number)*7919%2500)
		h := w.Header()
		h.Set("Cache-Control", "max-age=3600")
		h.Set("Cache-Tag", groupOf(n))
		h.Set("ETag", fmt.Sprintf(`"%d"`, number))
		h.Set("X-Answer", fmt.Sprint(number))
		h.Set("X-Sum", sum(r.URL.Path, h, body))
		_, _ = w.Write(body)
	}))
	t.Cleanup(l.Close)
	return l
}

func groupOf(object int) string { return fmt.Sprint("group-", object%groups) }

func page(object int) string { return fmt.Sprint("/", object) }

// sum is the checksum of a page with its header.
func sum(path string, h http.Header, body []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %s %s %s %s",
		path, h.Get("ETag"), h.Get("X-Answer"), h.Get("Cache-Control"), body)))
}

// stored gives what an edge has of a page, and the number of the answer that it
// is; 0 where it has nothing. What is not whole fails the test.
func (e *edge) stored(path string) (a answer, number int64) {
	e.t.Helper()
	req := must[*http.Request](e.t)(http.NewRequest(http.MethodGet, e.url("127.0.0.1", path), nil))
	req.Host = "library.example" // as the port changes with each start
	req.Header.Set("Cache-Control", "only-if-cached")
	a = must[answer](e.t)(read(must[*http.Response](e.t)(client.Do(req))))
	if a.code == http.StatusGatewayTimeout {
		return a, 0
	}
	number, _ = strconv.ParseInt(a.header.Get("X-Answer"), 10, 64)
	if a.code != http.StatusOK || a.header.Get("X-Sum") != sum(path, a.header, []byte(a.body)) {
		e.t.Fatalf("%s is not what the origin sent: %d %v, %d bytes", path, a.code, a.header, len(a.body))
	}
	if !strings.HasPrefix(a.header.Get("Cache-Status"), "ringcast; hit") {
		e.t.Errorf("%s: %q", path, a.header["Cache-Status"])
	}
	return a, number
}

// fetch asks for a page as a client of the library would, and does not mind the
// end of the edge.
func (e *edge) fetch(path string, fields ...string) error {
	req, err := http.NewRequest(http.MethodGet, e.url("127.0.0.1", path), nil)
	if err != nil {
		return err
	}
	req.Host = "library.example"
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	a, err := read(resp)
	if err == nil && a.header.Get("X-Sum") != sum(path, a.header, []byte(a.body)) {
		return fmt.Errorf("%w: %s is %d %v, %d bytes", errTorn, path, a.code, a.header, len(a.body))
	}
	return err
}
