package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestJSONErrorsSayWhatToWrite wants each mistake in a body to get a sentence of
// its own, without the value.
func TestJSONErrorsSayWhatToWrite(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, tt := range []struct{ path, body, want string }{
		{"/v1/bans", `{"ip":"1.2.3.4","ttl":"5m"}`, `ttl: a duration is seconds with an s, such as "300s"`},
		{"/v1/bans", `{"ip":"1.2.3.4","ttl":5}`, `ttl: a duration is seconds with an s, such as "300s"`},
		{"/v1/bans", `{"ip":"1.2.3.4","ttl":"315576000001s"}`, `ttl: a duration is seconds with an s, such as "300s"`},
		{"/v1/bans", `{"ip":1234}`, "ip: want a string, in double quotes"},
		{"/v1/bans", `{"ip":{"secret":1}}`, "ip: want a string, in double quotes"},
		{"/v1/bans", `{"requestId":5}`, "request_id: want a string, in double quotes"},
		{"/v1/bans", `{"ip":"1.2.3.4","automatic":"secret"}`, "automatic: want true or false, without quotes"},
		{"/v1/cache:invalidate", `{"tags":"secret"}`, "tags: want a list of strings, in [ and ]"},
		{"/v1/cache:invalidate", `{"keys":["/a",12345]}`, "keys: want a list of strings, in [ and ]"},
		{"/v1/cache:invalidate", `{"all":1,"tags":["unknown field \"secret\""]}`, "all: want true or false, without quotes"},
		{"/v1/batch", `{"mutations":{"secret":1}}`, "mutations: want a list of objects, in [ and ]"},
		{"/v1/batch", `{"mutations":[{"all":true},"secret"]}`, `the body has, at line 1:16, the unknown field "all"`},
		{"/v1/batch", `{"mutations":[{"ban_ip":{"ip":"1.2.3.4"}},"secret"]}`, "mutations[1]: want an object, in { and }"},
		{"/v1/batch", `{"mutations":[{"ban_ip":{"ip":"1.2.3.4"}},null]}`, "mutations[1]: want an object, in { and }"},
		{"/v1/batch", `{"mutations":[{"ban_ip":{"ip":"1.2.3.4"}},{"banIp":"secret"}]}`, "mutations[1].ban_ip: want an object, in { and }"},
		{"/v1/batch", `{"mutations":[{"ban_ip":{"ip":"1.2.3.4","ttl":"90"}}]}`, `mutations[0].ban_ip.ttl: a duration is seconds with an s, such as "300s"`},
		{"/v1/batch", `{"mutations":[{},{"invalidate":{"tags":["secret",5]}}]}`, "mutations[1].invalidate.tags: want a list of strings, in [ and ]"},
		{"/v1/batch", `{"mutations":[{"revoke_token":{"token":["secret"]}}]}`, "mutations[0].revoke_token.token: want a string, in double quotes"},
		{"/v1/bans", "{\n \"ip\": \"1.2.3.4\",\n}", "the body is not JSON: the syntax breaks at line 3:1"},
		{"/v1/bans", `{"ip":`, "the body is not JSON: the syntax breaks at line 1:6"},
		{"/v1/bans", `ip=secret`, "the body is not JSON: the syntax breaks at line 1:1"},
		{"/v1/bans", `["secret"]`, `the body is JSON but no object: want {"field": value, ...}`},
		{"/v1/bans", "{\"ip\":\"secret\xff\"}", "the body is not UTF-8"},
		{"/v1/bans", `{"ip":"\ud800"}`, `the body has a \u escape that stands for no character`},
		{"/v1/bans", `{"ip":"\ud800 and more"}`, `the body has a \u escape that stands for no character`},
		{"/v1/bans", `{"ip":"1.2.3.4","why":"secret"}`, `the body has, at line 1:17, the unknown field "why"`},
		{"/v1/bans", `{"ip":"secret","ip":"1.2.3.5"}`, `the body has, at line 1:16, the duplicate field "ip"`},
		{"/v1/revocations", `{"jti":"secret","subject":"b"}`, "the body has, at line 1:17, a second field where only one may be set"},
	} {
		got := e.rest("POST", tt.path, tt.body)
		if got.status != http.StatusBadRequest || got.reason() != "MALFORMED_REQUEST" || got.json["message"] != tt.want {
			t.Errorf("%s: %d %s\nwant %s", tt.body, got.status, got.text, tt.want)
		}
		if strings.Contains(got.text, "secret") || strings.Contains(got.text, "12345") {
			t.Errorf("%s: the answer has the value: %s", tt.body, got.text)
		}
	}
}
