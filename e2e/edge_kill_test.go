package e2e

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestEdgeKilledWhileEventsFlow: an edge killed at any moment comes back, resumes
// and has exactly the log's state.
func TestEdgeKilledWhileEventsFlow(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	e := startEdge(t, startOrigin(t).URL, c.url)
	e.reaches(0)
	variety(t, c.api)
	w := startWriters(t, rpcSender{c.api}, rpcSender{c.api}, restSender{c.url}, restSender{c.url})
	for range kills {
		before := e.status().Position
		e.reachesBeyond(before)
		e.kill()
		w.flow(20)
		e.start(t)
		func() {
			w.pause.Lock()
			defer w.pause.Unlock()
			sameState(t, c, e)
		}()
		if resets := e.status().Resets; resets != 0 {
			t.Errorf("%d resets after a restart, want it to resume", resets)
		}
	}
}

// variety writes one of each kind that the writers do not write.
func variety(t *testing.T, a api) {
	t.Helper()
	a.banFor("198.51.100.0/24", time.Hour)
	must[*ringcastv1.RevokeTokenResponse](t)(a.tokens.RevokeToken(a.deadline(), &ringcastv1.RevokeTokenRequest{
		Of: &ringcastv1.RevokeTokenRequest_Subject{Subject: "user-7"}, Reason: "left", Ttl: durationpb.New(time.Hour),
	}))
	must[*ringcastv1.RevokeTokenResponse](t)(a.tokens.RevokeToken(a.deadline(), &ringcastv1.RevokeTokenRequest{
		Of: &ringcastv1.RevokeTokenRequest_Token{Token: "opaque-token"},
	}))
}

// reachesBeyond waits until the edge has put something more in force.
func (e *edge) reachesBeyond(position uint64) {
	e.t.Helper()
	eventually(e.t, "the edge moves on", func() error {
		if e.status().Position <= position {
			return errNotYet
		}
		return nil
	})
}
