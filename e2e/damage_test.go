package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewerSchemaIsRefused: an older program does not touch a newer one's files.
func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	c, e := stoppedPair(t)
	setSchema(t, filepath.Join(c.dir, "log.db"), 999)
	setSchema(t, filepath.Join(e.dir, "state.db"), 999)
	refuses(t, exitError, controlIn(c.dir), "newer version", "999")
	refuses(t, exitError, edgeIn(e.dir), "newer version", "999")
}

// TestOrderlyStopLeavesOneFile: whoever copies the database of a stopped process
// has all of it.
func TestOrderlyStopLeavesOneFile(t *testing.T) {
	t.Parallel()
	c, e := stoppedPair(t)
	for _, pattern := range []string{filepath.Join(c.dir, "log.db-*"), filepath.Join(e.dir, "state.db-*")} {
		if left := must[[]string](t)(filepath.Glob(pattern)); len(left) > 0 {
			t.Errorf("after the stop there is %v", left)
		}
	}
}

// TestDamagedLogIsRefused: the log is the truth, so nothing is made up for it.
func TestDamagedLogIsRefused(t *testing.T) {
	t.Parallel()
	c, _ := stoppedPair(t)
	path := filepath.Join(c.dir, "log.db")
	damage(t, path, 4096)
	refuses(t, exitError, controlIn(c.dir), "damaged", path, "restore a backup")
	damage(t, path, 0)
	refuses(t, exitError, controlIn(c.dir), "damaged", path, "restore a backup")
}

// TestDamagedEdgeStateIsRebuilt: the stream has everything that was in it.
func TestDamagedEdgeStateIsRebuilt(t *testing.T) {
	t.Parallel()
	c, e := stoppedPair(t)
	damage(t, filepath.Join(e.dir, "state.db"), 4096)
	e.start(t)
	if a := e.ready(); a.code != http.StatusServiceUnavailable {
		t.Errorf("ready without a state: %s", a)
	}
	aside := must[[]string](t)(filepath.Glob(filepath.Join(e.dir, "state.db.damaged-*")))
	if log := e.log.String(); len(aside) == 0 || !strings.Contains(log, "set aside") {
		t.Errorf("set aside is %v; the log says\n%s", aside, log)
	}
	e.terminate()

	c.start(t)
	e.flags = []string{"--origin", "http://localhost:1", "--control", c.url}
	e.start(t)
	sameState(t, c, e)
	if a := e.get6("/"); a.code != http.StatusForbidden {
		t.Errorf("banned: %s", a)
	}
}

// stoppedPair gives a control plane and an edge that ran, have a few pages of
// bans, and were stopped.
func stoppedPair(t *testing.T) (*control, *edge) {
	t.Helper()
	c := startControl(t)
	e := startEdge(t, "http://localhost:1", c.url)
	banMany(t, c.api, 500)
	e.reaches(c.ban("::1", ""))
	if code := e.terminate(); code != exitDone {
		t.Fatalf("edge: exit code %d", code)
	}
	if code := c.terminate(); code != exitDone {
		t.Fatalf("control plane: exit code %d", code)
	}
	return c, e
}

func setSchema(t *testing.T, path string, version int) {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite3", path))
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		t.Fatal(err)
	}
}

// damage overwrites a file from an offset to its end.
func damage(t *testing.T, path string, offset int64) {
	t.Helper()
	file := must[*os.File](t)(os.OpenFile(path, os.O_RDWR, 0))
	defer file.Close()
	size := must[os.FileInfo](t)(file.Stat()).Size()
	if size <= offset {
		t.Fatalf("%s has %d bytes, and nothing to damage", path, size)
	}
	if _, err := file.WriteAt([]byte(strings.Repeat("damage! ", int(size-offset)/8)), offset); err != nil {
		t.Fatal(err)
	}
}
