package controlplane_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
)

func TestPrincipal(t *testing.T) {
	t.Parallel()
	if got := controlplane.PrincipalFrom(t.Context()); got != (controlplane.Principal{Name: "anonymous"}) {
		t.Errorf("nobody is %+v", got)
	}
	want := controlplane.Principal{Name: "deploy", Address: "10.0.0.1"}
	ctx := controlplane.WithPrincipal(t.Context(), controlplane.Principal{Name: "outer"})
	if got := controlplane.PrincipalFrom(controlplane.WithPrincipal(ctx, want)); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestErrorIsFound wants a refusal to keep its kind and reason on its way up.
func TestErrorIsFound(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("append: %w", controlplane.Errorf(controlplane.Conflict, controlplane.ReasonRequestIDReused, "id %q", "x"))
	refusal, ok := errors.AsType[*controlplane.Error](err)
	if !ok || *refusal != (controlplane.Error{Kind: controlplane.Conflict, Reason: "REQUEST_ID_REUSED", Message: `id "x"`}) {
		t.Errorf("%+v", refusal)
	}
	if err.Error() != `append: id "x"` {
		t.Errorf("%q", err)
	}
}
