package disk

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDiscard(t *testing.T) {
	t.Parallel()
	r := filled(t, 3)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} { // as a kill leaves them
		if err := os.WriteFile(r.config.Path+suffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Discard(r.config.Path, r.config.Logger); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(r.config.Path + "*"); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	if n := r.log.lines("discarded"); n != 1 {
		t.Errorf("%d lines in the log, want 1", n)
	}
	if err := os.MkdirAll(filepath.Join(r.config.Path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Discard(r.config.Path, r.config.Logger); err == nil || r.log.lines("discarded") != 1 {
		t.Errorf("what cannot be deleted: %v", err)
	}
	if err := os.RemoveAll(r.config.Path); err != nil {
		t.Fatal(err)
	}
	r.open()
	if got := r.has("0"); got != "" {
		t.Errorf("found %q", got)
	}
}
