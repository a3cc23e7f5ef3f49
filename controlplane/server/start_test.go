package server_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
)

// TestNewLogIsAnnounced: a control plane that was started in another directory by
// mistake resets every edge to an empty log. Whoever did so is told, once.
func TestNewLogIsAnnounced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, isNew := range []bool{true, false} {
		s, logs := openLogged(t, testConfig(dir))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var warning string
		for line := range strings.Lines(logs.String()) {
			if strings.Contains(line, "level=WARN") {
				warning += line
			}
		}
		told := strings.Contains(warning, "started a new log") && strings.Contains(warning, "epoch=") &&
			strings.Contains(warning, "file="+filepath.Join(dir, sqlite.FileName))
		if told != isNew || (warning == "") == isNew {
			t.Errorf("new: %t; warned: %q", isNew, warning)
		}
	}
}

// TestAllAddressesAreLogged wants that of localhost, which is two, not only the
// first.
func TestAllAddressesAreLogged(t *testing.T) {
	t.Parallel()
	s, logs := openLogged(t, testConfig(t.TempDir()))
	if err := run(t, s).stop(); err != nil {
		t.Fatal(err)
	}
	for _, address := range s.Addresses() {
		if !strings.Contains(logs.String(), address) {
			t.Errorf("%s is not in %s", address, logs)
		}
	}
}
