package upstream_test

import "testing"

const hit = "hit; ttl=10"

// meets is the rule that a stored answer with the second fields answers a client
// that asks with the first ones by 304, or whole.
func meets(name string, have bool, asks []string, stored ...string) rule {
	answer := map[bool]string{true: "304", false: "200 a"}[have]
	return rule{name, talk(
		ask().origin("200 a", append(stored, tenSeconds)...).gives("200 a", miss),
		ask(asks...).gives(answer, hit),
		ask(asks...).by("HEAD").gives(map[bool]string{true: "304", false: "200"}[have], hit),
	)}
}

func TestConditionsOfClients(t *testing.T) {
	f := func(fields ...string) []string { return fields }
	const tag, weak, day = `ETag: "1"`, `ETag: W/"1"`, "Last-Modified: {-100}"
	runRules(t, []rule{
		meets("RFC 9110, 13.1.2: If-None-Match", true, f(`If-None-Match: "1"`), tag),
		meets("… another", false, f(`If-None-Match: "2"`), tag),
		meets("… compares weakly", true, f(`If-None-Match: W/"1"`), tag),
		meets("… both weak", true, f(`If-None-Match: W/"1"`), weak),
		meets("… a weak one stored", true, f(`If-None-Match: "1"`), weak),
		meets("… a list", true, f(`If-None-Match: "0", W/"1" ,"2"`), tag),
		meets("… lines", true, f(`If-None-Match: "0"`, `If-None-Match: "1"`), tag),
		meets("… a list without it", false, f(`If-None-Match: "0", "2"`), tag),
		meets("… a comma inside a tag", false, f(`If-None-Match: "0,1"`), tag),
		meets("… *", true, f("If-None-Match: *"), tag),
		meets("… * without a tag", true, f("If-None-Match: *")),
		meets("… a tag for what has none", false, f(`If-None-Match: "1"`)),
		meets("… quotes are part of it", false, f("If-None-Match: 1"), tag),
		meets("… another case", false, f(`If-None-Match: "A"`), `ETag: "a"`),
		meets("… W/ has one case", false, f(`If-None-Match: w/"1"`), tag),
		meets("… malformed beside it", true, f(`If-None-Match: x, "1"`), tag),
		meets("… empty", false, f("If-None-Match: "), tag),
		meets("… an ETag without quotes is none", false, f("If-None-Match: 1"), "ETag: 1"),
		meets("… several ETags are none", false, f(`If-None-Match: "1"`), tag, tag),
		meets("13.1.3: If-Modified-Since", true, f("If-Modified-Since: {-100}"), day),
		meets("… later", true, f("If-Modified-Since: {-50}"), day),
		meets("… earlier", false, f("If-Modified-Since: {-101}"), day),
		meets("… another form of date", true, f("If-Modified-Since: {rfc850-100}"), day),
		meets("… not a date", false, f("If-Modified-Since: yesterday"), day),
		meets("… several lines", false, f("If-Modified-Since: {-100}", "If-Modified-Since: {-100}"), day),
		meets("RFC 9111, 4.3.2: without Last-Modified by Date", true, f("If-Modified-Since: {-5}"), "Date: {-5}", "CDN-Cache-Control: max-age=15"),
		meets("… earlier than Date", false, f("If-Modified-Since: {-6}"), "Date: {-5}", "CDN-Cache-Control: max-age=15"),
		meets("… without Date by when it came", true, f("If-Modified-Since: {+0}")),
		meets("RFC 9110, 13.2.2: If-None-Match goes first, and matches", true, f(`If-None-Match: "1"`, "If-Modified-Since: {-999}"), tag, day),
		meets("… and does not", false, f(`If-None-Match: "2"`, "If-Modified-Since: {-1}"), tag, day),
		meets("… also where nothing stored has a tag", false, f(`If-None-Match: "2"`, "If-Modified-Since: {-1}"), day),
		{"13.2.1: not for a status other than 2xx", talk(
			ask().origin("404 a", tag, tenSeconds).gives("404 a", "fwd=uri-miss; fwd-status=404; stored"),
			ask(`If-None-Match: "1"`).gives("404 a", hit),
		)},
		{"on a miss the whole is asked for, and stored", talk(
			ask(`If-None-Match: "1"`).origin("200 a", tag, tenSeconds).seeing("!If-None-Match").gives("304", miss).storing(),
			ask().gives("200 a", hit),
		)},
		{"… by date as well", talk(
			ask("If-Modified-Since: {-100}").origin("200 a", day, tenSeconds).seeing("!If-Modified-Since").gives("304", miss).storing(),
			ask("If-Modified-Since: {-101}").gives("200 a", hit),
		)},
		{"… another version", talk(
			ask(`If-None-Match: "0"`).origin("200 a", tag, tenSeconds).seeing("!If-None-Match").gives("200 a", miss),
		)},
		{"… what is not stored", talk(
			ask(`If-None-Match: "1"`).origin("200 a", tag, "Cache-Control: no-store").gives("200 a", passed),
			ask(`If-None-Match: "1"`).origin("304", "Cache-Control: no-store").seeing(`If-None-Match: "1"`).gives("304", "fwd=uri-miss; fwd-status=304"),
		)},
		{"when it is stale the stored version is asked for", talk(
			ask().origin("200 a", tag, day, tenSeconds).gives("200 a", miss),
			at(10, `If-None-Match: "0"`, "If-Modified-Since: {-1}").origin("304", tenSeconds).
				seeing(`If-None-Match: "1"`, "If-Modified-Since: {-100}").gives("200 a", confirmed),
			at(10, `If-None-Match: "1"`).origin("304", tenSeconds).seeing(`If-None-Match: "1"`).gives("304", confirmed),
			at(10, `If-None-Match: "0"`).origin("200 b", `ETag: "0"`, tenSeconds).gives("304", renewed).storing(),
			ask().gives("200 b", hit),
		)},
	})
}

// TestNotModifiedFields: RFC 9110, section 15.4.5.
func TestNotModifiedFields(t *testing.T) {
	stored := []string{
		tenSeconds, `ETag: "1"`, "Date: {+0}", "Expires: {+99}", "Vary: A", "Content-Location: /x", "Last-Modified: {-100}",
		"Content-Type: text/plain", "Content-Language: de", "Content-Encoding: x", "Accept-Ranges: bytes",
	}
	runRules(t, []rule{{"only what tells the version and its lifetime", talk(
		ask().origin("200 a", stored...).gives("200 a", miss, stored...),
		at(3, `If-None-Match: "1"`).gives("304", "hit; ttl=7", append(stored[:7:7], "Age: 3", "Via: 1.1 ringcast",
			"!Content-Type", "!Content-Length", "!Content-Language", "!Content-Encoding", "!Transfer-Encoding")...),
	)}})
}
