package api_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane/api"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func TestGetStatus(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	for _, ip := range []string{"1.2.3.4", "1.2.3.5"} {
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: ip}); err != nil {
			t.Fatal(err)
		}
	}
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "a"}})
	got, err := e.fleet.GetStatus(t.Context(), &ringcastv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := &ringcastv1.GetStatusResponse{
		Version: "v1.2.3", StartTime: timestamppb.New(noon), Epoch: got.GetEpoch(), Head: 3,
		Subscribers: 7, EdgeSubscribers: 3, Bans: 2, Revocations: 1,
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || got.GetEpoch() == "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestHealthAndReflection(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, service := range []string{"", "ringcast.v1.BanService"} {
		got, err := grpc_health_v1.NewHealthClient(e.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v", service, got, err)
		}
	}
	stream, err := grpc_reflection_v1.NewServerReflectionClient(e.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list := &grpc_reflection_v1.ServerReflectionRequest_ListServices{}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: list}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	for _, name := range []string{"ringcast.v1.BanService", "ringcast.v1.TokenService", "ringcast.v1.CacheService", "ringcast.v1.FleetService", "grpc.health.v1.Health"} {
		if !slices.Contains(names, name) {
			t.Errorf("reflection does not list %s: %v", name, names)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	got := start(t).rest("GET", "/openapi.json", "")
	paths, _ := got.json["paths"].(map[string]any)
	for _, path := range []string{"/v1/bans", "/ban/ip", "/v1/revocations:check", "/v1/cache:invalidate", "/v1/cache:preload", "/preload", "/v1/events:publish", "/v1/allows", "/v1/allows/{ip}", "/v1/status"} {
		if paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	e := start(t)
	registry := prometheus.NewRegistry()
	server, err := api.New(api.Config{Metrics: registry}, e.deps())
	if err != nil {
		t.Fatal(err)
	}
	e.serve(server)
	e.rest("POST", "/v1/bans", `{"ip":"1.2.3.4"}`)
	e.rest("POST", "/v1/bans", `{"ip":"nobody"}`)
	want := `
		# HELP ringcast_rpc_requests_total Calls of the admin API by method and gRPC code, REST included.
		# TYPE ringcast_rpc_requests_total counter
		ringcast_rpc_requests_total{code="InvalidArgument",method="/ringcast.v1.BanService/BanIP"} 1
		ringcast_rpc_requests_total{code="OK",method="/ringcast.v1.BanService/BanIP"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
	if _, err := api.New(api.Config{Metrics: registry}, e.deps()); err == nil {
		t.Error("the same metrics were registered twice")
	}
}

// TestRunEnds holds that Run comes back, with and without anything to drain.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, end := range map[string]func(net.Listener, context.CancelFunc){
		"cancelled":       func(_ net.Listener, cancel context.CancelFunc) { cancel() },
		"listener closed": func(l net.Listener, _ context.CancelFunc) { l.Close() },
	} {
		server, err := api.New(api.Config{}, e.deps())
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		end(listener, cancel)
		if err := server.Run(ctx, listener); (err == nil) != (name == "cancelled") {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// TestHealthEndsFirst holds that whoever watches hears of a shutdown.
func TestHealthEndsFirst(t *testing.T) {
	t.Parallel()
	server, err := api.New(api.Config{}, start(t).deps())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, shutDown := context.WithCancel(t.Context())
	defer shutDown()
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	watching, hangUp := context.WithCancel(t.Context())
	watch, err := grpc_health_v1.NewHealthClient(conn).Watch(watching, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []grpc_health_v1.HealthCheckResponse_ServingStatus{
		grpc_health_v1.HealthCheckResponse_SERVING, grpc_health_v1.HealthCheckResponse_NOT_SERVING,
	} {
		if got, err := watch.Recv(); err != nil || got.GetStatus() != want {
			t.Errorf("watch: %v, %v, want %v", got, err, want)
		}
		shutDown()
	}
	hangUp()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
