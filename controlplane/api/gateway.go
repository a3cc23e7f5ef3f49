package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/ringcast/ringcast/gen"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// openAPIPath is where the description of the API is served.
const openAPIPath = "/openapi.json"

// gateway turns REST requests into calls of services.
type gateway struct{ mux *runtime.ServeMux }

func newGateway(services grpc.ClientConnInterface) (*gateway, error) {
	g := new(gateway)
	g.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, jsonCodec{}),
		runtime.WithMetadata(callerMetadata),
		runtime.WithIncomingHeaderMatcher(noHeader),
		runtime.WithOutgoingHeaderMatcher(noHeader),
		runtime.WithOutgoingTrailerMatcher(noHeader),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithMiddlewares(stopProbe),
		runtime.WithErrorHandler(handleError),
		runtime.WithRoutingErrorHandler(g.handleRoutingError))
	if err := g.register(services); err != nil {
		return nil, fmt.Errorf("register routes: %w", err)
	}
	return g, nil
}

func (g *gateway) register(services grpc.ClientConnInterface) error {
	ctx := context.Background()
	return errors.Join(
		ringcastv1.RegisterBanServiceHandlerClient(ctx, g.mux, ringcastv1.NewBanServiceClient(services)),
		ringcastv1.RegisterAllowServiceHandlerClient(ctx, g.mux, ringcastv1.NewAllowServiceClient(services)),
		ringcastv1.RegisterTokenServiceHandlerClient(ctx, g.mux, ringcastv1.NewTokenServiceClient(services)),
		ringcastv1.RegisterCacheServiceHandlerClient(ctx, g.mux, ringcastv1.NewCacheServiceClient(services)),
		ringcastv1.RegisterBatchServiceHandlerClient(ctx, g.mux, ringcastv1.NewBatchServiceClient(services)),
		ringcastv1.RegisterEventServiceHandlerClient(ctx, g.mux, ringcastv1.NewEventServiceClient(services)),
		ringcastv1.RegisterAuditServiceHandlerClient(ctx, g.mux, ringcastv1.NewAuditServiceClient(services)),
		ringcastv1.RegisterFleetServiceHandlerClient(ctx, g.mux, ringcastv1.NewFleetServiceClient(services)),
		g.mux.HandlePath(http.MethodGet, openAPIPath, serveOpenAPI),
	)
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setGuards(w.Header())
	call, refusal := prepare(w, r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	g.mux.ServeHTTP(w, call)
}

// callerMetadata is who calls, as the network knows it. It is all the metadata
// that a REST call has: noHeader keeps out what the caller says.
func callerMetadata(_ context.Context, r *http.Request) metadata.MD {
	return metadata.Pairs(addressKey, hostOf(r.RemoteAddr))
}

func noHeader(string) (string, bool) { return "", false }

func serveOpenAPI(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, gen.OpenAPI())
}

// probeKey marks a request that only asks whether a route exists; its value is
// a *bool for the answer.
type probeKey struct{}

// stopProbe answers a probe in place of the route's handler.
func stopProbe(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		if found, ok := r.Context().Value(probeKey{}).(*bool); ok {
			*found = true
			return
		}
		next(w, r, params)
	}
}

// allowed lists the methods that the request's path takes, as an Allow header
// has them (RFC 9110, section 10.2.1).
func (g *gateway) allowed(r *http.Request) string {
	var methods []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost} {
		found := false
		probe := r.WithContext(context.WithValue(r.Context(), probeKey{}, &found))
		probe.Method = method
		g.mux.ServeHTTP(nil, probe)
		if found {
			methods = append(methods, method)
		}
		if found && method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	return strings.Join(methods, ", ")
}
