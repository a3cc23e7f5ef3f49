package upstream

import (
	"net/http"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// via notes in each answer of the origin that it came this way (RFC 9110, section
// 7.6.3), before anything is stored.
type via struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (v via) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := v.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Header.Add("Via", strings.TrimPrefix(res.Proto, "HTTP/")+" "+cache.CacheName)
	return res, nil
}
