package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// report is what an edge says of itself, as far as it matters here.
type report struct {
	path     string
	Instance string `json:"instance"`
	Epoch    string `json:"epoch"`
	Position uint64 `json:"position,string"`
	Leaving  bool   `json:"leaving"`
}

// hear takes a report.
func (f *fakeControl) hear(w http.ResponseWriter, r *http.Request) {
	heard := report{path: r.URL.EscapedPath()}
	if err := json.NewDecoder(r.Body).Decode(&heard); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, heard)
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"report_after":"1s"}`)
}

// heard are the reports so far, and how many of them said goodbye.
func (f *fakeControl) heard() (all []report, goodbyes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.reports {
		if r.Leaving {
			goodbyes++
		}
	}
	return append(all, f.reports...), goodbyes
}

// TestReportsOfAnEdge reach the control plane promptly when it asks for them. An edge
// that is killed is missed; one that is stopped has said goodbye.
func TestReportsOfAnEdge(t *testing.T) {
	t.Parallel()
	f := startFakeControl(t)
	e := startEdge(t, startOrigin(t).URL, f.URL, "--node-id", "edge?1")
	e.reaches(0)
	f.set(1, event(1, "ip_banned", `{"ip":"192.0.2.1","reason":"","automatic":false,"timestamp":1}`)+event(0, "report", `{"position":"1"}`))
	reports := func(position uint64) {
		t.Helper()
		eventually(t, fmt.Sprint("position ", position, " is reported"), func() error {
			if all, _ := f.heard(); len(all) == 0 || all[len(all)-1].Position != position {
				return fmt.Errorf("reports %+v", all)
			}
			return nil
		})
	}
	reports(1)
	all, _ := f.heard()
	if last := all[len(all)-1]; last.path != "/v1/edges/edge%3F1:report" || last.Epoch != fakeEpoch || last.Instance == "" {
		t.Errorf("reported %+v", last)
	}

	e.kill()
	if _, goodbyes := f.heard(); goodbyes != 0 {
		t.Error("the edge was killed, and left")
	}
	e.start(t)
	f.set(2, event(2, "ip_unbanned", `{"ip":"192.0.2.1","timestamp":1}`))
	reports(2)
	if code := e.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	all, goodbyes := f.heard()
	if last := all[len(all)-1]; goodbyes != 1 || !last.Leaving || last.Position != 2 || last.Instance != all[0].Instance {
		t.Errorf("%d goodbyes; the last report %+v", goodbyes, last)
	}
}
