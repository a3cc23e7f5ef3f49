package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestBadInput sends what cannot succeed over REST and, where gRPC can say it,
// over gRPC: both refuse it for the same reason and nothing is written.
func TestBadInput(t *testing.T) {
	t.Parallel()
	e := start(t)
	ban := func(req *ringcastv1.BanIPRequest) func(context.Context) error {
		return func(ctx context.Context) error { _, err := e.bans.BanIP(ctx, req); return err }
	}
	banFor := func(d *durationpb.Duration) func(context.Context) error {
		return ban(&ringcastv1.BanIPRequest{Ip: "1.2.3.4", Ttl: d})
	}
	banWhy := func(reason string) func(context.Context) error {
		return ban(&ringcastv1.BanIPRequest{Ip: "1.2.3.4", Reason: reason})
	}
	invalidate := func(req *ringcastv1.InvalidateRequest) func(context.Context) error {
		return func(ctx context.Context) error { _, err := e.cache.Invalidate(ctx, req); return err }
	}
	preload := func(routes ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := e.cache.Preload(ctx, &ringcastv1.PreloadRequest{Routes: routes})
			return err
		}
	}
	revoke := func(req *ringcastv1.RevokeTokenRequest) func(context.Context) error {
		return func(ctx context.Context) error { _, err := e.tokens.RevokeToken(ctx, req); return err }
	}
	list := func(req *ringcastv1.ListBansRequest) func(context.Context) error {
		return func(ctx context.Context) error { _, err := e.bans.ListBans(ctx, req); return err }
	}
	for _, tt := range []struct {
		name, method, path, body, reason string
		grpc                             func(context.Context) error
	}{
		{"malformed JSON", "POST", "/v1/bans", `{"ip":`, "MALFORMED_REQUEST", nil},
		{"no JSON", "POST", "/v1/bans", `ip=1.2.3.4`, "MALFORMED_REQUEST", nil},
		{"no object", "POST", "/v1/bans", `["1.2.3.4"]`, "MALFORMED_REQUEST", nil},
		{"garbage after the end", "POST", "/v1/bans", `{"ip":"1.2.3.4"} x`, "MALFORMED_REQUEST", nil},
		{"a second object", "POST", "/v1/bans", `{"ip":"1.2.3.4"}{"ip":"1.2.3.5"}`, "MALFORMED_REQUEST", nil},
		{"unknown field", "POST", "/v1/bans", `{"ip":"1.2.3.4","why":"x"}`, "MALFORMED_REQUEST", nil},
		{"a field twice", "POST", "/v1/bans", `{"ip":"1.2.3.4","ip":"1.2.3.5"}`, "MALFORMED_REQUEST", nil},
		{"wrong type", "POST", "/v1/bans", `{"ip":1234}`, "MALFORMED_REQUEST", nil},
		{"wrong type in a list", "POST", "/v1/cache:invalidate", `{"tags":[1]}`, "MALFORMED_REQUEST", nil},
		{"no UTF-8", "POST", "/v1/bans", "{\"ip\":\"\xff\"}", "MALFORMED_REQUEST", nil},
		{"no UTF-8 in the path", "DELETE", "/v1/bans/%ff", "", "MALFORMED_REQUEST", nil},
		{"no UTF-8 in the query", "GET", "/v1/bans:check?ip=%ff", "", "MALFORMED_REQUEST", nil},
		{"unknown parameter", "GET", "/v1/bans?limit=3", "", "MALFORMED_REQUEST", nil},
		{"parameter beside a body", "POST", "/v1/bans?request_id=a", `{"ip":"1.2.3.4"}`, "MALFORMED_REQUEST", nil},
		{"parameter that the path has set", "DELETE", "/v1/bans/1.2.3.4?ip=1.2.3.5", "", "MALFORMED_REQUEST", nil},
		{"parameter of the wrong type", "GET", "/v1/bans?page_size=many", "", "MALFORMED_REQUEST", nil},
		{"malformed query", "GET", "/v1/bans?page_size=%zz", "", "MALFORMED_REQUEST", nil},

		{"no address", "POST", "/v1/bans", ``, "INVALID_IP", ban(&ringcastv1.BanIPRequest{})},
		{"address with a port", "POST", "/v1/bans", `{"ip":"1.2.3.4:80"}`, "INVALID_IP", ban(&ringcastv1.BanIPRequest{Ip: "1.2.3.4:80"})},
		{"address with a zone", "POST", "/v1/bans", `{"ip":"fe80::1%eth0"}`, "INVALID_IP", ban(&ringcastv1.BanIPRequest{Ip: "fe80::1%eth0"})},
		{"host bits", "POST", "/v1/bans", `{"ip":"10.0.0.1/8"}`, "INVALID_IP", ban(&ringcastv1.BanIPRequest{Ip: "10.0.0.1/8"})},
		{"everybody", "POST", "/v1/bans", `{"ip":"0.0.0.0/0"}`, "INVALID_IP", ban(&ringcastv1.BanIPRequest{Ip: "0.0.0.0/0"})},
		{"endless address", "POST", "/v1/bans", `{"ip":"` + strings.Repeat("1", 65) + `"}`, "INVALID_IP", ban(&ringcastv1.BanIPRequest{Ip: strings.Repeat("1", 65)})},
		{"unban of nothing", "DELETE", "/v1/bans", "", "INVALID_IP", nil},
		{"unban of nothing, with a slash", "DELETE", "/v1/bans/", "", "INVALID_IP", nil},
		{"check of nothing", "GET", "/v1/bans:check", "", "INVALID_IP", nil},

		{"reason with a newline", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"a\nb"}`, "INVALID_REASON", banWhy("a\nb")},
		{"reason with a final newline", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"a\n"}`, "INVALID_REASON", banWhy("a\n")},
		{"reason with NUL", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"\u0000"}`, "INVALID_REASON", banWhy("\x00")},
		{"reason with a control character", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"\u0085"}`, "INVALID_REASON", banWhy("\u0085")},
		{"reason with a line separator", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"\u2028"}`, "INVALID_REASON", banWhy("\u2028")},
		{"reason that turns the line round", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"\u202e"}`, "INVALID_REASON", banWhy("a\u202eb")},
		{"reason that isolates a direction", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"\u2066"}`, "INVALID_REASON", banWhy("a\u2069b")},
		{"reason of a revocation that turns the line round", "POST", "/v1/revocations", `{"jti":"a","reason":"\u202a"}`, "INVALID_REASON", nil},
		{"reason with HTML", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"<script>"}`, "INVALID_REASON", banWhy("<script>")},
		{"endless reason", "POST", "/v1/bans", `{"ip":"1.2.3.4","reason":"` + strings.Repeat("ä", 257) + `"}`, "INVALID_REASON", banWhy(strings.Repeat("ä", 257))},
		{"reason of a revocation", "POST", "/v1/revocations", `{"jti":"a","reason":"\r"}`, "INVALID_REASON", nil},

		{"negative ttl", "POST", "/v1/bans", `{"ip":"1.2.3.4","ttl":"-1s"}`, "INVALID_TTL", banFor(durationpb.New(-time.Second))},
		{"zero ttl", "POST", "/v1/bans", `{"ip":"1.2.3.4","ttl":"0s"}`, "INVALID_TTL", banFor(durationpb.New(0))},
		{"ttl below a second", "POST", "/v1/bans", `{"ip":"1.2.3.4","ttl":"0.999999999s"}`, "INVALID_TTL", banFor(durationpb.New(time.Second - 1))},
		{"ttl beyond a century", "POST", "/v1/bans", `{"ip":"1.2.3.4","ttl":"3155760001s"}`, "INVALID_TTL", banFor(&durationpb.Duration{Seconds: 3155760001})},
		{"ttl beyond all", "POST", "/v1/bans", `{"ip":"1.2.3.4","ttl":"315576000000s"}`, "INVALID_TTL", banFor(&durationpb.Duration{Seconds: 1<<63 - 1})},
		{"ttl that is none", "POST", "/v1/bans", `{"ip":"1.2.3.4","ttl":"5 minutes"}`, "MALFORMED_REQUEST", banFor(&durationpb.Duration{Seconds: 5, Nanos: 2e9})},
		{"ttl of a revocation", "POST", "/v1/revocations", `{"jti":"a","ttl":"0s"}`, "INVALID_TTL", nil},
		{"request_id with a newline", "POST", "/v1/bans", `{"ip":"1.2.3.4","request_id":"a\n"}`, "INVALID_REQUEST_ID", ban(&ringcastv1.BanIPRequest{Ip: "1.2.3.4", RequestId: "a\n"})},
		{"endless request_id", "DELETE", "/v1/bans/1.2.3.4?request_id=" + strings.Repeat("a", 129), "", "INVALID_REQUEST_ID", nil},

		{"nothing selected", "POST", "/v1/cache:invalidate", `{}`, "NOTHING_SELECTED", invalidate(&ringcastv1.InvalidateRequest{})},
		{"nothing selected, softly", "POST", "/invalidate", `{"soft":true,"tags":[]}`, "NOTHING_SELECTED", invalidate(&ringcastv1.InvalidateRequest{Soft: true})},
		{"* inside a tag", "POST", "/v1/cache:invalidate", `{"tags":["a*b"]}`, "INVALID_TAG", invalidate(&ringcastv1.InvalidateRequest{Tags: []string{"a*b"}})},
		{"empty tag", "POST", "/v1/cache:invalidate", `{"tags":[""]}`, "INVALID_TAG", invalidate(&ringcastv1.InvalidateRequest{Tags: []string{""}})},
		{"too many tags", "POST", "/v1/cache:invalidate", `{"tags":[` + strings.Repeat(`"a",`, 1000) + `"a"]}`, "INVALID_TAG", nil},
		{"* inside a key", "POST", "/v1/cache:invalidate", `{"keys":["/a*b"]}`, "INVALID_KEY", invalidate(&ringcastv1.InvalidateRequest{Keys: []string{"/a*b"}})},
		{"settle beyond an hour", "POST", "/v1/cache:invalidate", `{"all":true,"settle":"3601s"}`, "INVALID_SETTLE", invalidate(&ringcastv1.InvalidateRequest{All: true, Settle: &durationpb.Duration{Seconds: 3601}})},
		{"nothing to preload", "POST", "/v1/cache:preload", `{}`, "NOTHING_SELECTED", preload()},
		{"nothing to preload, as in the sketch", "POST", "/preload", `{"routes":[]}`, "NOTHING_SELECTED", nil},
		{"preload of an empty route", "POST", "/v1/cache:preload", `{"routes":["/a",""]}`, "INVALID_ROUTE", preload("/a", "")},
		{"preload of a prefix", "POST", "/preload", `{"routes":["/a*"]}`, "INVALID_ROUTE", preload("/a*")},
		{"preload of another scheme", "POST", "/v1/cache:preload", `{"routes":["file:///etc/passwd"]}`, "INVALID_ROUTE", preload("file:///etc/passwd")},
		{"no type", "POST", "/v1/events:publish", `{}`, "INVALID_TYPE", nil},
		{"a type of two lines", "POST", "/v1/events:publish", `{"type":"a\nb"}`, "INVALID_TYPE", nil},
		{"a channel with a star", "POST", "/v1/events:publish", `{"type":"a","channel":"b*"}`, "INVALID_CHANNEL", nil},
		{"a reserved type", "POST", "/v1/events:publish", `{"type":"message"}`, "RESERVED_TYPE", nil},
		{"data with a carriage return", "POST", "/v1/events:publish", `{"type":"a","data":"b\r\n"}`, "INVALID_DATA", nil},
		{"too much data", "POST", "/v1/events:publish", `{"type":"a","data":"` + strings.Repeat("d", 64<<10+1) + `"}`, "DATA_TOO_LARGE", nil},
		{"data that is no text", "POST", "/v1/events:publish", `{"type":"a","data":{}}`, "MALFORMED_REQUEST", nil},
		{"publication with a request_id that is none", "POST", "/v1/events:publish", `{"type":"a","request_id":"é"}`, "INVALID_REQUEST_ID", nil},
		{"too many routes", "POST", "/v1/cache:preload", `{"routes":[` + strings.Repeat(`"/a",`, 1000) + `"/a"]}`, "INVALID_ROUTE", preload(slices.Repeat([]string{"/a"}, 1001)...)},
		{"too long routes", "POST", "/v1/cache:preload", `{"routes":["/` + strings.Repeat("a", 2048) + `"]}`, "INVALID_ROUTE", nil},
		{"preload of what is no list", "POST", "/v1/cache:preload", `{"routes":"/a"}`, "MALFORMED_REQUEST", nil},
		{"preload with an unknown field", "POST", "/v1/cache:preload", `{"routes":["/a"],"soft":true}`, "MALFORMED_REQUEST", nil},
		{"preload with a request_id that is none", "POST", "/preload", `{"routes":["/a"],"request_id":"é"}`, "INVALID_REQUEST_ID", nil},
		{"no token", "POST", "/v1/revocations", `{}`, "NOTHING_SELECTED", revoke(&ringcastv1.RevokeTokenRequest{})},
		{"empty id", "POST", "/v1/revocations", `{"jti":""}`, "INVALID_JTI", revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{}})},
		{"id with a newline", "POST", "/v1/revocations", `{"jti":"a\nb"}`, "INVALID_JTI", revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "a\nb"}})},
		{"two tokens", "POST", "/v1/revocations", `{"jti":"a","subject":"b"}`, "MALFORMED_REQUEST", nil},
		{"half a hash", "POST", "/v1/revocations:restore", `{"token_hash":"abcd"}`, "INVALID_TOKEN_HASH", nil},
		{"check of no token", "POST", "/v1/revocations:check", `{}`, "NOTHING_SELECTED", nil},

		{"negative page", "GET", "/v1/bans?page_size=-1", "", "INVALID_PAGE_SIZE", list(&ringcastv1.ListBansRequest{PageSize: -1})},
		{"made-up page token", "GET", "/v1/bans?page_token=abcd", "", "INVALID_PAGE_TOKEN", list(&ringcastv1.ListBansRequest{PageToken: "abcd"})},
		{"page token of no alphabet", "GET", "/v1/revocations?page_token=%20", "", "INVALID_PAGE_TOKEN", list(&ringcastv1.ListBansRequest{PageToken: " "})},
		{"endless page token", "GET", "/v1/bans?page_token=" + strings.Repeat("a", 1025), "", "INVALID_PAGE_TOKEN", list(&ringcastv1.ListBansRequest{PageToken: strings.Repeat("a", 1025)})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.rest(tt.method, tt.path, tt.body)
			if got.status != http.StatusBadRequest || got.json["code"] != 3.0 || got.reason() != tt.reason {
				t.Errorf("REST: %d %s, want 400 and %s", got.status, got.text, tt.reason)
			}
			if tt.grpc != nil {
				if err := tt.grpc(t.Context()); status.Code(err) != codes.InvalidArgument || reasonOf(err) != tt.reason {
					t.Errorf("gRPC: %v (%s), want %s", err, reasonOf(err), tt.reason)
				}
			}
			if head := e.head(); head != 0 {
				t.Errorf("something was written: head is %d", head)
			}
		})
	}
	if text := e.logs.String(); text != "" {
		t.Errorf("callers' errors are no news for the operator:\n%s", text)
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	e := start(t)
	huge := `{"ip":"` + strings.Repeat("1", 10<<20) + `"}`
	for name, header := range map[string][]string{"sent at once": nil, "announced": {"Expect", "100-continue"}} {
		got := e.rest("POST", "/v1/bans", huge, header...)
		if got.status != http.StatusRequestEntityTooLarge || got.reason() != "REQUEST_TOO_LARGE" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: huge}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("gRPC, beyond the transport's limit: %v", err)
	}
	over := &ringcastv1.BanIPRequest{Ip: huge[:1<<20]}
	if _, err := e.bans.BanIP(t.Context(), over); status.Code(err) != codes.InvalidArgument || reasonOf(err) != "REQUEST_TOO_LARGE" {
		t.Errorf("gRPC: %v", err)
	}
	if head := e.head(); head != 0 {
		t.Errorf("something was written: head is %d", head)
	}
}

