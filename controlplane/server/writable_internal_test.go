package server

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// decidingLog runs decisions and writes nothing.
type decidingLog struct{ eventlog.Log }

func (decidingLog) Append(_ context.Context, decide controlplane.Decision, _ ...eventlog.Request) ([]eventlog.Receipt, error) {
	_, err := decide(nil)
	return nil, err
}

// TestRefusalSaysNothingOfTheLog wants a decision's own error to come through as
// it is, and not to be taken for the log's.
func TestRefusalSaysNothingOfTheLog(t *testing.T) {
	t.Parallel()
	log := &writableLog{Log: decidingLog{}, logger: slog.New(slog.DiscardHandler)}
	refusal := errors.New("no")
	_, err := log.Append(t.Context(), func(controlplane.State) ([]controlplane.Event, error) { return nil, refusal }, eventlog.Request{})
	if err != refusal {
		t.Errorf("append: %#v", err)
	}
	if err := log.writable(t.Context()); err != nil {
		t.Errorf("writable: %v", err)
	}
}
