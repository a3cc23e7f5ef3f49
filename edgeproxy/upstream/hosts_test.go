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
		l.add("real.example")
	}
	for i := range 10 * maxCandidates {
		l.add(fmt.Sprint("once", i))
	}
	if diff := cmp.Diff([]string{"own", "real.example"}, l.list([]string{"own"})); diff != "" {
		t.Errorf("hosts asked once count (-want +got):\n%s", diff)
	}
	for i := range maxCandidates {
		for range minStored {
			l.add(fmt.Sprint("thrice", i))
		}
	}
	if got := l.list(nil); len(got) != maxHosts || got[0] != "real.example" {
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
		l.add("gone.example")
	}
	for range 10 * ageEvery {
		l.add("new.example")
	}
	if diff := cmp.Diff([]string{"new.example"}, l.list(nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.add(string(slices.Repeat([]byte("x"), maxHostBytes+1)))
	if len(l.known) != 1 {
		t.Errorf("%d are known, want no long ones", len(l.known))
	}
}

func TestConfiguredHostsAreAllThere(t *testing.T) {
	t.Parallel()
	var l hosts
	var configured []string
	for i := range maxHosts + 1 {
		configured = append(configured, fmt.Sprint("own", i))
	}
	for range minStored {
		l.add("real.example")
	}
	if diff := cmp.Diff(configured, l.list(configured)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
