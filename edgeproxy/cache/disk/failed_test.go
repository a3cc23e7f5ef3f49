package disk

import "testing"

// breakWrites lets every commit fail at its end until the returned function is
// called.
func breakWrites(t *testing.T, r *rig) (mend func()) {
	t.Helper()
	execFile(t, r, `CREATE TRIGGER broken BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	return func() { execFile(t, r, `DROP TRIGGER broken`) }
}

// TestFailedBatchLeavesNothingOlder: where a record is lost, the one that it was to
// replace is not found in its place.
func TestFailedBatchLeavesNothingOlder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for n, url := range []string{"replaced", "again", "other"} {
		r.put(record(url, n))
	}
	r.writeAll()
	mend := breakWrites(t, r)
	r.put(record("replaced", 10))
	r.put(record("again", 11))
	batch := r.queue.take()
	r.put(record("again", 12))
	if err := r.commit(t.Context(), batch); err == nil {
		t.Fatal("it was written")
	}
	r.queue.done(batch, false)
	for _, when := range []func(){func() {}, mend, r.writeAll, r.reopen} {
		when()
		want := [][]Record{{}, {record("again", 12)}, {record("other", 2)}}
		if d := diff([][]Record{r.get("replaced"), r.get("again"), r.get("other")}, want); d != "" {
			t.Error(d)
		}
	}
	r.check()
}
