package upstream_test

import "testing"

func TestConfirmation(t *testing.T) {
	const tag = `ETag: "1"`
	first := ask().origin("200 a", tag, tenSeconds).gives("200 a", miss)
	again := func(s step) step { return s.origin("200 b", tenSeconds).seeing("!If-None-Match", "!If-Modified-Since") }
	runRules(t, []rule{
		{"RFC 9111, 4.3.1: by the tag", talk(first,
			at(10).origin("304").seeing(`If-None-Match: "1"`, "!If-Modified-Since").gives("200 a", confirmed),
		)},
		{"… weak", talk(
			ask().origin("200 a", `ETag: W/"1"`, tenSeconds).gives("200 a", miss),
			at(10).origin("304").seeing(`If-None-Match: W/"1"`).gives("200 a", confirmed),
		)},
		{"… by date", talk(
			ask().origin("200 a", "Last-Modified: {rfc850-99}", tenSeconds).gives("200 a", miss),
			at(10).origin("304").seeing("If-Modified-Since: {-99}", "!If-None-Match").gives("200 a", confirmed),
		)},
		{"… without a validator there is nothing to ask", talk(
			ask().origin("200 a", tenSeconds).gives("200 a", miss),
			at(10).origin("200 b").seeing("!If-None-Match", "!If-Modified-Since").gives("200 b", "fwd=stale; fwd-status=200"),
		)},
		{"4.3.4: it is fresh again, and once more", talk(first,
			at(10).origin("304").gives("200 a", confirmed),
			at(9).gives("200 a", "hit; ttl=1", "Age: 9"),
			at(1).origin("304").gives("200 a", confirmed),
		)},
		{"3.2: a new lifetime counts", talk(first,
			at(10).origin("304", "Cache-Control: max-age=100").gives("200 a", confirmed, "Cache-Control: max-age=100"),
			at(99).gives("200 a", "hit; ttl=1", "Cache-Control: max-age=100"),
		)},
		{"… and a new Expires, where that is what rules", talk(
			ask().origin("200 a", tag, "Expires: {+10}").gives("200 a", miss),
			at(10).origin("304", "Expires: {+30}").gives("200 a", confirmed, "Expires: {+30}"),
			at(19).gives("200 a", "hit; ttl=1"),
		)},
		{"… Age and Date are those of the 304", talk(
			ask().origin("200 a", tag, tenSeconds, "Age: 4", "Date: {-4}").gives("200 a", miss),
			at(6).origin("304", "Age: 2", "Date: {+5}").gives("200 a", confirmed, "Age: 2", "Date: {+5}"),
			at(1).gives("200 a", "hit; ttl=7", "Age: 3", "Date: {+5}"),
		)},
		{"… without them it came now", talk(
			ask().origin("200 a", tag, tenSeconds, "Age: 4", "Date: {-4}").gives("200 a", miss),
			at(6).origin("304").gives("200 a", confirmed),
			at(1).gives("200 a", "hit; ttl=9", "Age: 1", "Date: {+6}"),
		)},
		{"… fields are replaced whole, added and kept", talk(
			ask().origin("200 a", tag, tenSeconds, "A: 1", "A: 2", "B: 1").gives("200 a", miss),
			at(10).origin("304", "A: 3", "C: 1").gives("200 a", confirmed, "A: 3", "B: 1", "C: 1"),
			ask().gives("200 a", hit, "A: 3", "B: 1", "C: 1", tenSeconds, tag),
		)},
		{"… not those that describe the bytes", talk(
			ask().origin("200 a", `ETag: W/"1"`, tenSeconds, "Content-Encoding: x", "Content-Type: a/b").gives("200 a", miss),
			at(10).origin("304", tag, "Content-Encoding: y", "Content-Length: 9", "Content-Range: bytes 0-8/9", "Content-MD5: x").
				gives("200 a", confirmed),
			ask().gives("200 a", hit, `ETag: W/"1"`, "Content-Encoding: x", "Content-Type: a/b", "Content-Length: 1", "!Content-Range", "!Content-Md5"),
		)},
		{"… nor those of the connection", talk(first,
			at(10).origin("304", "Connection: X", "X: 1", "Keep-Alive: 1").gives("200 a", confirmed),
			ask().gives("200 a", hit, "!X", "!Keep-Alive", "!Connection"),
		)},
		{"4.3.4: about another tag: the whole is fetched", talk(first,
			again(at(10).origin("304", `ETag: "2"`).seeing(`If-None-Match: "1"`)).gives("200 b", renewed),
			ask().gives("200 b", hit),
		)},
		{"… about another date", talk(
			ask().origin("200 a", "Last-Modified: {-99}", tenSeconds).gives("200 a", miss),
			again(at(10).origin("304", "Last-Modified: {-9}")).gives("200 b", renewed),
		)},
		{"a 304 that says no-store: what was stored is gone", talk(first,
			at(10).origin("304", "Cache-Control: no-store").origin("200 b", "Cache-Control: no-store").seeing("!If-None-Match").
				gives("200 b", "fwd=stale; fwd-status=200"),
			again(ask()).gives("200 b", miss),
		)},
		{"… or private", talk(first,
			again(at(10).origin("304", "Cache-Control: private")).gives("200 b", renewed),
		)},
		{"… or sets a cookie", talk(first,
			at(10).origin("304", "Set-Cookie: a").origin("200 b", "Set-Cookie: b", tenSeconds).gives("200 b", "fwd=stale; fwd-status=200", "Set-Cookie: b"),
			again(ask()).gives("200 b", miss),
		)},
		{"3.5: to a user: what others get stays, and is neither updated nor gone", talk(first,
			at(10, "Authorization: x").origin("304", tenSeconds, "X: 1").origin("200 b", tenSeconds).gives("200 b", "fwd=stale; fwd-status=200"),
			ask().origin("304", tenSeconds).seeing(`If-None-Match: "1"`).gives("200 a", confirmed, "!X"),
		)},
		{"a 304 that says no-cache: confirmed each time from then on", talk(first,
			at(10).origin("304", "Cache-Control: no-cache").gives("200 a", confirmed),
			ask().origin("304").gives("200 a", confirmed),
		)},
		{"4.3.3: another version", talk(first,
			at(10).origin("200 b", `ETag: "2"`, tenSeconds).gives("200 b", renewed, `ETag: "2"`),
			at(10).origin("304").seeing(`If-None-Match: "2"`).gives("200 b", confirmed),
		)},
		{"… an error that may be stored takes its place", talk(first,
			at(10).origin("404 b", tenSeconds).gives("404 b", "fwd=stale; fwd-status=404; stored"),
			ask().gives("404 b", hit),
		)},
	})
}

