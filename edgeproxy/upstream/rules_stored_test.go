package upstream_test

import "testing"

const tenSeconds = "Cache-Control: max-age=10"

// keeps is the rule that an answer with these fields is stored, and a hit then
// has the given header.
func keeps(name string, fields []string, header ...string) rule {
	return rule{name, talk(
		ask().origin("200 a", fields...).gives("200 a", miss),
		ask().gives("200 a", "hit; ttl=10", header...),
	)}
}

// refuses is the rule that an answer with these fields is not stored.
func refuses(name string, fields ...string) rule {
	return rule{name, talk(
		ask().origin("200 a", fields...).gives("200 a", passed),
		ask().origin("200 b", fields...).seeing("!If-None-Match").gives("200 b", passed),
	)}
}

func TestWhatIsStored(t *testing.T) {
	runRules(t, []rule{
		refuses("RFC 9111, 5.2.2.5: no-store", "Cache-Control: no-store, max-age=10"),
		refuses("… in any case and on any line", tenSeconds, "Cache-Control: No-Store"),
		refuses("… with an argument that it does not take", "Cache-Control: no-store=0, max-age=10"),
		refuses("… after junk", "Cache-Control: ;;, =, max-age=10, no-store"),
		refuses("… with a validator too", "Cache-Control: no-store", `ETag: "1"`),
		refuses("5.2.2.7: private", "Cache-Control: private, max-age=10"),
		refuses("… stronger than public", "Cache-Control: public, private, s-maxage=10"),
		refuses("… its list is empty", `Cache-Control: private="", max-age=10`),
		refuses("… its list is no list of names", `Cache-Control: private="a b", max-age=10`),
		keeps("… says no-store only inside a quoted string", []string{`Cache-Control: foo="no-store", max-age=10`}),
		refuses("5.2.2.4: no-cache without a validator", "Cache-Control: no-cache, max-age=10"),
		{"… with one: confirmed each time", talk(
			ask().origin("200 a", "Cache-Control: no-cache, max-age=10", `ETag: "1"`).gives("200 a", miss),
			ask().origin("304", "Cache-Control: no-cache, max-age=10").seeing(`If-None-Match: "1"`).gives("200 a", confirmed),
			ask("Cache-Control: max-stale").origin("304").gives("200 a", confirmed),
			ask().origin("503").gives("503", "fwd=stale; fwd-status=503"),
		)},
		keeps("5.2.2.3: must-understand beside no-store", []string{"Cache-Control: must-understand, no-store, max-age=10"}),
		{"… with a status that is not understood", talk(
			ask().origin("299 a", "Cache-Control: must-understand, max-age=10").gives("299 a", "fwd=uri-miss; fwd-status=299"),
			ask().origin("200 b").gives("200 b", passed),
		)},
		refuses("… does not allow private", "Cache-Control: must-understand, no-store, private, max-age=10"),
		keeps("5.2.2.6: no-transform", []string{"Cache-Control: no-transform, max-age=10"}),
		keeps("5.2.2.9: public", []string{"Cache-Control: public, max-age=10"}),
		keeps("5.4: Pragma in a response means nothing", []string{tenSeconds, "Pragma: no-cache"}),
		refuses("4.1: Vary: *", tenSeconds, "Vary: *"),
		refuses("section 3: neither lifetime nor validator", "X: 1"),
	})
}

func TestQualifiedDirectives(t *testing.T) {
	qualified := func(name, directive, field string) rule {
		return rule{name, talk(
			ask().origin("200 a", "Cache-Control: max-age=10, "+directive, field+": 1", "B: 2").gives("200 a", miss, field+": 1", "B: 2"),
			ask().gives("200 a", "hit; ttl=10", "!"+field, "B: 2"),
		)}
	}
	runRules(t, []rule{
		qualified("RFC 9111, 5.2.2.4: no-cache with a field: the first client has it", `no-cache="a"`, "A"),
		qualified("5.2.2.7: private with a field", `private="A"`, "A"),
		qualified("… as a token", "private=A", "A"),
		qualified("… several", `private="x, A , y"`, "A"),
		qualified("… both directives", `no-cache="x", private="a"`, "A"),
		qualified("… private that names Set-Cookie", `private="set-cookie"`, "Set-Cookie"),
		qualified("… no-cache that names it", `no-cache="Set-Cookie"`, "Set-Cookie"),
		{"… the first client has it in a 304, too", talk(
			ask(`If-None-Match: "1"`).origin("200 a", `Cache-Control: max-age=10, private="Set-Cookie"`, `ETag: "1"`, "Set-Cookie: a").
				gives("304", miss, "Set-Cookie: a").storing(),
			ask(`If-None-Match: "1"`).gives("304", "hit; ttl=10", "!Set-Cookie"),
		)},
		{"… what the 304 brings of it is not stored", talk(
			ask().origin("200 a", `Cache-Control: max-age=10, private="A"`, `ETag: "1"`).gives("200 a", miss),
			at(10).origin("304", "A: 1").gives("200 a", confirmed),
			ask().gives("200 a", "hit; ttl=10", "!A"),
		)},
	})
}

func TestSetCookieAndAuthorization(t *testing.T) {
	const cookie = "Set-Cookie: id=1"
	authorized := func(name, control string, stored bool) rule {
		outcome, second := passed, ask().origin("200 b").gives("200 b", passed)
		if stored {
			outcome, second = miss, ask().gives("200 a", "hit; ttl=10")
		}
		return rule{name, talk(
			ask("Authorization: Basic eDp5").origin("200 a", "Cache-Control: "+control).seeing("Authorization: Basic eDp5").gives("200 a", outcome),
			second,
		)}
	}
	runRules(t, []rule{
		refuses("docs: Set-Cookie", tenSeconds, cookie),
		refuses("… beside another field that is named", `Cache-Control: max-age=10, private="A"`, cookie),
		keeps("… public", []string{"Cache-Control: public, max-age=10", cookie}, cookie),
		keeps("… s-maxage", []string{"Cache-Control: s-maxage=10", cookie}, cookie),
		keeps("… a targeted field", []string{"CDN-Cache-Control: max-age=10", cookie}, cookie),
		authorized("RFC 9111, 3.5: Authorization", "max-age=10", false),
		authorized("… public", "public, max-age=10", true),
		authorized("… must-revalidate", "must-revalidate, max-age=10", true),
		authorized("… s-maxage", "s-maxage=10", true),
		authorized("… proxy-revalidate says nothing of it", "proxy-revalidate, max-age=10", false),
		{"… does not keep a client from what was stored without", talk(
			ask().origin("200 a", tenSeconds).gives("200 a", miss),
			ask("Authorization: Basic eDp5").gives("200 a", "hit; ttl=10"),
		)},
	})
}
