package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

// TestErrorsOfTheLog holds what a caller hears of each, and that the operator
// hears what the caller does not.
func TestErrorsOfTheLog(t *testing.T) {
	t.Parallel()
	const secret = "/var/lib/secret.db is on fire"
	for _, tt := range []struct {
		name   string
		err    error
		code   codes.Code
		http   int
		reason string
		logged bool
	}{
		{"closed", fmt.Errorf("%s: %w", secret, eventlog.ErrClosed), codes.Unavailable, http.StatusServiceUnavailable, "LOG_UNAVAILABLE", false},
		{"broken", errors.New(secret), codes.Unavailable, http.StatusServiceUnavailable, "LOG_UNAVAILABLE", true},
		{"undecodable", fmt.Errorf("%s: %w", secret, wire.ErrUndecodable), codes.Internal, http.StatusInternalServerError, "INTERNAL", true},
		{"reused", fmt.Errorf("%s: %w", secret, eventlog.ErrRequestReused), codes.AlreadyExists, http.StatusConflict, "REQUEST_ID_REUSED", false},
		{"deadline", fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), codes.DeadlineExceeded, http.StatusGatewayTimeout, "DEADLINE_EXCEEDED", false},
		{"refused", controlplane.Errorf(controlplane.Conflict, "SOME_CONFLICT", "no"), codes.AlreadyExists, http.StatusConflict, "SOME_CONFLICT", false},
		{"for now", controlplane.Errorf(controlplane.Unavailable, "NO_QUORUM", "later"), codes.Unavailable, http.StatusServiceUnavailable, "NO_QUORUM", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.log.failWith(tt.err)
			_, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "1.2.3.4"})
			if status.Code(err) != tt.code || reasonOf(err) != tt.reason || strings.Contains(err.Error(), secret) {
				t.Errorf("gRPC: %v (%s)", err, reasonOf(err))
			}
			if logged := strings.Contains(e.logs.String(), secret); logged != tt.logged {
				t.Errorf("logged: %v, want %v", logged, tt.logged)
			}
			got := e.rest("POST", "/v1/bans", `{"ip":"1.2.3.4"}`)
			if got.status != tt.http || got.reason() != tt.reason || strings.Contains(got.text, secret) {
				t.Errorf("REST: %d %s", got.status, got.text)
			}
		})
	}
}

// panicLog panics on a read.
type panicLog struct{ eventlog.Log }

func (panicLog) Latest(context.Context, ...string) ([]controlplane.Event, error) {
	panic("a secret in a panic")
}

func TestPanicEndsOneCallOnly(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.log.Log = panicLog{e.log.Log}
	got := e.rest("GET", "/v1/bans:check?ip=::1", "")
	if got.status != http.StatusInternalServerError || got.reason() != "INTERNAL" || strings.Contains(got.text, "secret") {
		t.Errorf("answer: %d %s", got.status, got.text)
	}
	if text := e.logs.String(); !strings.Contains(text, "a secret in a panic") || !strings.Contains(text, "errors_test.go") {
		t.Errorf("the panic and its place are not logged: %s", text)
	}
	if got := e.rest("GET", "/v1/status", ""); got.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.status, got.text)
	}
}