// TestBodyTooLargeIsHeardOut writes as the simplest clients do: all of the body
// before the first byte of the answer is read.
func TestBodyTooLargeIsHeardOut(t *testing.T) {
	t.Parallel()
	e := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 10 << 20
	head := fmt.Sprintf("POST /v1/bans HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size)
	if _, err := io.WriteString(conn, head+strings.Repeat(" ", size)); err != nil {
		t.Fatalf("write: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, tt := range []struct {
		method, path  string
		status        int
		reason, allow string
	}{
		{"GET", "/", 404, "NOT_FOUND", ""},
		{"POST", "/v1/ban", 404, "NOT_FOUND", ""},
		{"PUT", "/v1/bans", 405, "METHOD_NOT_ALLOWED", "DELETE, GET, HEAD, POST"},
		{"GET", "/v1/bans/1.2.3.4", 405, "METHOD_NOT_ALLOWED", "DELETE"},
		{"DELETE", "/openapi.json", 405, "METHOD_NOT_ALLOWED", "GET, HEAD"},
		{"OPTIONS", "/ban/ip", 405, "METHOD_NOT_ALLOWED", "POST"},
	} {
		got := e.rest(tt.method, tt.path, "")
		if got.status != tt.status || got.reason() != tt.reason || got.header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d %q %s", tt.method, tt.path, got.status, got.header.Get("Allow"), got.text)
		}
	}
}
