package upstream

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// fetch asks the origin once or twice, for one client or several.
type fetch struct {
	transport http.RoundTripper
	out       *http.Request
	// response is set when do has returned.
	response *http.Response
}

// own are fields of one client that a fetch for several must not have.
var own = []string{"If-None-Match", "If-Modified-Since", "Range", "If-Range"}

func (f *fetch) do(ctx context.Context, q cache.Question) (*cache.Response, error) {
	out := f.out.WithContext(ctx)
	if q.Shared && (q.Conditions != cache.Conditions{} || hasOwn(out.Header)) {
		out.Header = out.Header.Clone()
		for _, name := range own {
			delete(out.Header, name)
		}
		setUnlessEmpty(out.Header, "If-None-Match", q.IfNoneMatch)
		setUnlessEmpty(out.Header, "If-Modified-Since", q.IfModifiedSince)
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

func hasOwn(h http.Header) bool {
	return slices.ContainsFunc(own, func(name string) bool { return len(h[name]) > 0 })
}

func setUnlessEmpty(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// streaming makes the header of an answer that is on the way to be stored.
func streaming(a *cache.Answer, c *cache.Cache) http.Header {
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
