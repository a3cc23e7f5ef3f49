// Package httpfield reads the HTTP fields that a shared cache goes by (RFC 9110,
// 9111, 9213, 9875, 5861 and 8246).
//
// Every parser takes the lines of one field, as they came, and is a pure function
// of them. Whatever a peer sends, it works in time proportional to the length of
// it, without recursion, and holds no more than a small multiple of it; a Structured
// Field, which takes more, must be short.
package httpfield
