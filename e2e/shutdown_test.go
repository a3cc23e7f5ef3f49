package e2e

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// TestControlPlaneDrains: on SIGTERM its readers get what is left and a goodbye,
// and it ends with 0 although streams and calls without an end are open.
func TestControlPlaneDrains(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	e := startEdge(t, startOrigin(t).URL, c.url)
	s := openStream(t, c.url, "")
	s.until("synced")
	watch := must[grpc_health_v1.Health_WatchClient](t)(
		grpc_health_v1.NewHealthClient(c.conn).Watch(c.deadline(), &grpc_health_v1.HealthCheckRequest{}))
	if answer := must[*grpc_health_v1.HealthCheckResponse](t)(watch.Recv()); answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health is %v", answer)
	}
	position := c.ban("192.0.2.1", "last words")
	e.reaches(position)

	began := time.Now()
	if code := c.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > prompt {
		t.Errorf("the drain took %s", took)
	}
	frames := s.until("shutdown")
	if got := events(frames); len(got) != 1 || got[0].position(t) != position {
		t.Errorf("before the goodbye: %+v, want the ban", got)
	}
	var goodbye struct{ Reason, Message *string }
	frames[len(frames)-1].into(t, &goodbye)
	if goodbye.Reason == nil || goodbye.Message == nil {
		t.Errorf("shutdown is %+v, want a reason and a message", frames[len(frames)-1])
	}
	if f, err := s.read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the goodbye: %+v, %v", f, err)
	}
	for {
		_, err := watch.Recv()
		if err == nil {
			continue
		}
		if status.Code(err) != codes.Unavailable {
			t.Errorf("the health watcher is told %v", err)
		}
		break
	}
	if code := e.terminate(); code != 0 {
		t.Errorf("exit code of the edge: %d", code)
	}
}

// TestEdgeDrains: answers under way come to their end.
func TestEdgeDrains(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	origin := startSlowOrigin(t, begun, finish)
	e := startEdge(t, origin.URL, c.url)
	e.reaches(0)
	got := make(chan answer, 1)
	go func() {
		a, err := get(e.url("127.0.0.1", "/slow"))
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	<-begun
	e.sigterm()
	e.logged("draining")
	close(finish)
	if a := <-got; a.code != http.StatusOK || !strings.Contains(a.body, "slow answer") {
		t.Errorf("the answer under way: %s", a)
	}
	if code := e.wait(prompt); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
