package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ringcast/ringcast/controlplane"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// heldFleet answers GetEdge with what it was asked, once the call's context has ended or
// answer is closed.
type heldFleet struct {
	ringcastv1.UnimplementedFleetServiceServer
	answer  chan struct{}
	context context.Context
}

func (f *heldFleet) GetEdge(ctx context.Context, r *ringcastv1.GetEdgeRequest) (*ringcastv1.Edge, error) {
	f.context = ctx
	select {
	case <-f.answer:
		return &ringcastv1.Edge{NodeId: r.GetNodeId()}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newHeld(chain ...grpc.UnaryServerInterceptor) (*heldFleet, *direct, ringcastv1.FleetServiceClient) {
	f, d := &heldFleet{answer: make(chan struct{})}, newDirect(chain...)
	ringcastv1.RegisterFleetServiceServer(d, f)
	return f, d, ringcastv1.NewFleetServiceClient(d)
}

// TestDirectCrossesTheChain in its order, with the metadata and the method's name.
func TestDirectCrossesTheChain(t *testing.T) {
	t.Parallel()
	var crossed []string
	note := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			crossed = append(crossed, name+" "+info.FullMethod)
			return handle(ctx, req)
		}
	}
	f, _, client := newHeld(note("outer"), note("inner"), identify)
	close(f.answer)
	ctx := metadata.AppendToOutgoingContext(t.Context(), addressKey, "192.0.2.7")
	edge, err := client.GetEdge(ctx, &ringcastv1.GetEdgeRequest{NodeId: "fra-1"})
	if err != nil || edge.GetNodeId() != "fra-1" {
		t.Fatalf("answer %v, error %v", edge, err)
	}
	const method = " /ringcast.v1.FleetService/GetEdge"
	if len(crossed) != 2 || crossed[0] != "outer"+method || crossed[1] != "inner"+method {
		t.Errorf("crossed %q", crossed)
	}
	if got := controlplane.PrincipalFrom(f.context).Address; got != "192.0.2.7" {
		t.Errorf("the caller's address is %q", got)
	}
	if sent, _ := metadata.FromOutgoingContext(f.context); len(sent) != 0 {
		t.Errorf("a call that the service makes would have the metadata %v", sent)
	}
}

func TestDirectWithoutMethod(t *testing.T) {
	t.Parallel()
	d := newDirect()
	if _, err := ringcastv1.NewBanServiceClient(d).CheckIP(t.Context(), &ringcastv1.CheckIPRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a method of no service: %v", err)
	}
	if _, err := ringcastv1.NewBanServiceClient(d).ImportBans(t.Context()); status.Code(err) != codes.Unimplemented {
		t.Errorf("a stream: %v", err)
	}
}

// TestDirectDrains what is under way, lets nothing in after that, and ends what does not
// end by itself.
func TestDirectDrains(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f, d, client := newHeld()
			call := make(chan error, 1)
			go func() {
				_, err := client.GetEdge(t.Context(), &ringcastv1.GetEdgeRequest{})
				call <- err
			}()
			synctest.Wait()
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				d.drain()
			}()
			synctest.Wait()
			if _, err := client.GetEdge(t.Context(), &ringcastv1.GetEdgeRequest{}); status.Code(err) != codes.Unavailable {
				t.Errorf("a call while it drains: %v", err)
			}
			select {
			case <-drained:
				t.Error("drained with a call under way")
			default:
			}
			if ends {
				close(f.answer)
			}
			err := <-call
			if ends != (err == nil) || !ends && !errors.Is(err, context.Canceled) {
				t.Errorf("the call under way: %v", err)
			}
			<-drained
			d.stop()
		})
	}
}
