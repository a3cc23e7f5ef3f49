package upstream_test

import "testing"

// lasts is the rule that an answer with these fields is used for so many seconds
// and no longer; never where they are 0.
func lasts(seconds int, name string, fields ...string) rule {
	first := ask().origin("200 a", fields...)
	if seconds == 0 {
		return rule{name, talk(first.gives("200 a", passed), ask().origin("200 b", fields...).gives("200 b", passed))}
	}
	return rule{name, talk(
		first.gives("200 a", miss),
		at(seconds-1).gives("200 a", "hit; ttl=1"),
		at(1).origin("200 b").gives("200 b", "fwd=stale; fwd-status=200"),
	)}
}

func TestLifetime(t *testing.T) {
	runRules(t, []rule{
		lasts(10, "RFC 9111, 5.2.2.1: max-age", "Cache-Control: max-age=10"),
		lasts(20, "… 5.2.2.10: s-maxage before max-age", "Cache-Control: max-age=10, s-maxage=20"),
		lasts(5, "… and though it is less", "Cache-Control: max-age=10, s-maxage=5"),
		lasts(0, "… and though it is 0", "Cache-Control: max-age=10, s-maxage=0"),
		lasts(0, "… max-age is 0", "Cache-Control: max-age=0"),
		lasts(10, "… 5.3: max-age before Expires", "Cache-Control: max-age=10", "Expires: {+20}"),
		lasts(10, "… before one in the past", "Cache-Control: max-age=10", "Expires: {-20}"),
		lasts(10, "… before one that is no date", "Cache-Control: max-age=10", "Expires: 0"),
		lasts(20, "… s-maxage before Expires", "Cache-Control: s-maxage=20", "Expires: {+10}"),
		lasts(10, "… Expires without Date", "Expires: {+10}"),
		lasts(10, "… Expires after Date", "Expires: {+10}", "Date: {+0}"),
		lasts(0, "… 4.2.1: Expires before Date", "Expires: {-70}", "Date: {-5}"),
		lasts(10, "… or fast", "Expires: {+110}", "Date: {+100}"),
		lasts(10, "… Expires beside a Date that is none", "Expires: {+10}", "Date: yesterday"),
		lasts(0, "… Expires in the past", "Expires: {-10}"),
		lasts(0, "… at the Date", "Expires: {+0}", "Date: {+0}"),
		lasts(10, "… Expires beside directives that say nothing of time", "Expires: {+10}", "Cache-Control: public, foo"),
	})
}

func TestExpiresForms(t *testing.T) {
	const valid = "Wed, 31 Dec 2098 00:00:00 GMT"
	rules := []rule{
		lasts(0, "RFC 9110, 5.3: several lines", "Expires: "+valid, "Expires: "+valid),
		lasts(0, "… one of them a date", "Expires: 0", "Expires: "+valid),
		lasts(0, "RFC 9111, 4.2.2: no heuristic beside a wrong Expires", "Expires: 0", "Date: {+0}", "Cache-Control: foo"),
		{"… though there is Last-Modified", talk(
			ask().origin("200 a", "Expires: 0", "Last-Modified: {-100}").gives("200 a", miss),
			ask().origin("304").gives("200 a", confirmed),
		)},
		lasts(10, "RFC 9110, 5.6.7: rfc850-date", "Expires: {rfc850+10}"),
		lasts(10, "… asctime-date", "Expires: {asctime+10}"),
	}
	for _, value := range []string{
		"0", "-1", "", "Wed, 31 Dec 2098", "2098-12-31T00:00:00Z", "31 Dec 2098 00:00:00 GMT", "Wed, 31 Dec 2098 00:00:00 UTC",
		"Wed, 31 Dec 2098 00:00:00 +0000", "Wed, 31 Dec 2098 24:00:00 GMT", "Wed, 31 dec 2098 00:00:00 GMT",
		"Wed, 32 Dec 2098 00:00:00 GMT", valid + ", " + valid, `"` + valid + `"`, "Wed, 31 Dec 98 00:00:00 GMT",
	} {
		rules = append(rules, lasts(0, "RFC 9111, 5.3: not a date: "+value, "Expires: "+value))
	}
	runRules(t, rules)
}

