package cache

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaultsAreOfCountedRequests: what is no visit is no fault either, else a client
// that behaves loses what its visits give it.
func TestFaultsAreOfCountedRequests(t *testing.T) {
	t.Parallel()
	r := newTTLRig(t, 2, "frequency")
	r.stockFor(t, "Cache-Control: max-age=100")
	posted := from("192.0.2.1", "/")
	posted.Method = "POST"
	for _, request := range []*Request{posted, from("192.0.2.1", "/", "If-Match: *")} {
		for range 20 {
			r.Begin(request)
			r.Answered(request, 404)
		}
	}
	var last Decision
	for range 20 {
		last = r.Begin(from("192.0.2.1", "/"))
	}
	if last.Outcome.TTL != 150 {
		t.Errorf("faults of what is not counted: %v, want ttl=150", last.Outcome)
	}
	for range 3 {
		r.Answered(from("192.0.2.1", "/"), 404)
	}
	if d := r.Begin(from("192.0.2.1", "/")); d.Outcome.TTL != 100 {
		t.Errorf("three faults in twenty: %v, want ttl=100", d.Outcome)
	}
}

// TestJitterOutlivesTheProcess, as the entry does: these are what another one gave.
func TestJitterOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	r := newTTLRig(t, 2, "jitter")
	var got []int
	for _, target := range []string{"/", "/a", "/b", "/c?d"} {
		r.outcome(t, get(target), always(func() *Response { return respond(200, "x", "Cache-Control: max-age=1000000") }))
		got = append(got, r.Begin(get(target)).Outcome.TTL)
	}
	if diff := cmp.Diff([]int{903442, 910132, 983312, 949929}, got); diff != "" {
		t.Errorf("lifetimes (-want +got):\n%s", diff)
	}
}
