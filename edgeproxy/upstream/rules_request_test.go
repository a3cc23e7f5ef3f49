package upstream_test

import (
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// wants is the rule that who asks in this way, nine seconds into ten, gets what
// is stored, or not.
func wants(name string, hit bool, fields ...string) rule {
	second := at(9, fields...).origin("200 b", tenSeconds).gives("200 b", asIsAsked)
	if hit {
		second = at(9, fields...).gives("200 a", "hit; ttl=1")
	}
	return rule{name, talk(ask().origin("200 a", tenSeconds).gives("200 a", miss), second)}
}

// takes is the rule that who asks in this way gets what has been stale for five
// seconds, or not.
func takes(name string, hit bool, directives string, fields ...string) rule {
	second := at(15, fields...).origin("200 b", tenSeconds).gives("200 b", renewed)
	if hit {
		second = at(15, fields...).gives("200 a", "hit; ttl=-5", "Age: 15")
	}
	return rule{name, talk(ask().origin("200 a", "Cache-Control: max-age=10"+directives, `ETag: "1"`).gives("200 a", miss), second)}
}

func TestRequestDirectives(t *testing.T) {
	runRules(t, []rule{
		wants("RFC 9111, 5.2.1.1: max-age", true, "Cache-Control: max-age=9"),
		wants("… is too old", false, "Cache-Control: max-age=8"),
		wants("… max-age=0", false, "Cache-Control: max-age=0"),
		wants("… no number is 0", false, "Cache-Control: max-age=x"),
		wants("… max-stale does not make it younger", false, "Cache-Control: max-age=8, max-stale"),
		wants("… the first counts", true, "Cache-Control: max-age=9, max-age=0"),
		wants("5.2.1.3: min-fresh", true, "Cache-Control: min-fresh=1"),
		wants("… too close to its end", false, "Cache-Control: min-fresh=2"),
		wants("… no number", false, "Cache-Control: min-fresh=x"),
		wants("5.2.1.4: no-cache", false, "Cache-Control: no-cache"),
		wants("… in any case, among others", false, "Cache-Control: foo,No-Cache"),
		wants("… on another line", false, "Cache-Control: foo", "Cache-Control: no-cache"),
		wants("… inside a quoted string is none", true, `Cache-Control: foo="no-cache"`),
		wants("5.2.1.5: no-store is about the answer", true, "Cache-Control: no-store"),
		wants("5.2.1.6: no-transform", true, "Cache-Control: no-transform"),
		wants("5.2.1.7: only-if-cached", true, "Cache-Control: only-if-cached"),
		wants("5.4: Pragma", false, "Pragma: no-cache"),
		wants("… in any case, among others", false, "Pragma: foo, No-Cache"),
		wants("… only without Cache-Control", true, "Pragma: no-cache", "Cache-Control: max-age=9"),
		wants("… of any kind", true, "Pragma: no-cache", "Cache-Control: foo"),
		wants("… another Pragma", true, "Pragma: no-cachet"),
		takes("5.2.1.2: stale", false, ""),
		takes("… max-stale", true, "", "Cache-Control: max-stale"),
		takes("… long enough", true, "", "Cache-Control: max-stale=5"),
		takes("… not long enough", false, "", "Cache-Control: max-stale=4"),
		takes("… no number is 0", false, "", "Cache-Control: max-stale=x"),
		takes("… beside max-age", true, "", "Cache-Control: max-stale=5, max-age=15"),
		takes("… not against must-revalidate", false, ", must-revalidate", "Cache-Control: max-stale"),
		takes("… nor proxy-revalidate", false, ", proxy-revalidate", "Cache-Control: max-stale"),
		takes("… nor s-maxage", false, ", s-maxage=10", "Cache-Control: max-stale"),
		takes("… nor no-cache", false, ", no-cache", "Cache-Control: max-stale"),
		{"5.2.1.5: no-store on a miss", talk(
			ask("Cache-Control: no-store").origin("200 a", tenSeconds).gives("200 a", passed),
			ask().origin("200 b", tenSeconds).gives("200 b", miss),
		)},
		{"… on what is stale", talk(
			ask().origin("200 a", tenSeconds, `ETag: "1"`).gives("200 a", miss),
			at(10, "Cache-Control: no-store", `If-None-Match: "0"`).origin("200 b", tenSeconds).seeing(`If-None-Match: "0"`).
				gives("200 b", "fwd=stale; fwd-status=200"),
			ask().origin("304", tenSeconds).gives("200 a", confirmed),
		)},
		{"5.2.1.7: only-if-cached on a miss", talk(ask("Cache-Control: only-if-cached").
			gives("504 {\"error\":\"only_if_cached\"}", "detail=only-if-cached", "Cache-Control: no-store"))},
		{"… on what is stale", talk(
			ask().origin("200 a", tenSeconds, `ETag: "1"`).gives("200 a", miss),
			at(10, "Cache-Control: only-if-cached").gives("504 {\"error\":\"only_if_cached\"}", "detail=only-if-cached"),
			ask("Cache-Control: only-if-cached, max-stale").gives("200 a", "hit; ttl=0"),
		)},
		{"… on another variant", talk(
			ask("A: 1").origin("200 a", tenSeconds, "Vary: A").gives("200 a", miss),
			ask("A: 2", "Cache-Control: only-if-cached").gives("504 {\"error\":\"only_if_cached\"}", "detail=only-if-cached"),
		)},
		{"5.2.1.4: no-cache asks with a validator", talk(
			ask().origin("200 a", tenSeconds, `ETag: "1"`).gives("200 a", miss),
			at(5, "Cache-Control: no-cache").origin("304", tenSeconds).seeing(`If-None-Match: "1"`, "Cache-Control: no-cache").
				gives("200 a", "fwd=request; fwd-status=304; stored"),
			at(9).gives("200 a", "hit; ttl=1"),
		)},
		{"a reload by a browser", talk(
			ask().origin("200 a", tenSeconds, `ETag: "1"`).gives("200 a", miss),
			ask("Cache-Control: max-age=0", `If-None-Match: "1"`).origin("304", tenSeconds).gives("304", "fwd=request; fwd-status=304; stored"),
			ask("Cache-Control: max-age=0", `If-None-Match: "1"`).origin("200 b", tenSeconds, `ETag: "2"`).gives("200 b", asIsAsked),
			ask().gives("200 b", "hit; ttl=10"),
		)},
	})
}

// TestIgnoreReload: docs/configuration.md, --cache-ignore-reload.
func TestIgnoreReload(t *testing.T) {
	runRules(t, []rule{
		wants("no-cache", true, "Cache-Control: no-cache"),
		wants("Pragma", true, "Pragma: no-cache"),
		wants("max-age", true, "Cache-Control: max-age=0"),
		wants("min-fresh", true, "Cache-Control: min-fresh=9"),
		wants("all of them", true, "Cache-Control: no-cache, max-age=1, min-fresh=99"),
		takes("max-stale stays", true, "", "Cache-Control: max-stale=5, no-cache"),
		takes("what is stale stays so", false, "", "Cache-Control: no-cache"),
		{"only-if-cached stays", talk(ask("Cache-Control: no-cache, only-if-cached").
			gives("504 {\"error\":\"only_if_cached\"}", "detail=only-if-cached"))},
		{"no-store stays", talk(
			ask("Cache-Control: no-store, no-cache").origin("200 a", tenSeconds).gives("200 a", passed),
			ask().origin("200 b").gives("200 b", passed),
		)},
	}, func(c *cache.Config) { c.IgnoreReload = true })
}
