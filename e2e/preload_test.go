package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func (a api) preload(routes ...string) uint64 {
	a.t.Helper()
	answer, err := a.caches.Preload(a.deadline(), &ringcastv1.PreloadRequest{Routes: routes})
	if err != nil {
		a.t.Fatalf("preload: %v", err)
	}
	return answer.GetPosition()
}

// post sends JSON to the control plane.
func (c *control) post(path, body string) answer {
	c.process.t.Helper()
	return must[answer](c.process.t)(read(must[*http.Response](c.process.t)(client.Post(c.url+path, "application/json", strings.NewReader(body)))))
}

// counts waits until an edge's metrics have all those lines.
func (e *edge) counts(lines ...string) {
	e.t.Helper()
	eventually(e.t, "the edge counts", func() error {
		metrics := e.metrics()
		for _, line := range lines {
			if !strings.Contains(metrics, "\n"+line+"\n") {
				return fmt.Errorf("no line %q in\n%s", line, metrics)
			}
		}
		return nil
	})
}

// TestPreload hints by every way there is to three edges: the first request of a
// client is then a hit, whichever name of this machine it uses.
func TestPreload(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	o := startOrigin(t)
	var edges []*edge
	for range 3 {
		e := startEdge(t, o.URL, c.url)
		e.reaches(0)
		edges = append(edges, e)
	}
	c.preload("/a", "/b?c=d", "//e")
	startCLI(t, c).says([]string{"preload", "/f"}, "hinted preload of /f", "-2")
	for _, path := range []string{"/v1/cache:preload", "/preload"} {
		if a := c.post(path, `{"routes":["http://www.example.com/g"]}`); a.code != http.StatusOK {
			t.Errorf("POST %s: %s", path, a)
		}
	}
	for _, e := range edges {
		// Four paths for localhost, 127.0.0.1 and ::1, and one URL twice.
		e.counts(`ringcast_edge_preloads_total{result="stored"} 13`, `ringcast_edge_preloads_total{result="present"} 1`,
			`ringcast_edge_preloads_total{result="failed"} 0`, `ringcast_edge_preloads_total{result="useless"} 0`,
			"ringcast_edge_preloads_dropped_total 0")
	}
	before := o.answers.Load() // no edge asks for itself any more
	for _, e := range edges {
		for _, path := range []string{"/a", "/b?c=d", "//e", "/f"} {
			for _, from := range []string{"127.0.0.1", "::1", "localhost"} {
				if a := must[answer](t)(get(e.url(from, path))); !isHit(a) {
					t.Errorf("%s%s: %s, want a hit", from, path, a)
				}
			}
		}
		req := must[*http.Request](t)(http.NewRequest(http.MethodGet, e.url("127.0.0.1", "/g"), nil))
		req.Host = "www.example.com"
		if a := must[answer](t)(read(must[*http.Response](t)(client.Do(req)))); !isHit(a) {
			t.Errorf("www.example.com/g: %s, want a hit", a)
		}
		if got := o.answers.Load(); got != before {
			t.Errorf("the clients cost %d answers of the origin", got-before)
		}
	}
}

// TestPreloadIsOfTheMoment: one that fails is counted and harms nobody, and the
// log forgets a hint as it does an invalidation, which a gap announces.
func TestPreloadIsOfTheMoment(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--moment-retention", "1s", "--ring-size", "1")
	e := startEdge(t, "http://127.0.0.1:1", c.url)
	e.reaches(0)
	hinted := c.preload("http://www.example.com/a", "http://www.example.com/b")
	e.counts(`ringcast_edge_preloads_total{result="failed"} 2`, `ringcast_edge_preloads_total{result="stored"} 0`)
	e.becomesReady()
	banned := c.ban("192.0.2.1", "")
	eventually(t, "the hint is forgotten", func() error {
		if got := c.status().GetMomentHorizon(); got < hinted {
			return fmt.Errorf("moment horizon %d", got)
		}
		return nil
	})
	frames := poll(t, c.url, "0")
	if f := frames[1]; f.event != "gap" || f.data != fmt.Sprintf(`{"from":"0","to":"%d"}`, hinted) {
		t.Errorf("the resume begins with %+v, want a gap up to %d", f, hinted)
	}
	for _, frames := range [][]frame{frames, poll(t, c.url, "")} {
		if got := events(frames); len(got) != 1 || got[0].position(t) != banned {
			t.Errorf("the events are %+v, want only the ban", got)
		}
	}
}

// TestPreloadOnTheStream: a hint is one event; refused ones are none.
func TestPreloadOnTheStream(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	c.preload("/a?b", "https://h/", "/a?b")
	got := events(poll(t, c.url, "0"))
	if len(got) != 1 || got[0].event != "preload_hinted" || !strings.HasPrefix(got[0].data, `{"routes":["/a?b","https://h/"],"timestamp":`) {
		t.Errorf("the stream has %+v", got)
	}
	for _, bad := range []string{`{}`, `{"routes":["/a*"]}`, `{"routes":["ftp://h/"]}`, `{"routes":[""]}`, `{"routes":["/a"],"hard":true}`} {
		isRefusal(t, bad, c.post("/preload", bad), http.StatusBadRequest)
	}
	cli := startCLI(t, c)
	if got := cli.run(exitError, "preload", "/a", "no-path"); !strings.Contains(got.err, "INVALID_ROUTE") {
		t.Errorf("preload no-path says %s", got.err)
	}
	cli.run(exitUsage, "preload")
	if head := c.status().GetHead(); head != 1 {
		t.Errorf("refused hints moved the head to %d", head)
	}
}
