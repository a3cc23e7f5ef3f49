package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// control is a running control plane.
type control struct {
	*process
	api
	dir   string
	flags []string
	// url is that of REST and the stream; rpc is host:port of gRPC.
	url, rpc string
}

// startControl starts one in a data directory of its own. Its heart beats
// quickly, so that edges notice quickly what happens to it.
func startControl(t *testing.T, flags ...string) *control {
	t.Helper()
	return startControlIn(t, t.TempDir(), flags...)
}

func startControlIn(t *testing.T, dir string, flags ...string) *control {
	t.Helper()
	c := &control{dir: dir, flags: flags}
	c.start(t)
	return c
}

// start starts it, again if it ran before, on other ports.
func (c *control) start(t *testing.T) {
	t.Helper()
	args := []string{
		"control", "--http-listen", "localhost:0", "--grpc-listen", "localhost:0",
		"--data-dir", c.dir, "--heartbeat", "200ms", "--log-format", "json",
	}
	c.process = launch(t, "control plane", nil, append(args, c.flags...)...)
	ready := c.logged("control plane ready")
	c.url = "http://" + net.JoinHostPort("127.0.0.1", portOf(t, ready, "http"))
	c.rpc = net.JoinHostPort("127.0.0.1", portOf(t, ready, "grpc"))
	c.api = dial(t, c.rpc)
}

// api is the control plane's gRPC services.
type api struct {
	t      *testing.T
	conn   *grpc.ClientConn
	bans   ringcastv1.BanServiceClient
	tokens ringcastv1.TokenServiceClient
	caches ringcastv1.CacheServiceClient
	fleet  ringcastv1.FleetServiceClient
}

// dial connects, and after a loss soon again.
func dial(t *testing.T, address string) api {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
			BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond,
		}, MinConnectTimeout: time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return api{
		t: t, conn: conn,
		bans: ringcastv1.NewBanServiceClient(conn), tokens: ringcastv1.NewTokenServiceClient(conn),
		caches: ringcastv1.NewCacheServiceClient(conn), fleet: ringcastv1.NewFleetServiceClient(conn),
	}
}

// deadline is the context of a call that should take no time.
func (a api) deadline() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	a.t.Cleanup(cancel)
	return ctx
}

// ban bans and gives the position; so do the others.
func (a api) ban(ip, reason string) uint64 {
	a.t.Helper()
	answer, err := a.bans.BanIP(a.deadline(), &ringcastv1.BanIPRequest{Ip: ip, Reason: reason})
	if err != nil {
		a.t.Fatalf("ban %s: %v", ip, err)
	}
	return answer.GetPosition()
}

func (a api) banFor(ip string, ttl time.Duration) uint64 {
	a.t.Helper()
	answer, err := a.bans.BanIP(a.deadline(), &ringcastv1.BanIPRequest{Ip: ip, Ttl: durationpb.New(ttl)})
	if err != nil {
		a.t.Fatalf("ban %s: %v", ip, err)
	}
	return answer.GetPosition()
}

func (a api) unban(ip string) uint64 {
	a.t.Helper()
	answer, err := a.bans.UnbanIP(a.deadline(), &ringcastv1.UnbanIPRequest{Ip: ip})
	if err != nil {
		a.t.Fatalf("unban %s: %v", ip, err)
	}
	return answer.GetPosition()
}

func (a api) revoke(jti string) uint64 {
	a.t.Helper()
	answer, err := a.tokens.RevokeToken(a.deadline(), &ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: jti}})
	if err != nil {
		a.t.Fatalf("revoke %s: %v", jti, err)
	}
	return answer.GetPosition()
}

func (a api) invalidate(tags ...string) uint64 {
	a.t.Helper()
	answer, err := a.caches.Invalidate(a.deadline(), &ringcastv1.InvalidateRequest{Tags: tags})
	if err != nil {
		a.t.Fatalf("invalidate: %v", err)
	}
	return answer.GetPosition()
}

func (a api) status() *ringcastv1.GetStatusResponse {
	a.t.Helper()
	answer, err := a.fleet.GetStatus(a.deadline(), &ringcastv1.GetStatusRequest{})
	if err != nil {
		a.t.Fatalf("status: %v", err)
	}
	return answer
}

// passHorizon waits until the log has forgotten what is up to position.
func (a api) passHorizon(position uint64) {
	a.t.Helper()
	eventually(a.t, "horizon passes the position", func() error {
		if horizon := a.status().GetHorizon(); horizon < position {
			return fmt.Errorf("horizon %d, position %d", horizon, position)
		}
		return nil
	})
}

// httpAddress is host:port of REST and the stream.
func (c *control) httpAddress() string { return strings.TrimPrefix(c.url, "http://") }
