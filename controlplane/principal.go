package controlplane

import "context"

// Anonymous is the name of every caller that showed no credential.
const Anonymous = "anonymous"

// Principal is who makes a call, as the server established it; nothing in it is
// taken from what the caller says of itself.
type Principal struct {
	// Name owns request ids and stands in the audit.
	Name string
	// Address is the caller's network address, without the port.
	Address string
}

type principalKey struct{}

// WithPrincipal returns a context in which p makes the call.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns who makes the call. A context without one yields an
// anonymous principal without an address.
func PrincipalFrom(ctx context.Context) Principal {
	if p, ok := ctx.Value(principalKey{}).(Principal); ok {
		return p
	}
	return Principal{Name: Anonymous}
}
