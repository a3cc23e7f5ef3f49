package api_test

import (
	"fmt"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestMostSelected holds that the proto lets in as much as an event may have, and no
// more.
func TestMostSelected(t *testing.T) {
	t.Parallel()
	e := start(t)
	var names []string
	for n := range controlplane.MaxSelected + 1 {
		names = append(names, fmt.Sprint("/", n))
	}
	most, more := names[:controlplane.MaxSelected], names
	if _, err := e.cache.Invalidate(t.Context(), &ringcastv1.InvalidateRequest{Tags: most, Keys: most}); err != nil {
		t.Errorf("the most: %v", err)
	}
	for reason, req := range map[string]*ringcastv1.InvalidateRequest{"INVALID_TAG": {Tags: more}, "INVALID_KEY": {Keys: more}} {
		if _, err := e.cache.Invalidate(t.Context(), req); reasonOf(err) != reason {
			t.Errorf("more: %v; want %s", err, reason)
		}
	}
}
