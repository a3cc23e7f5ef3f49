package api

import (
	"testing"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestDigestHasTheRPC holds that a request id is not shared by two RPCs whose
// requests look alike.
func TestDigestHasTheRPC(t *testing.T) {
	t.Parallel()
	m := &ringcastv1.UnbanIPRequest{Ip: "1.2.3.4", RequestId: "a"}
	one, err := newRequest(t.Context(), "/one", m)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newRequest(t.Context(), "/other", m)
	if err != nil {
		t.Fatal(err)
	}
	if one.Digest == other.Digest {
		t.Error("two RPCs with the same content have the same digest")
	}
}
