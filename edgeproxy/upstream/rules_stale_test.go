package upstream_test

import "testing"

func TestStaleWhileRevalidate(t *testing.T) {
	const swr = "Cache-Control: max-age=10, stale-while-revalidate=5"
	forbidden := func(name, directive string, seconds int) rule {
		return rule{name, talk(
			ask().origin("200 a", swr+", "+directive).gives("200 a", miss),
			at(seconds).origin("200 b").gives("200 b", "fwd=stale; fwd-status=200"),
		)}
	}
	runRules(t, []rule{
		{"RFC 5861, 3: within the time, and refreshed", talk(
			ask().origin("200 a", swr, `ETag: "1"`).gives("200 a", miss),
			at(14).origin("304", swr).seeing(`If-None-Match: "1"`).gives("200 a", "hit; ttl=-4", "Age: 14").refreshing(),
			ask().gives("200 a", "hit; ttl=10", "Age: 0"),
		)},
		{"… by another answer", talk(
			ask().origin("200 a", swr).gives("200 a", miss),
			at(10).origin("200 b", swr).gives("200 a", "hit; ttl=0").refreshing(),
			ask().gives("200 b", "hit; ttl=10"),
		)},
		{"… not after it", talk(
			ask().origin("200 a", swr).gives("200 a", miss),
			at(15).origin("200 b", swr).gives("200 b", renewed),
		)},
		{"… a refresh that fails leaves what there was", talk(
			ask().origin("200 a", swr).gives("200 a", miss),
			at(11).origin("503").gives("200 a", "hit; ttl=-1").refreshing(),
			at(4).origin("200 b", swr).gives("200 b", renewed),
		)},
		{"… a refresh is not the client's own request", talk(
			ask().origin("200 a", swr, `ETag: "1"`).gives("200 a", miss),
			at(11, `If-None-Match: "1"`, "Cache-Control: max-stale=9, no-store, only-if-cached").origin("304", swr).
				seeing(`If-None-Match: "1"`, "!Cache-Control").gives("304", "hit; ttl=-1").refreshing(),
		)},
		{"… Expires begins it as well", talk(
			ask().origin("200 a", "Expires: {+10}", "Cache-Control: stale-while-revalidate=5").gives("200 a", miss),
			at(14).origin("200 b", swr).gives("200 a", "hit; ttl=-4").refreshing(),
		)},
		{"… beside s-maxage, which only says proxy-revalidate in passing", talk(
			ask().origin("200 a", "Cache-Control: s-maxage=10, stale-while-revalidate=5").gives("200 a", miss),
			at(14).origin("200 b", swr).gives("200 a", "hit; ttl=-4").refreshing(),
		)},
		forbidden("RFC 9111, 5.2.2.2: not against must-revalidate", "must-revalidate", 11),
		forbidden("… 5.2.2.8: nor proxy-revalidate", "proxy-revalidate", 11),
		forbidden("… a repeated one has the first time", "stale-while-revalidate=60", 15),
		{"… 5.2.2.4: nor no-cache", talk(
			ask().origin("200 a", swr+", no-cache", `ETag: "1"`).gives("200 a", miss),
			ask().origin("304").gives("200 a", confirmed),
		)},
		{"… 5.2.1.1: nor against max-age, unless max-stale allows it", talk(
			ask().origin("200 a", swr, `ETag: "1"`).gives("200 a", miss),
			at(11, "Cache-Control: max-age=60").origin("304", swr).gives("200 a", confirmed),
			at(11, "Cache-Control: max-age=60, max-stale=60").origin("304", swr).gives("200 a", "hit; ttl=-1").refreshing(),
		)},
		{"… 5.2.1.3: nor against min-fresh", talk(
			ask().origin("200 a", swr).gives("200 a", miss),
			at(11, "Cache-Control: min-fresh=0").origin("200 b", swr).gives("200 b", asIsAsked),
		)},
	})
}

func TestStaleIfError(t *testing.T) {
	const sie = "Cache-Control: max-age=10, stale-if-error=5"
	var rules []rule
	for _, status := range []string{"500", "502", "503", "504"} {
		rules = append(rules, rule{"RFC 5861, 4: " + status, talk(
			ask().origin("200 a", sie).gives("200 a", miss),
			at(14).origin(status, "Cache-Control: max-age=60").gives("200 a", "fwd=stale; fwd-status="+status+"; ttl=-4", "Age: 14"),
			at(1).origin(status).gives(status, "fwd=stale; fwd-status="+status),
		)})
	}
	for _, directive := range []string{"must-revalidate", "proxy-revalidate", "no-cache"} {
		rules = append(rules, rule{"RFC 9111, 5.2.2: not against " + directive, talk(
			ask().origin("200 a", sie+", "+directive, `ETag: "1"`).gives("200 a", miss),
			at(11).origin("503").gives("503", "fwd=stale; fwd-status=503"),
		)})
	}
	for _, status := range []string{"404", "410", "429", "501", "505"} {
		rules = append(rules, rule{"RFC 5861, 4: not for " + status, talk(
			ask().origin("200 a", sie).gives("200 a", miss),
			at(11).origin(status).gives(status, "fwd=stale; fwd-status="+status),
		)})
	}
	rules = append(rules,
		rule{"without it an error passes, and what there was stays", talk(
			ask().origin("200 a", tenSeconds, `ETag: "1"`).gives("200 a", miss),
			at(11).origin("503").seeing(`If-None-Match: "1"`).gives("503", "fwd=stale; fwd-status=503"),
			ask().origin("304", tenSeconds).gives("200 a", confirmed),
		)},
		rule{"also for a client that reloads", talk(
			ask().origin("200 a", sie).gives("200 a", miss),
			at(11, "Cache-Control: no-cache").origin("503").gives("200 a", "fwd=stale; fwd-status=503; ttl=-1"),
		)},
		rule{"a fresh one does not stand in for a reload", talk(
			ask().origin("200 a", sie).gives("200 a", miss),
			ask("Cache-Control: no-cache").origin("503").gives("503", "fwd=request; fwd-status=503"),
		)},
	)
	runRules(t, rules)
}

func TestImmutable(t *testing.T) {
	const immutable = "Cache-Control: max-age=10, immutable"
	runRules(t, []rule{
		{"RFC 8246, 2: a reload is answered while it is fresh", talk(
			ask().origin("200 a", immutable).gives("200 a", miss),
			at(9, "Cache-Control: max-age=0").gives("200 a", "hit; ttl=1"),
			at(1, "Cache-Control: max-age=0").origin("200 b", immutable).gives("200 b", asIsAsked),
		)},
		{"… not a forced one", talk(
			ask().origin("200 a", immutable).gives("200 a", miss),
			ask("Cache-Control: no-cache").origin("200 b", immutable).gives("200 b", asIsAsked),
		)},
		{"… and it is no lifetime", talk(
			ask().origin("200 a", "Cache-Control: immutable").gives("200 a", passed),
			ask().origin("200 b").gives("200 b", passed),
		)},
	})
}
