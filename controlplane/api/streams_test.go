package api_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// moreThanCalls is more streams than calls may be under way.
const moreThanCalls = 4200

// dialAgain is another connection to the server.
func (e *env) dialAgain() *grpc.ClientConn {
	e.t.Helper()
	conn, err := grpc.NewClient(e.conn.Target(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { conn.Close() })
	return conn
}

// TestStreamsTakeNoPlacesOfCalls opens streams until one is refused, and wants
// whoever bans not to be.
func TestStreamsTakeNoPlacesOfCalls(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(context.Context, *grpc.ClientConn) (receive func() error, err error){
		"imports": func(ctx context.Context, conn *grpc.ClientConn) (func() error, error) {
			stream, err := ringcastv1.NewBanServiceClient(conn).ImportBans(ctx)
			return func() error { _, err := stream.Recv(); return err }, err
		},
		"watches": func(ctx context.Context, conn *grpc.ClientConn) (func() error, error) {
			watch, err := grpc_health_v1.NewHealthClient(conn).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
			return func() error {
				_, err := watch.Recv()
				for err == nil {
					_, err = watch.Recv()
				}
				return err
			}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			ctx, hangUp := context.WithCancel(t.Context())
			conns := []*grpc.ClientConn{e.dialAgain(), e.dialAgain()}
			ended := make(chan error, moreThanCalls)
			for n := range moreThanCalls {
				receive, err := open(ctx, conns[n%len(conns)])
				if err != nil {
					t.Fatal(err)
				}
				go func() { ended <- receive() }()
			}
			if err := <-ended; status.Code(err) != codes.Unavailable || reasonOf(err) != "TOO_MANY_CALLS" {
				t.Errorf("the first that ended: %v", err)
			}
			if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "192.0.2.1"}); err != nil {
				t.Errorf("ban: %v", err)
			}
			hangUp()
			for range moreThanCalls - 1 {
				<-ended
			}
		})
	}
}

// TestImportsGiveTheirPlacesBack has more imports than may be under way, one after
// the other.
func TestImportsGiveTheirPlacesBack(t *testing.T) {
	t.Parallel()
	e := start(t)
	for n := range 50 {
		if _, err := e.importAll(importOf(n, 1)); err != nil {
			t.Fatalf("import %d: %v", n+1, err)
		}
	}
}
