package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestMaxRequestBody: what is longer is refused before the origin hears of it; without an
// announced length the origin sees a body that does not end.
func TestMaxRequestBody(t *testing.T) {
	t.Parallel()
	var asked, whole atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	}))
	t.Cleanup(origin.Close)
	e := startEdge(t, origin.URL, startControl(t).url, "--max-request-body", "1KiB")
	post := func(body io.Reader) (answer, error) {
		resp, err := client.Post(e.url("127.0.0.1", "/"), "text/plain", body)
		if err != nil {
			return answer{}, err
		}
		return read(resp)
	}
	fits, long := strings.Repeat("a", 1<<10), strings.Repeat("a", 1<<10+1)
	isAnswered(t, "1 KiB", must[answer](t)(post(strings.NewReader(fits))), http.StatusOK)
	a := must[answer](t)(post(strings.NewReader(long)))
	if a.code != http.StatusRequestEntityTooLarge || strings.TrimSpace(a.body) != `{"error":"body_too_large"}` || asked.Load() != 1 {
		t.Errorf("a byte more: %s, and the origin was asked %d times", a, asked.Load())
	}
	if a, err := post(io.MultiReader(strings.NewReader(long))); err == nil && a.code < http.StatusBadRequest || whole.Load() != 1 {
		t.Errorf("of unknown length: %s, %v, and the origin got %d bodies", a, err, whole.Load())
	}
}
