package httpfield_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// request is one without directives, save for what is set.
func request(set func(*httpfield.Request)) httpfield.Request {
	r := httpfield.Request{MaxAge: httpfield.Absent, MinFresh: httpfield.Absent, MaxStale: httpfield.Absent}
	set(&r)
	return r
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	type req = httpfield.Request
	nothing := request(func(*req) {})
	noCache := request(func(r *req) { r.NoCache = true })
	minFresh := func(d time.Duration) req { return request(func(r *req) { r.MinFresh = d }) }
	maxStale := func(d time.Duration) req { return request(func(r *req) { r.MaxStale = d }) }
	for _, test := range []struct {
		rule   string
		lines  []string
		pragma []string
		want   req
	}{
		{"no fields, no directives", nil, nil, nothing},
		{"RFC 9111, 5.2.1: all of them", []string{"no-store, no-cache, only-if-cached", "max-age=1, min-fresh=2, max-stale=3"}, nil, req{
			NoStore: true, NoCache: true, OnlyIfCached: true,
			MaxAge: time.Second, MinFresh: 2 * time.Second, MaxStale: 3 * time.Second,
		}},
		{"RFC 9111, 5.2: names do not depend on case", []string{"ONLY-if-Cached"}, nil, request(func(r *req) { r.OnlyIfCached = true })},
		{"an invalid max-age is 0", []string{"max-age=x"}, nil, request(func(r *req) { r.MaxAge = 0 })},
		{"a max-age without a value is 0", []string{"max-age"}, nil, request(func(r *req) { r.MaxAge = 0 })},
		{"an invalid min-fresh suits nothing", []string{"min-fresh=-1"}, nil, minFresh(httpfield.AnyAge)},
		{"a min-fresh without a value suits nothing", []string{"min-fresh"}, nil, minFresh(httpfield.AnyAge)},
		{"RFC 9111, 5.2.1.2: max-stale without a value takes any age", []string{"max-stale"}, nil, maxStale(httpfield.AnyAge)},
		{"an invalid max-stale takes nothing stale", []string{"max-stale=x"}, nil, maxStale(0)},
		{"an empty max-stale is invalid", []string{"max-stale="}, nil, maxStale(0)},
		{"so is one with whitespace before the sign", []string{"max-stale =5"}, nil, maxStale(0)},
		{"RFC 9111, 1.2.2: too large is 2^31", []string{"max-stale=2147483649"}, nil, maxStale(most)},
		{"of a repeated time the first counts", []string{"max-stale=1, max-stale", "max-stale=2"}, nil, maxStale(time.Second)},
		{"unknown directives are passed over", []string{`s-maxage=1, x="no-store, no-cache", private`}, nil, nothing},
		{"RFC 9111, 5.4: Pragma alone", nil, []string{"x", "y=1, No-Cache"}, noCache},
		{"RFC 9111, 5.4: Pragma beside Cache-Control is nothing", []string{"max-age=1"}, []string{"no-cache"}, request(func(r *req) { r.MaxAge = time.Second })},
		{"… even beside an empty one", []string{""}, []string{"no-cache"}, nothing},
		{"RFC 9111, 5.4: no-cache of Pragma has no value", nil, []string{`no-cache=1, x="no-cache", no-store`}, nothing},
	} {
		if diff := cmp.Diff(test.want, httpfield.ParseRequest(test.lines, test.pragma)); diff != "" {
			t.Errorf("%s: %q (-want +got)\n%s", test.rule, test.lines, diff)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add(`max-stale, min-fresh="1\0", x=\`, "no-cache", true)
	f.Add("max-age=9999999999, max-stale =", "only-if-cached", false)
	f.Fuzz(func(t *testing.T, line, pragma string, hasLine bool) {
		if !hasLine {
			got := httpfield.ParseRequest(nil, []string{pragma})
			want := request(func(r *httpfield.Request) { r.NoCache = plainNames(pragma, false)["no-cache"] })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Pragma %q (-want +got)\n%s", pragma, diff)
			}
			return
		}
		got := httpfield.ParseRequest([]string{line}, []string{pragma})
		if diff := cmp.Diff(plainRequest(line), got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", line, diff)
		}
	})
}

// plainNames gives the names of the directives of a line, with or without
// arguments.
func plainNames(line string, argument bool) map[string]bool {
	names := map[string]bool{}
	for _, element := range plainElements(line) {
		if m := plainDirective.FindStringSubmatch(element); m != nil && (m[3] != "") == argument {
			names[strings.ToLower(m[1])] = true
		}
	}
	return names
}

func plainRequest(line string) httpfield.Request {
	bare, argued := plainNames(line, false), plainNames(line, true)
	first := func(name string, without, invalid time.Duration) time.Duration {
		for _, element := range plainElements(line) {
			m := plainDirective.FindStringSubmatch(element)
			switch {
			case m == nil || !strings.EqualFold(m[1], name):
			case m[3] == "":
				return without
			case m[2] != "":
				return invalid
			default:
				return plainTime(m[4], invalid)
			}
		}
		return httpfield.Absent
	}
	return httpfield.Request{
		NoStore:      bare["no-store"] || argued["no-store"],
		NoCache:      bare["no-cache"] || argued["no-cache"],
		OnlyIfCached: bare["only-if-cached"] || argued["only-if-cached"],
		MaxAge:       first("max-age", 0, 0),
		MinFresh:     first("min-fresh", httpfield.AnyAge, httpfield.AnyAge),
		MaxStale:     first("max-stale", httpfield.AnyAge, 0),
	}
}
