// Package cache is an edge's shared HTTP cache (RFC 9111): what is stored, for
// how long it may be used, and the fences that end its use at once.
//
// The core sees a request as a few strings and header fields, so that it serves
// any HTTP server; package upstream puts net/http around it.
//
// An invalidation advances the edge's generation and leaves a fence that carries
// it. A stored response carries the generation at which its fetch began and may
// be used only while no fence that covers it is higher. So an invalidation costs
// a map write whatever is stored, and a response that was fetched before one and
// arrives after it is of no use to those who ask later.
package cache