func TestDirectiveForms(t *testing.T) {
	const decade = 10 * 365 * 86400
	long := func(name, directive string) rule {
		return rule{name, talk(
			ask().origin("200 a", "Cache-Control: "+directive).gives("200 a", miss),
			at(decade).gives("200 a", "hit; ttl=1832123648"),
		)}
	}
	runRules(t, []rule{
		lasts(10, "RFC 9111, 5.2: directives have no case", "Cache-Control: MaX-aGe=10"),
		lasts(10, "… take a quoted string for a token", `Cache-Control: max-age="10"`),
		lasts(10, "… escapes in it", `Cache-Control: max-age="1\0"`),
		lasts(10, "… several lines", "Cache-Control: public", "Cache-Control: max-age=10"),
		lasts(10, "… unknown ones", "Cache-Control: foo, bar=1, baz=\"max-age=1, no-store\", max-age=10"),
		lasts(10, "… junk around", "Cache-Control: ,, ;=, \t max-age=10 ,, ="),
		lasts(10, "… leading zeros", "Cache-Control: max-age=0010"),
		lasts(10, "… not part of another's name", "Cache-Control: x-max-age=99, max-age=10, max-agex=99"),
		lasts(10, "… 4.2.1: the first of several counts", "Cache-Control: max-age=10, max-age=100"),
		lasts(10, "… also over lines", "Cache-Control: max-age=10", "Cache-Control: max-age=0"),
		lasts(0, "… also where it is the less", "Cache-Control: max-age=0, max-age=100"),
		lasts(0, "… and where it is no number", "Cache-Control: max-age=x, max-age=100"),
		lasts(0, "… not a whole number", "Cache-Control: max-age=10.5"),
		lasts(0, "… negative", "Cache-Control: max-age=-10"),
		lasts(0, "… signed", "Cache-Control: max-age=+10"),
		lasts(0, "… empty", "Cache-Control: max-age="),
		lasts(0, "… without a value", "Cache-Control: max-age"),
		lasts(0, "… space before the sign", "Cache-Control: max-age =10"),
		lasts(0, "… space after the sign", "Cache-Control: max-age= 10"),
		lasts(0, "… in single quotes", "Cache-Control: max-age='10'"),
		lasts(0, "… a unit", "Cache-Control: max-age=10s"),
		lasts(0, "… a quote that is not closed", `Cache-Control: max-age="10`),
		lasts(0, "… s-maxage is no number", "Cache-Control: s-maxage=x, max-age=10"),
		lasts(0, "… a semicolon is no comma", "Cache-Control: max-age=10; public"),
		long("… 1.2.2: too many seconds are 2^31", "max-age=2147483648"),
		long("… more than 32 bits", "max-age=4294967297"),
		long("… more than 64 bits", "s-maxage=99999999999999999999999999"),
	})
}

