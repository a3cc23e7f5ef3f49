package upstream_test

import "testing"

func TestTargetedFields(t *testing.T) {
	const no, day = "Cache-Control: no-store", "Cache-Control: max-age=86400"
	runRules(t, []rule{
		lasts(10, "RFC 9213, 2.2: in place of Cache-Control", no, "CDN-Cache-Control: max-age=10"),
		lasts(10, "… that is longer", day, "CDN-Cache-Control: max-age=10"),
		lasts(10, "… and of Expires", "Expires: {+99}", "CDN-Cache-Control: max-age=10"),
		lasts(10, "… this edge's own", no, "Ringcast-Cache-Control: max-age=10"),
		lasts(10, "… comes first", "CDN-Cache-Control: no-store", "Ringcast-Cache-Control: max-age=10"),
		lasts(10, "… unless it is empty", "CDN-Cache-Control: max-age=10", "Ringcast-Cache-Control: "),
		lasts(10, "… or invalid", "CDN-Cache-Control: max-age=10", "Ringcast-Cache-Control: max-age=\"1"),
		lasts(10, "… several lines", no, "CDN-Cache-Control: foo", "CDN-Cache-Control: max-age=10"),
		lasts(10, "… s-maxage", no, "CDN-Cache-Control: max-age=5, s-maxage=10"),
		lasts(10, "2.1: the last of several counts", no, "CDN-Cache-Control: max-age=99, max-age=10"),
		lasts(10, "… parameters are ignored", no, "CDN-Cache-Control: max-age=10;x=y"),
		lasts(10, "… a flag that is false", no, "CDN-Cache-Control: no-store=?0, max-age=10"),
		lasts(10, "… a value of another type is passed over", no, "CDN-Cache-Control: s-maxage=5.0, max-age=10, no-store=1"),
		lasts(10, "… empty: Cache-Control counts", tenSeconds, "CDN-Cache-Control: "),
		lasts(10, "… upper case is no key: Cache-Control counts", tenSeconds, "CDN-Cache-Control: Max-Age=99"),
		lasts(10, "… a comma too many: Cache-Control counts", tenSeconds, "CDN-Cache-Control: max-age=99,"),
		lasts(10, "… no dictionary: Cache-Control counts", tenSeconds, "CDN-Cache-Control: max-age = 99"),
		lasts(10, "… Expires, too", "Expires: {+10}", "CDN-Cache-Control: &&&"),
		refuses("… a string is no number", "CDN-Cache-Control: max-age=\"10\"", day),
		refuses("… negative", "CDN-Cache-Control: max-age=-10", day),
		refuses("no-store", "CDN-Cache-Control: no-store", day),
		refuses("private", "CDN-Cache-Control: private, max-age=10", day),
		refuses("… with a list", "CDN-Cache-Control: private=(\"a\"), max-age=10", day),
		refuses("no-cache", "CDN-Cache-Control: no-cache, max-age=10", day),
		refuses("another's field says nothing here", "Other-Cache-Control: max-age=10"),
		{"2.2: must-revalidate of Cache-Control does not count", talk(
			ask().origin("200 a", "Cache-Control: must-revalidate", "CDN-Cache-Control: max-age=10, stale-while-revalidate=5").gives("200 a", miss),
			at(11).origin("200 b", day).gives("200 a", "hit; ttl=-1").refreshing(),
		)},
		{"… that of the targeted one does", talk(
			ask().origin("200 a", "CDN-Cache-Control: max-age=10, must-revalidate").gives("200 a", miss),
			at(11, "Cache-Control: max-stale").origin("200 b").gives("200 b", "fwd=stale; fwd-status=200"),
		)},
		{"the fields are passed on, and stored", talk(
			ask().origin("200 a", no, "CDN-Cache-Control: max-age=10").gives("200 a", miss, no, "CDN-Cache-Control: max-age=10"),
			ask().gives("200 a", "hit; ttl=10", no, "CDN-Cache-Control: max-age=10"),
		)},
		{"a 304 changes them", talk(
			ask().origin("200 a", "CDN-Cache-Control: max-age=10", `ETag: "1"`).gives("200 a", miss),
			at(10).origin("304", "CDN-Cache-Control: max-age=20").gives("200 a", confirmed),
			at(19).gives("200 a", "hit; ttl=1", "CDN-Cache-Control: max-age=20"),
		)},
	})
}
