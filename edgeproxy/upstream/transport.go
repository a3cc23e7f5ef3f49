package upstream

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream/origin"
)

const (
	// dialTimeout bounds the wait for a connection to an origin that does not
	// answer at all.
	dialTimeout = 5 * time.Second
	// tlsTimeout bounds the handshake after it.
	tlsTimeout = 5 * time.Second
	// defaultHeaderTimeout bounds how long a request occupies a connection before
	// the origin begins to answer.
	defaultHeaderTimeout = 60 * time.Second
	// continueTimeout is how long a body waits for an origin that was asked with
	// "Expect: 100-continue".
	continueTimeout = time.Second
	// idleTimeout closes connections that are not used, before most origins do.
	idleTimeout = 50 * time.Second
	// maxIdle bounds the connections kept for the next requests. With fewer than
	// there are requests at once, each would need a handshake of its own.
	maxIdle = 256
	// maxHeaderBytes bounds the header of a response, against an origin that never
	// ends one.
	maxHeaderBytes = 256 << 10
)

// transport asks the origin. The most common requests go a shorter way.
type transport struct {
	general *http.Transport
	plain   *origin.Transport // nil where the origin is not asked in plain text
	host    string            // that plain is for
}

func newTransport(at *url.URL, headerTimeout time.Duration) *transport {
	headerTimeout = cmp.Or(headerTimeout, defaultHeaderTimeout)
	t := &transport{general: newGeneral(headerTimeout), host: at.Host}
	if at.Scheme == "http" && isASCII(at.Host) {
		t.plain = origin.New(origin.Config{
			Address:     net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), "80")),
			DialTimeout: dialTimeout, HeaderTimeout: headerTimeout, MaxHeaderBytes: maxHeaderBytes,
			IdleTimeout: idleTimeout, MaxIdle: maxIdle,
		})
	}
	return t
}

// newGeneral leaves compression to client and origin: what passes, and what is
// stored, are the origin's own bytes.
func newGeneral(headerTimeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  continueTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.plain != nil && r.URL.Host == t.host && origin.Takes(r) {
		return t.plain.RoundTrip(r)
	}
	return t.general.RoundTrip(r)
}

// close closes the connections that are idle. It can be called again.
func (t *transport) close() {
	t.general.CloseIdleConnections()
	if t.plain != nil {
		t.plain.Close()
	}
}

// isASCII is false for a host that only the general transport can translate.
func isASCII(host string) bool {
	return !strings.ContainsFunc(host, func(c rune) bool { return c >= 0x80 })
}
