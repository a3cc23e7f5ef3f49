package main

import (
	"testing"
	"time"
)

// TestTold has lines arrive in pieces, as a pipe gives them.
func TestTold(t *testing.T) {
	t.Parallel()
	told := &told{read: map[uint64]time.Time{}}
	for _, piece := range []string{`{"level":`, "true}\n" + `{"position":7,"read":1000}` + "\n{", `"position":8,"read":2000}` + "\n"} {
		if n, err := told.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	if !told.isLevel() {
		t.Error("the edges are not level")
	}
	if at, ok := told.take(8); !ok || at.UnixNano() != 2000 {
		t.Errorf("position 8: %s, %v", at, ok)
	}
	if _, ok := told.take(8); ok {
		t.Error("position 8 was read twice")
	}
	if _, ok := told.take(9); ok {
		t.Error("position 9 was read")
	}
	if _, err := told.Write([]byte("nonsense\n")); err == nil {
		t.Error("nonsense is no error")
	}
}
