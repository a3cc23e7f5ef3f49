// Package upstream is the way to the origin: a reverse proxy over net/http with
// the cache before it.
package upstream