func TestAge(t *testing.T) {
	const fresh = "Cache-Control: max-age=10"
	runRules(t, []rule{
		lasts(7, "RFC 9111, 4.2.3: Age", fresh, "Age: 3"),
		lasts(7, "… Date", fresh, "Date: {-3}"),
		lasts(4, "… the older of both: Date", fresh, "Date: {-6}", "Age: 3"),
		lasts(4, "… Age", fresh, "Date: {-3}", "Age: 6"),
		lasts(10, "… a Date in the future", fresh, "Date: {+5}"),
		lasts(10, "… a Date that is none", fresh, "Date: 0"),
		lasts(10, "… several Dates are none", fresh, "Date: {-5}", "Date: {-5}"),
		lasts(0, "… older than it may be", fresh, "Age: 10"),
		lasts(0, "… by its Date", fresh, "Date: {-10}"),
		lasts(0, "… 5.1: very old", fresh, "Age: 99999999999999999999"),
		lasts(7, "… 5.1: of a list the first counts", fresh, "Age: 3, 9"),
		lasts(7, "… and of lines", fresh, "Age: 3", "Age: 9"),
		lasts(10, "… what is no number is ignored", fresh, "Age: x"),
		lasts(10, "… negative", fresh, "Age: -3"),
		lasts(10, "… not whole", fresh, "Age: 3.5"),
		lasts(10, "… quoted", fresh, `Age: "3"`),
		{"… 4.2.3: the time that the origin took counts", talk(
			ask().origin("200 a", fresh).taking(4).gives("200 a", miss),
			at(5).gives("200 a", "hit; ttl=1", "Age: 9"),
			at(1).origin("200 b").gives("200 b", "fwd=stale; fwd-status=200"),
		)},
		{"… is added to Age", talk(
			ask().origin("200 a", fresh, "Age: 3").taking(4).gives("200 a", miss),
			at(2).gives("200 a", "hit; ttl=1", "Age: 9"),
			at(1).origin("200 b").gives("200 b", "fwd=stale; fwd-status=200"),
		)},
		{"… not to what Date shows", talk(
			ask().origin("200 a", fresh, "Date: {+0}").taking(4).gives("200 a", miss),
			ask().gives("200 a", "hit; ttl=6", "Age: 4"),
		)},
		{"… 5.1: a hit has one Age", talk(
			ask().origin("200 a", fresh, "Age: 3", "Age: 5").gives("200 a", miss),
			at(1).gives("200 a", "hit; ttl=6", "Age: 4"),
		)},
	})
}

func TestHeuristics(t *testing.T) {
	const old = "Last-Modified: {-1000}"
	runRules(t, []rule{
		lasts(100, "RFC 9111, 4.2.2: a tenth of its age", old),
		lasts(100, "… by the origin's own clock", "Date: {+50}", "Last-Modified: {-950}"),
		lasts(86400, "… a day at most", "Last-Modified: {-100000000}"),
		lasts(90, "… which Age shortens", old, "Age: 10"),
		lasts(100, "… beside unknown directives", old, "Cache-Control: foo"),
		lasts(100, "… public", old, "Cache-Control: public"),
		lasts(10, "… not beside max-age", old, "Cache-Control: max-age=10"),
		lasts(10, "… not beside Expires", old, "Expires: {+10}"),
		lasts(0, "… not without Last-Modified", "Date: {+0}"),
		lasts(0, "… not where that is no date", "Last-Modified: long ago"),
		lasts(0, "… several are none", old, old),
		{"… not where it is in the future", talk(
			ask().origin("200 a", "Last-Modified: {+1000}").gives("200 a", miss),
			ask().origin("304").gives("200 a", confirmed),
		)},
		{"… an ETag alone: stored, and confirmed each time", talk(
			ask().origin("200 a", `ETag: "1"`).gives("200 a", miss),
			ask().origin("304").seeing(`If-None-Match: "1"`).gives("200 a", confirmed),
		)},
	})
}

// TestStatuses: RFC 9110, section 15.1, and section 3 of RFC 9111.
func TestStatuses(t *testing.T) {
	var rules []rule
	for _, status := range []string{"200", "203", "204", "300", "301", "308"} {
		rules = append(rules, statusRule("heuristic", status, true, "Last-Modified: {-1000}"))
	}
	for _, status := range []string{"201", "202", "299", "302", "303", "307", "400", "403", "404", "405", "410", "414", "418", "500", "501", "502", "503", "504"} {
		rules = append(rules,
			statusRule("no heuristic", status, false, "Last-Modified: {-1000}"),
			statusRule("max-age", status, true, "Cache-Control: max-age=100"),
			statusRule("Expires", status, true, "Expires: {+100}"))
	}
	rules = append(rules, statusRule("a part", "206", false, "Cache-Control: max-age=100", "Content-Range: bytes 0-0/2"))
	runRules(t, rules)
}

func statusRule(name, status string, stored bool, fields ...string) rule {
	outcome, second := "fwd=uri-miss; fwd-status="+status, ask().origin("200 b").gives("200 b", passed)
	if stored {
		outcome, second = outcome+"; stored", ask().gives(status, "hit; ttl=100")
	}
	return rule{status + " " + name, talk(ask().origin(status, fields...).gives(status, outcome), second)}
}
