// Package upstream is the way to the origin: a reverse proxy over net/http with
// the cache before it.
//
// What the cache does not key by does not reach the origin: Forwarded and the
// X-Forwarded fields are the edge's own, and X-Original-URL, X-Rewrite-URL,
// X-HTTP-Method-Override, X-HTTP-Method and X-Method-Override are dropped from
// every request, whatever its method.
package upstream
