package upstream_test

import "testing"

// TestNewAnswerReplacesOrRemoves: RFC 9111, section 4.3.3. A new response means that
// the stored one no longer holds, also where it is not stored itself.
func TestNewAnswerReplacesOrRemoves(t *testing.T) {
	const tag, life = `ETag: "1"`, "Cache-Control: max-age=10, stale-if-error=1000"
	first := ask().origin("200 abc", tag, life).gives("200 abc", miss)
	then := func(answer string, fields ...string) step {
		return at(10).origin(answer, fields...).gives(answer, "fwd=stale; fwd-status="+answer[:3])
	}
	gone := ask().origin("503").seeing("!If-None-Match").gives("503", "fwd=uri-miss; fwd-status=503")
	kept := ask().origin("503").seeing(`If-None-Match: "1"`).gives("200 abc", "fwd=stale; fwd-status=503; ttl=0")
	runRules(t, []rule{
		{"gone", talk(first, then("404"), gone)},
		{"gone for good", talk(first, then("410"), gone)},
		{"forbidden", talk(first, then("403"), gone)},
		{"moved", talk(first, then("302"), gone)},
		{"not to be stored", talk(first, then("200 b", "Cache-Control: no-store"), gone)},
		{"for one user", talk(first, then("200 b", "Cache-Control: private"), gone)},
		{"for one user, whom a cookie names", talk(first,
			at(10, "Cookie: s=1").origin("200 b", "Cache-Control: private").gives("200 b", "fwd=stale; fwd-status=200"), kept)},
		{"for one user, who is authorized", talk(first,
			at(10, "Authorization: x").origin("200 b").gives("200 b", "fwd=stale; fwd-status=200"), kept)},
		{"gone, says who has a cookie", talk(first,
			at(10, "Cookie: s=1").origin("404").gives("404", "fwd=stale; fwd-status=404"), gone)},
		{"too many requests", talk(first, then("429"), kept)},
		{"too slow", talk(first, then("408"), kept)},
	})
}

// A part of a stale response may be needed where the origin fails (RFC 5861,
// section 4).
func TestRangeOfAStaleResponse(t *testing.T) {
	const life = "Cache-Control: max-age=10, stale-if-error=1000"
	runRules(t, []rule{
		{"the origin fails", talk(
			ask().origin("200 abc", life).gives("200 abc", miss),
			at(10, "Range: bytes=1-").origin("503").gives("206 bc", "fwd=stale; fwd-status=503; ttl=0"),
		)},
	})
}

// TestOnlyIfCachedIsNeverForwarded: RFC 9111, section 5.2.1.7.
func TestOnlyIfCachedIsNeverForwarded(t *testing.T) {
	const only = "Cache-Control: only-if-cached"
	runRules(t, []rule{
		{"If-Match", talk(ask(only, `If-Match: "1"`).gives(`504 {"error":"only_if_cached"}`, "detail=only-if-cached"))},
		{"OPTIONS", talk(ask(only).by("OPTIONS").gives(`504 {"error":"only_if_cached"}`, "detail=only-if-cached"))},
		{"what changes something is not asked for from here", talk(ask(only).by("POST").origin("200 b").gives("200 b", "fwd=method; fwd-status=200"))},
	})
}
