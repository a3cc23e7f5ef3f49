package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// fake is a control plane that remembers what it was asked and answers as told.
type fake struct {
	ringcastv1.UnimplementedBanServiceServer
	ringcastv1.UnimplementedAllowServiceServer
	ringcastv1.UnimplementedTokenServiceServer
	ringcastv1.UnimplementedCacheServiceServer
	ringcastv1.UnimplementedEventServiceServer
	ringcastv1.UnimplementedAuditServiceServer

	bans        []*ringcastv1.Ban
	allows      []*ringcastv1.Allow
	revocations []*ringcastv1.Revocation
	records     []*ringcastv1.AuditRecord
	refuse      func(what string) error
	imports     func(importServer) error
	health      *health.Server
	fakeFleet

	mu       sync.Mutex // guards what follows
	requests []proto.Message
}

// serve starts the fake on a socket of its own and gives its address.
func (f *fake) serve(t testing.TB, address string) string {
	t.Helper()
	served, _ := f.serveUntil(t, address)
	return served
}

// serveUntil is serve with an end before the test's.
func (f *fake) serveUntil(t testing.TB, address string) (served string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ringcastv1.RegisterBanServiceServer(server, f)
	ringcastv1.RegisterAllowServiceServer(server, f)
	ringcastv1.RegisterTokenServiceServer(server, f)
	ringcastv1.RegisterCacheServiceServer(server, f)
	ringcastv1.RegisterFleetServiceServer(server, f)
	ringcastv1.RegisterEventServiceServer(server, f)
	ringcastv1.RegisterAuditServiceServer(server, f)
	f.health = health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, f.health)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	stop = func() {
		server.Stop()
		<-done
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// start serves on 127.0.0.1.
func (f *fake) start(t testing.TB) string {
	t.Helper()
	return f.serve(t, "127.0.0.1:0")
}

// took remembers a request and gives its position.
func (f *fake) took(m proto.Message) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, proto.Clone(m))
	return uint64(41 + len(f.requests))
}

// asked gives the only request that came.
func (f *fake) asked(t testing.TB) proto.Message {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) != 1 {
		t.Fatalf("%d requests came, want 1: %v", len(f.requests), f.requests)
	}
	return f.requests[0]
}

func refusal(code codes.Code, reason, message string) error {
	answer, err := status.New(code, message).WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "ringcast"})
	if err != nil {
		panic(err)
	}
	return answer.Err()
}

func (f *fake) BanIP(_ context.Context, r *ringcastv1.BanIPRequest) (*ringcastv1.BanIPResponse, error) {
	if f.refuse != nil {
		if err := f.refuse(r.GetIp()); err != nil {
			return nil, err
		}
	}
	return &ringcastv1.BanIPResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

// importServer is the stream of an import, as the server has it.
type importServer = grpc.BidiStreamingServer[ringcastv1.ImportBansRequest, ringcastv1.ImportBansResponse]

func (f *fake) ImportBans(stream importServer) error { return f.imports(stream) }

func (f *fake) UnbanIP(_ context.Context, r *ringcastv1.UnbanIPRequest) (*ringcastv1.UnbanIPResponse, error) {
	return &ringcastv1.UnbanIPResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

// ListBans has pages of at most 2, whatever is asked for, and tokens that are
// indexes.
func (f *fake) ListBans(_ context.Context, r *ringcastv1.ListBansRequest) (*ringcastv1.ListBansResponse, error) {
	f.took(r)
	begin := 0
	if r.GetPageToken() != "" {
		if _, err := fmt.Sscan(r.GetPageToken(), &begin); err != nil {
			return nil, refusal(codes.InvalidArgument, "INVALID_PAGE_TOKEN", "made up")
		}
	}
	end := min(begin+min(int(r.GetPageSize()), 2), len(f.bans))
	answer := &ringcastv1.ListBansResponse{Bans: f.bans[begin:end]}
	if end < len(f.bans) {
		answer.NextPageToken = fmt.Sprint(end)
	}
	return answer, nil
}

func (f *fake) CheckIP(_ context.Context, r *ringcastv1.CheckIPRequest) (*ringcastv1.CheckIPResponse, error) {
	f.took(r)
	answer := &ringcastv1.CheckIPResponse{Banned: len(f.bans) > 0 && len(f.allows) == 0}
	if len(f.bans) > 0 {
		answer.Ban = f.bans[0]
	}
	if len(f.allows) > 0 {
		answer.Allow = f.allows[0]
	}
	return answer, nil
}

func (f *fake) AllowIP(_ context.Context, r *ringcastv1.AllowIPRequest) (*ringcastv1.AllowIPResponse, error) {
	return &ringcastv1.AllowIPResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) RemoveAllow(_ context.Context, r *ringcastv1.RemoveAllowRequest) (*ringcastv1.RemoveAllowResponse, error) {
	return &ringcastv1.RemoveAllowResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) ListAllows(_ context.Context, r *ringcastv1.ListAllowsRequest) (*ringcastv1.ListAllowsResponse, error) {
	f.took(r)
	return &ringcastv1.ListAllowsResponse{Allows: f.allows}, nil
}

func (f *fake) RevokeToken(_ context.Context, r *ringcastv1.RevokeTokenRequest) (*ringcastv1.RevokeTokenResponse, error) {
	return &ringcastv1.RevokeTokenResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) RestoreToken(_ context.Context, r *ringcastv1.RestoreTokenRequest) (*ringcastv1.RestoreTokenResponse, error) {
	return &ringcastv1.RestoreTokenResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) ListRevocations(_ context.Context, r *ringcastv1.ListRevocationsRequest) (*ringcastv1.ListRevocationsResponse, error) {
	f.took(r)
	return &ringcastv1.ListRevocationsResponse{Revocations: f.revocations}, nil
}

func (f *fake) CheckToken(_ context.Context, r *ringcastv1.CheckTokenRequest) (*ringcastv1.CheckTokenResponse, error) {
	f.took(r)
	if len(f.revocations) == 0 {
		return &ringcastv1.CheckTokenResponse{}, nil
	}
	return &ringcastv1.CheckTokenResponse{Revoked: true, Revocation: f.revocations[0]}, nil
}

func (f *fake) Invalidate(_ context.Context, r *ringcastv1.InvalidateRequest) (*ringcastv1.InvalidateResponse, error) {
	return &ringcastv1.InvalidateResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) Preload(_ context.Context, r *ringcastv1.PreloadRequest) (*ringcastv1.PreloadResponse, error) {
	if f.refuse != nil {
		if err := f.refuse(r.GetRoutes()[0]); err != nil {
			return nil, err
		}
	}
	return &ringcastv1.PreloadResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) Publish(_ context.Context, r *ringcastv1.PublishRequest) (*ringcastv1.PublishResponse, error) {
	return &ringcastv1.PublishResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) GetStatus(context.Context, *ringcastv1.GetStatusRequest) (*ringcastv1.GetStatusResponse, error) {
	return &ringcastv1.GetStatusResponse{Version: "v1\x1b[31m", Epoch: "7f3a9c", Head: 1 << 60, Subscribers: 5, EdgeSubscribers: 3, KnownEdges: 4, LevelEdges: 2}, nil
}

func ban(ip, reason string, position uint64) *ringcastv1.Ban {
	return &ringcastv1.Ban{Ip: ip, Reason: reason, CreateTime: &timestamppb.Timestamp{Seconds: 1763719200}, Position: position}
}
