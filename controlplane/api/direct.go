package api

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
)

// direct calls the services from within the process, for the gateway. A call crosses
// the interceptors that it would cross on a connection; it only saves the connection,
// which took more than half of the CPU time of a REST call.
type direct struct {
	methods map[string]directMethod
	chain   []grpc.UnaryServerInterceptor

	// ended is done when calls are to end, by end.
	ended context.Context
	end   context.CancelFunc

	mu     sync.Mutex // guards what follows
	closed bool
	calls  sync.WaitGroup // is not added to once closed
}

// directMethod is a method of a service, and the service.
type directMethod struct {
	service any
	handle  grpc.MethodHandler
}

var (
	_ grpc.ClientConnInterface = (*direct)(nil)
	_ grpc.ServiceRegistrar    = (*direct)(nil)
)

// newDirect takes the interceptors from the outermost on.
func newDirect(chain ...grpc.UnaryServerInterceptor) *direct {
	d := &direct{methods: map[string]directMethod{}, chain: chain}
	d.ended, d.end = context.WithCancel(context.Background())
	return d
}

// RegisterService implements grpc.ServiceRegistrar. Services are registered before the
// first call.
func (d *direct) RegisterService(service *grpc.ServiceDesc, implementation any) {
	for _, method := range service.Methods {
		d.methods["/"+service.ServiceName+"/"+method.MethodName] = directMethod{implementation, method.Handler}
	}
}

// registrars register a service with each.
type registrars []grpc.ServiceRegistrar

// RegisterService implements grpc.ServiceRegistrar.
func (r registrars) RegisterService(service *grpc.ServiceDesc, implementation any) {
	for _, registrar := range r {
		registrar.RegisterService(service, implementation)
	}
}

// Invoke implements grpc.ClientConnInterface. It passes over the options, which are
// about what a connection has.
func (d *direct) Invoke(ctx context.Context, name string, request, reply any, _ ...grpc.CallOption) error {
	method, ok := d.methods[name]
	if !ok {
		return newStatus(codes.Unimplemented, reasonInternal, sentenceInternal).Err()
	}
	if err := checkQuery(ctx, request); err != nil {
		return err
	}
	if !d.begin() {
		return newStatus(codes.Unavailable, reasonUnavailable, sentenceUnavailable).Err()
	}
	defer d.calls.Done()
	ctx, cancel := context.WithCancel(served(ctx))
	defer cancel()
	defer context.AfterFunc(d.ended, cancel)()
	decode := func(into any) error {
		proto.Merge(into.(proto.Message), request.(proto.Message))
		return nil
	}
	answer, err := method.handle(method.service, ctx, decode, d.intercept)
	if err != nil {
		return err
	}
	proto.Merge(reply.(proto.Message), answer.(proto.Message))
	return nil
}

// NewStream implements grpc.ClientConnInterface. No REST call streams.
func (d *direct) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, newStatus(codes.Unimplemented, reasonInternal, sentenceInternal).Err()
}

// served is the context of a caller as the service has it: its metadata arrives, and
// its peer is the gateway.
func served(ctx context.Context) context.Context {
	sent, _ := metadata.FromOutgoingContext(ctx)
	ctx = metadata.NewOutgoingContext(ctx, nil)
	ctx = metadata.NewIncomingContext(ctx, sent)
	return peer.NewContext(ctx, &peer.Peer{Addr: memoryAddr{}})
}

// intercept is the chain as one interceptor.
func (d *direct) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	for i := len(d.chain) - 1; i >= 0; i-- {
		outer, inner := d.chain[i], handle
		handle = func(ctx context.Context, request any) (any, error) { return outer(ctx, request, info, inner) }
	}
	return handle(ctx, request)
}

func (d *direct) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.calls.Add(1)
	}
	return !d.closed
}

// drain refuses new calls and waits for those under way, which it ends after
// drainTimeout. It can be called again.
func (d *direct) drain() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	hard := time.AfterFunc(drainTimeout, d.end)
	defer hard.Stop()
	d.calls.Wait()
}

// stop is drain without patience.
func (d *direct) stop() {
	d.end()
	d.drain()
}
