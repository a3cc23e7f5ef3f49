package upstream_test

import "testing"

// varies is the rule that what the first fields got does, or does not, answer a
// request with the second ones.
func varies(name, vary string, same bool, first, second []string) rule {
	again := ask(second...).origin("200 b", tenSeconds, "Vary: "+vary).gives("200 b", "fwd=vary-miss; fwd-status=200; stored")
	if same {
		again = ask(second...).gives("200 a", "hit; ttl=10", "Vary: "+vary)
	}
	return rule{name, talk(
		ask(first...).origin("200 a", tenSeconds, "Vary: "+vary).gives("200 a", miss),
		again,
		ask(first...).gives("200 a", "hit; ttl=10"),
	)}
}

func TestVary(t *testing.T) {
	f := func(fields ...string) []string { return fields }
	runRules(t, []rule{
		varies("RFC 9111, 4.1: the same value", "A", true, f("A: 1"), f("A: 1", "B: 9")),
		varies("… another", "A", false, f("A: 1"), f("A: 2")),
		varies("… in another case, of a field unknown", "A", false, f("A: x"), f("A: X")),
		varies("… of the name in another case", "foo-bar", false, f("Foo-Bar: 1"), f("Foo-Bar: 2")),
		varies("… both absent", "A", true, f(), f()),
		varies("… absent and there", "A", false, f(), f("A: 1")),
		varies("… there and absent", "A", false, f("A: 1"), f()),
		varies("… absent and empty", "A", false, f(), f("A: ")),
		varies("… several fields", "A, B", false, f("A: 1", "B: 1"), f("A: 1", "B: 2")),
		varies("… all the same", "A,,B", true, f("A: 1", "B: 1"), f("A: 1", "B: 1")),
		varies("… lines and lists", "A", true, f("A: 1, 2"), f("A: 1", "A: 2")),
		varies("… order of lines", "A", false, f("A: 1", "A: 2"), f("A: 2", "A: 1")),
		varies("… whitespace around", "A", true, f("A: 1"), f("A:   1  ")),
		varies("… Accept-Encoding: order", "Accept-Encoding", true, f("Accept-Encoding: gzip, br"), f("Accept-Encoding: BR,gzip")),
		varies("… weights", "Accept-Encoding", true, f("Accept-Encoding: gzip;q=0.5"), f("Accept-Encoding: gzip ; Q=0.5")),
		varies("… another weight", "Accept-Encoding", false, f("Accept-Encoding: gzip;q=0.5"), f("Accept-Encoding: gzip;q=0")),
		varies("… one more", "Accept-Encoding", false, f("Accept-Encoding: gzip, br"), f("Accept-Encoding: gzip")),
		varies("… none and absent", "Accept-Encoding", false, f(), f("Accept-Encoding: ")),
		varies("… Accept-Language", "accept-language", true, f("Accept-Language: de, en;q=0.5"), f("Accept-Language: EN;q=0.5", "Accept-Language: de")),
		varies("… Accept", "Accept", true, f("Accept: text/html, */*;q=0.1"), f("Accept: */*;q=0.1,Text/HTML")),
		varies("… Cookie is taken as it is", "Cookie", false, f("Cookie: a=1; b=2"), f("Cookie: b=2; a=1")),
		refuses("… *", tenSeconds, "Vary: *"),
		refuses("… in a list", tenSeconds, "Vary: A, *"),
		refuses("… first", tenSeconds, "Vary: *,A"),
		refuses("… on another line", tenSeconds, "Vary: A", "Vary: *"),
		refuses("… what is no field name", tenSeconds, "Vary: A B"),
		refuses("… what the edge tells the origin itself", tenSeconds, "Vary: X-Forwarded-Proto"),
		{"… over several lines", talk(
			ask("A: 1", "B: 1").origin("200 a", tenSeconds, "Vary: A", "Vary: B").gives("200 a", miss),
			ask("A: 1", "B: 2").origin("200 b", tenSeconds, "Vary: A", "Vary: B").gives("200 b", "fwd=vary-miss; fwd-status=200; stored"),
			ask("A: 1", "B: 1").gives("200 a", "hit; ttl=10"),
			ask("A: 1", "B: 2").gives("200 b", "hit; ttl=10"),
		)},
		{"section 4: of several that match the most recent", talk(
			ask("A: 1").origin("200 a", tenSeconds, "Vary: A").gives("200 a", miss),
			at(1, "A: 2").origin("200 b", tenSeconds).gives("200 b", "fwd=vary-miss; fwd-status=200; stored"),
			ask("A: 1").gives("200 b", "hit; ttl=10"),
		)},
		{"… by Date, not by when it came", talk(
			ask("A: 1").origin("200 a", tenSeconds, "Vary: A", "Date: {-1}").gives("200 a", miss),
			at(1, "A: 2").origin("200 b", tenSeconds, "Vary: B", "Date: {-5}").gives("200 b", "fwd=vary-miss; fwd-status=200; stored"),
			ask("A: 1").gives("200 a", "hit; ttl=8"),
			ask("A: 3").gives("200 b", "hit; ttl=4"),
		)},
		{"… though it is stale", talk(
			ask("A: 1").origin("200 a", "Cache-Control: max-age=100", "Vary: A").gives("200 a", miss),
			at(1, "A: 2").origin("200 b", tenSeconds).gives("200 b", "fwd=vary-miss; fwd-status=200; stored"),
			at(10, "A: 1").origin("200 c", tenSeconds).gives("200 c", renewed),
		)},
		{"each has a lifetime of its own", talk(
			ask("A: 1").origin("200 a", tenSeconds, "Vary: A").gives("200 a", miss),
			at(5, "A: 2").origin("200 b", tenSeconds, "Vary: A").gives("200 b", "fwd=vary-miss; fwd-status=200; stored"),
			at(5, "A: 1").origin("200 c", tenSeconds, "Vary: A").gives("200 c", renewed),
			ask("A: 2").gives("200 b", "hit; ttl=5"),
		)},
	})
}
