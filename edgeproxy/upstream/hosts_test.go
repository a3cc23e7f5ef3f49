package upstream

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInventedHostsLeaveTheRealOnes, however many there are.
func TestInventedHostsLeaveTheRealOnes(t *testing.T) {
	t.Parallel()
	var l hosts
	for range 5 * minStored {
		l.add("http", "real.example")
	}
	for i := range 10 * maxCandidates {
		l.add("http", fmt.Sprint("once", i))
	}
	if diff := cmp.Diff([]place{{"http", "real.example"}}, l.list([]string{"own"}), cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("hosts asked once count (-want +got):\n%s", diff)
	}
	for i := range maxCandidates {
		for range minStored {
			l.add("http", fmt.Sprint("thrice", i))
		}
	}
	if got := l.list(nil); len(got) != maxHosts || got[0].host != "real.example" {
		t.Errorf("%d hosts: %v", len(got), got)
	}
	if len(l.known) > maxCandidates {
		t.Errorf("%d candidates are known", len(l.known))
	}
}

// TestHostsAge: one that nobody asks for any more makes room.
func TestHostsAge(t *testing.T) {
	t.Parallel()
	var l hosts
	for range ageEvery / 2 {
		l.add("http", "gone.example")
	}
	for range 10 * ageEvery {
		l.add("http", "new.example")
	}
	if diff := cmp.Diff([]place{{"http", "new.example"}}, l.list(nil), cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.add("http", string(slices.Repeat([]byte("x"), maxHostBytes+1)))
	if len(l.known) != 1 {
		t.Errorf("%d are known, want no long ones", len(l.known))
	}
}

// TestConfiguredHostsAreTheFirst: until clients have named others often enough.
func TestConfiguredHostsAreTheFirst(t *testing.T) {
	t.Parallel()
	var l hosts
	configured, want := []string{"own", "self"}, []place{{"http", "own"}, {"http", "self"}}
	for n := range minStored {
		if diff := cmp.Diff(want, l.list(configured), cmp.AllowUnexported(place{})); diff != "" {
			t.Errorf("after %d (-want +got):\n%s", n, diff)
		}
		l.add("https", "real.example")
	}
	want = []place{{"https", "real.example"}}
	if diff := cmp.Diff(want, l.list(configured), cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
