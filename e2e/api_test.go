package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/reflection/grpc_reflection_v1"
)

// TestReflection lists the services and describes one, as grpcurl asks for it.
func TestReflection(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	stream := must[grpc_reflection_v1.ServerReflection_ServerReflectionInfoClient](t)(
		grpc_reflection_v1.NewServerReflectionClient(c.conn).ServerReflectionInfo(c.deadline()))
	ask := func(request *grpc_reflection_v1.ServerReflectionRequest) *grpc_reflection_v1.ServerReflectionResponse {
		t.Helper()
		if err := stream.Send(request); err != nil {
			t.Fatal(err)
		}
		return must[*grpc_reflection_v1.ServerReflectionResponse](t)(stream.Recv())
	}
	var names []string
	for _, service := range ask(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}).GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	for _, want := range []string{
		"grpc.health.v1.Health", "ringcast.v1.BanService", "ringcast.v1.TokenService", "ringcast.v1.CacheService", "ringcast.v1.FleetService",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("the services are %v, without %s", names, want)
		}
	}
	described := ask(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "ringcast.v1.BanService"},
	})
	if len(described.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("BanService is described by %v", described)
	}
}

// TestOpenAPI names every route, the sketch's among them.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	a := must[answer](t)(get(c.url + "/openapi.json"))
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(a.body), &document); err != nil || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Fatalf("openapi.json: %d %v: %v", a.code, a.header, err)
	}
	for path, method := range map[string]string{
		"/v1/bans": "post", "/v1/bans/{ip}": "delete", "/v1/bans:check": "get", "/v1/revocations": "post",
		"/v1/revocations:restore": "post", "/v1/revocations:check": "post", "/v1/cache:invalidate": "post", "/v1/status": "get",
		"/ban/ip": "post", "/unban/ip": "post", "/revoke/token": "post", "/invalidate": "post",
		"/v1/cache:preload": "post", "/preload": "post",
	} {
		if document.Paths[path][method] == nil {
			t.Errorf("%s %s is not in the document", method, path)
		}
	}
}

// TestBadInputIsRefused with a precise status and reason, and nothing is written.
func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	for _, bad := range []struct{ method, path, body, reason string }{
		{"POST", "/v1/bans", `{"ip":`, "MALFORMED_REQUEST"},
		{"POST", "/v1/bans", ``, ""},
		{"POST", "/v1/bans", `[]`, "MALFORMED_REQUEST"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","color":"red"}`, "MALFORMED_REQUEST"},
		{"POST", "/v1/bans", `{"ip":["192.0.2.1"]}`, "MALFORMED_REQUEST"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1:80"}`, "INVALID_IP"},
		{"POST", "/v1/bans", `{"ip":"10.0.0.1/8"}`, "INVALID_IP"},
		{"POST", "/v1/bans", `{"ip":"::/0"}`, "INVALID_IP"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","reason":"a\nb"}`, "INVALID_REASON"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","reason":"\u001b[31m"}`, "INVALID_REASON"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","reason":"<script>"}`, "INVALID_REASON"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","ttl":"-1s"}`, "INVALID_TTL"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","ttl":"0s"}`, "INVALID_TTL"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","ttl":"3155760001s"}`, "INVALID_TTL"},
		{"POST", "/v1/bans", `{"ip":"192.0.2.1","request_id":"é"}`, "INVALID_REQUEST_ID"},
		{"DELETE", "/v1/bans", ``, "INVALID_IP"},
		{"DELETE", "/v1/bans/", ``, "INVALID_IP"},
		{"GET", "/v1/bans?page_token=made-up", ``, "INVALID_PAGE_TOKEN"},
		{"GET", "/v1/bans?page_size=many", ``, "MALFORMED_REQUEST"},
		{"POST", "/v1/revocations", `{"reason":"none"}`, "NOTHING_SELECTED"},
		{"POST", "/v1/cache:invalidate", `{}`, "NOTHING_SELECTED"},
		{"POST", "/v1/cache:invalidate", `{"tags":["a*b"]}`, "INVALID_TAG"},
	} {
		req := must[*http.Request](t)(http.NewRequest(bad.method, c.url+bad.path, strings.NewReader(bad.body)))
		req.Header.Set("Content-Type", "application/json")
		a := must[answer](t)(read(must[*http.Response](t)(client.Do(req))))
		isRefusal(t, bad.method+" "+bad.path+" "+bad.body, a, http.StatusBadRequest)
		if !strings.Contains(a.body, `"reason":"`+bad.reason) {
			t.Errorf("%s %s %s: %s, want %s", bad.method, bad.path, bad.body, a, bad.reason)
		}
	}
	huge := io.MultiReader(strings.NewReader(`{"ip":"`), io.LimitReader(endless{}, 10<<20), strings.NewReader(`"}`))
	resp, err := client.Post(c.url+"/v1/bans", "application/json", huge)
	if err == nil { // the server may also hang up on whoever sends on
		isRefusal(t, "10 MB", must[answer](t)(read(resp)), http.StatusRequestEntityTooLarge)
	}
	if head := c.status().GetHead(); head != 0 {
		t.Errorf("refused mutations moved the head to %d", head)
	}
}

// endless reads as the letter a.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// TestPagesOfOthersChangeNothing: a browser's cross-origin post and a name that
// was made to resolve to this machine are refused.
func TestPagesOfOthersChangeNothing(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	for name, spoil := range map[string]func(*http.Request){
		"another origin":  func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"a site fetch":    func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a rebound name":  func(r *http.Request) { r.Host = "evil.example" },
		"a method header": func(r *http.Request) { r.Method = http.MethodGet; r.Header.Set("X-HTTP-Method-Override", "POST") },
	} {
		req := must[*http.Request](t)(http.NewRequest(http.MethodPost, c.url+"/ban/ip", strings.NewReader(`{"ip":"192.0.2.1"}`)))
		spoil(req)
		if a := must[answer](t)(read(must[*http.Response](t)(client.Do(req)))); a.code < 400 || a.code >= 500 {
			t.Errorf("%s: %s", name, a)
		}
	}
	if head := c.status().GetHead(); head != 0 {
		t.Errorf("the head is %d", head)
	}
}
