package upstream

import (
	"cmp"
	"net"
	"net/http"
	"time"
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

// newTransport leaves compression to client and origin: what passes, and what is
// stored, are the origin's own bytes.
func newTransport(headerTimeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  cmp.Or(headerTimeout, defaultHeaderTimeout),
		ExpectContinueTimeout:  continueTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}