func TestConfirmationOfVariants(t *testing.T) {
	const vary, other = "Vary: A", "fwd=vary-miss; fwd-status=200; stored"
	runRules(t, []rule{
		{"RFC 9111, 4.3.4: the variants with the same strong tag", talk(
			ask("A: 1").origin("200 a", `ETag: "1"`, tenSeconds, vary).gives("200 a", miss),
			ask("A: 2").origin("200 a", `ETag: "1"`, tenSeconds, vary).gives("200 a", other),
			ask("A: 3").origin("200 c", `ETag: "3"`, tenSeconds, vary).gives("200 c", other),
			at(10, "A: 1").origin("304", "Cache-Control: max-age=20", "X: 1").gives("200 a", confirmed, "X: 1"),
			ask("A: 2").gives("200 a", "hit; ttl=20", "X: 1"),
			ask("A: 3").origin("304").seeing(`If-None-Match: "3"`).gives("200 c", confirmed, "!X"),
		)},
		{"… not those with a weak one", talk(
			ask("A: 1").origin("200 a", `ETag: W/"1"`, tenSeconds, vary).gives("200 a", miss),
			ask("A: 2").origin("200 b", `ETag: W/"1"`, tenSeconds, vary).gives("200 b", other),
			at(10, "A: 1").origin("304").gives("200 a", confirmed),
			ask("A: 2").origin("304").gives("200 b", confirmed),
		)},
	})
}

// TestHeadRequests: RFC 9111, section 4.3.5.
func TestHeadRequests(t *testing.T) {
	const tag, day = `ETag: "1"`, "Last-Modified: {-99}"
	first := ask().origin("200 abc", tag, day, tenSeconds).gives("200 abc", miss)
	head := func(fields ...string) step {
		return at(10).by("HEAD").origin("200", fields...).gives("200", "fwd=stale; fwd-status=200")
	}
	gone := ask().origin("200 b").seeing("!If-None-Match", "!If-Modified-Since").gives("200 b", passed)
	kept := ask().gives("200 abc", hit, tag, "Content-Length: 3")
	runRules(t, []rule{
		{"a HEAD is answered from what a GET brought", talk(first, at(1).by("HEAD").gives("200", "hit; ttl=9", "Content-Length: 3", tag))},
		{"a HEAD alone stores nothing", talk(
			ask().by("HEAD").origin("200", tenSeconds, "Content-Length: 3").gives("200", passed, "Content-Length: 3"),
			ask().origin("200 abc", tenSeconds).gives("200 abc", miss),
		)},
		{"the same version: updated", talk(first, head(tag, "X: 1", "Content-Length: 3"), kept)},
		{"… says nothing of its length", talk(first, head(tag), kept)},
		{"… and of its version: it may be another", talk(first, head(), ask().origin("304").seeing(`If-None-Match: "1"`).gives("200 abc", confirmed))},
		{"… nor does what is stored", talk(
			ask().origin("200 abc", tenSeconds).gives("200 abc", miss), head("Content-Length: 3", tenSeconds),
			ask().origin("200 new").gives("200 new", "fwd=stale; fwd-status=200"),
		)},
		{"it is gone", talk(first, at(10).by("HEAD").origin("404").gives("404", "fwd=stale; fwd-status=404"), gone)},
		{"another tag", talk(first, head(`ETag: "2"`), gone)},
		{"another date", talk(first, head("Last-Modified: {-9}"), gone)},
		{"the same tag and another date", talk(first, head(tag, "Last-Modified: {-9}"), gone)},
		{"another length", talk(first, head(tag, "Content-Length: 4"), gone)},
		{"it may no longer be stored", talk(first, head(tag, "Cache-Control: no-store"), gone)},
		{"an error says nothing", talk(first,
			at(10).by("HEAD").origin("503").gives("503", "fwd=stale; fwd-status=503"),
			ask().origin("304").seeing(`If-None-Match: "1"`).gives("200 abc", confirmed),
		)},
		{"conditions of its own reach the origin", talk(first,
			at(10, `If-None-Match: "0"`).by("HEAD").origin("304", `ETag: "0"`).seeing(`If-None-Match: "0"`).gives("304", "fwd=stale; fwd-status=304"),
		)},
	})
}
