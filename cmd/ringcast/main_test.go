package main

import "testing"

// The flag that every program has and the verb say the same.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"version", "--version"} {
		ringcast(t, arg).want(t, exitDone, "ringcast "+version+"\n", "")
	}
}
