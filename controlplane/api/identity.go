package api

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/ringcast/ringcast/controlplane"
)

// addressKey carries a REST caller's address from the gateway to the services.
const addressKey = "ringcast-address"

// memoryAddr is the address of the gateway. Only direct gives it, so that no
// connection from outside can have it.
type memoryAddr struct{}

// Network implements net.Addr.
func (memoryAddr) Network() string { return "memory" }

// String implements net.Addr.
func (memoryAddr) String() string { return "gateway" }

// identify is the interceptor that puts the caller into the context. What a
// caller says of itself in metadata counts only from the gateway.
func identify(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	return handle(withCaller(ctx), req)
}

// identifyStream is identify for streams.
func identifyStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	return handle(srv, identified{stream, withCaller(stream.Context())})
}

// identified is a stream whose context knows the caller.
type identified struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (s identified) Context() context.Context { return s.ctx }

func withCaller(ctx context.Context) context.Context {
	return controlplane.WithPrincipal(ctx, controlplane.Principal{
		Name: controlplane.Anonymous, Address: callerAddress(ctx),
	})
}

func callerAddress(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	if _, gateway := p.Addr.(memoryAddr); !gateway {
		return hostOf(p.Addr.String())
	}
	if values := metadata.ValueFromIncomingContext(ctx, addressKey); len(values) == 1 {
		return values[0]
	}
	return ""
}

// hostOf drops the port, where there is one.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
