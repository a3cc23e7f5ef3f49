package upstream

import (
	"context"
	"net/http"
	"strconv"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// fetch asks the origin once, for one client or several.
type fetch struct {
	transport http.RoundTripper
	out       *http.Request
	// response is set when do has returned.
	response *http.Response
}

// conditions are those of one client that a fetch for several must not have.
var conditions = []string{"If-None-Match", "If-Modified-Since"}

func (f *fetch) do(ctx context.Context, shared bool) (*cache.Response, error) {
	out := f.out.WithContext(ctx)
	if shared && conditional(out.Header) {
		out.Header = out.Header.Clone()
		for _, name := range conditions {
			out.Header.Del(name)
		}
	}
	res, err := f.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	f.response = res
	return &cache.Response{
		Status: res.StatusCode, Header: cache.Header(res.Header), Body: res.Body,
		Length: res.ContentLength, Trailers: len(res.Trailer) > 0,
	}, nil
}

func conditional(h http.Header) bool {
	for _, name := range conditions {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// header makes the header of an answer that is stored or on the way to be.
func header(a *cache.Answer, c *cache.Cache) http.Header {
	h := make(http.Header, len(a.Entry.Fields())+4)
	for _, f := range a.Entry.Fields() {
		h[f.Name] = f.Values
	}
	if a.Length >= 0 && a.Entry.Status() != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.FormatInt(a.Length, 10)}
	}
	if age := seconds(a.Entry.Age(c.Now())); age > 0 {
		h["Age"] = []string{strconv.Itoa(age)}
	}
	return h
}
