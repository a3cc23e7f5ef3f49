package api_test

import (
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkReport has known edges report over REST, as edges do between changes.
func BenchmarkReport(b *testing.B) {
	const edges = 1000
	e := start(b)
	report := func(n int) {
		body := fmt.Sprintf(`{"instance":"4f6d1b0c9a7e4d52","epoch":%q,"position":"%d","in_force_for":"12.345678s","version":"v1.2.3",
			"staleness":"0.250000s","start_time":"2026-01-31T12:00:00.123456789Z","sequence":"%d",
			"counts":{"bans":"1000000","allows":"12","revocations":"34567","cache_entries":"890123"}}`, "", 0, n+1)
		if got := e.rest(http.MethodPost, fmt.Sprintf("/v1/edges/edge-%d:report", n%edges), body); got.status != http.StatusOK {
			b.Fatalf("report: %+v", got)
		}
	}
	for n := range edges {
		report(n)
	}
	b.ResetTimer()
	for n := range b.N {
		report(n + edges)
	}
}
