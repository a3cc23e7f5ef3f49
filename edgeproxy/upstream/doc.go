// Package upstream is the way to the origin: a reverse proxy over net/http with
// the cache before it.
//
// What the cache does not key by does not reach the origin: the X-Forwarded fields
// and the one with the identity are the edge's own, and Forwarded, X-Original-URL,
// X-Rewrite-URL, X-HTTP-Method-Override and the like are dropped from every request,
// whatever its method, in every spelling that an origin could take for them.
package upstream
