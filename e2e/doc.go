// Package e2e tests the ringcast binary from outside: real processes on ports of
// their own, real files, real sockets, SIGTERM and SIGKILL. It has tests only,
// and they know of the product what docs/ and the protos say, not its packages.
//
// With the race detector on, the processes are built with it, too, and a race in
// one of them fails the test that started it.
package e2e
