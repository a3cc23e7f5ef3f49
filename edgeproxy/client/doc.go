// Package client tells whose address a request comes from.
//
// That is the connection's, unless the peer is a trusted proxy: then the chain of
// addresses that X-Forwarded-For or Forwarded (RFC 7239) gives is read from its
// end, which the peer wrote, and back as far as each address is a trusted proxy's.
// The first that is not is the client, and what is to the left of it, which the
// client wrote, is never looked at. So no client can name another's address.
package client
