package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzREST sends anything to a few routes: no answer is the server's own error,
// every refusal has a reason, and nothing but a 200 writes.
func FuzzREST(f *testing.F) {
	routes := []struct{ method, path string }{
		{"POST", "/v1/bans"}, {"DELETE", "/v1/bans/"}, {"GET", "/v1/bans"}, {"GET", "/v1/bans:check"},
		{"POST", "/v1/revocations"}, {"POST", "/v1/revocations:restore"}, {"POST", "/v1/revocations:check"},
		{"POST", "/v1/cache:invalidate"}, {"POST", "/v1/cache:preload"}, {"POST", "/v1/events:publish"},
		{"POST", "/v1/allows"}, {"DELETE", "/v1/allows/"}, {"GET", "/v1/allows"},
	}
	for route, body := range []string{
		`{"ip":"::1","ttl":"90s","reason":"a","request_id":"b"}`, "::1", "", "",
		`{"subject":"a","ttl":"3155760000s"}`, `{"token_hash":"00"}`,
		`{"issued_at":"9999-12-31T23:59:59Z","subject":"a"}`, `{"tags":["a*"],"keys":["/b"],"settle":"1.5s"}`,
		`{"routes":["/a?b","https://h/%2F"],"request_id":"c"}`, `{"type":"a","channel":"b:c","data":"d\n"}`, `{"ip":"10.0.0.0/8","ttl":"1s"}`, "10.0.0.0%2F8", "",
	} {
		f.Add(uint8(route), "page_size=3&ip=1.2.3.4", "", body)
		f.Add(uint8(route), "", "10.0.0.0%2F8", body)
	}
	server := start(f)
	f.Fuzz(func(t *testing.T, route uint8, query, tail, body string) {
		e := *server
		e.t = t
		r := routes[int(route)%len(routes)]
		target, err := url.Parse(e.url + r.path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return // net/http refuses it as not HTTP.
		}
		target.RawQuery = query
		if r.method == "DELETE" {
			target.Path += tail
		}
		req, err := http.NewRequest(r.method, target.String(), strings.NewReader(body))
		if err != nil {
			return // No client can send it.
		}
		before := e.head()
		got := e.do(req)
		if got.status != http.StatusOK && (got.status/100 != 4 || strings.HasPrefix(got.reason(), "not ") || e.head() != before) {
			t.Errorf("%s %s %q: %d %s", r.method, target, body, got.status, got.text)
		}
	})
}
