package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ringcast/ringcast/controlplane/api"
	"github.com/ringcast/ringcast/internal/listen"
)

func TestGuardChecksTheHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		guard api.Guard
		host  string
		want  int
	}{
		{api.Guard{}, "localhost:4000", 200},
		{api.Guard{}, "[::1]:4000", 200},
		{api.Guard{}, "evil.example:4000", 421},
		{api.Guard{Hosts: listen.HostsOf("localhost:4000")}, "evil.example:4000", 421},
		{api.Guard{Hosts: listen.HostsOf(":4000")}, "control.example:4000", 200},
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Host = tt.host
		if got := guarded(t, tt.guard, req); got != tt.want {
			t.Errorf("%+v with Host %q: %d, want %d", tt.guard, tt.host, got, tt.want)
		}
	}
}

func TestGuardRefusesWebPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method string
		header       []string
		want         int
	}{
		{"curl", "POST", nil, 200},
		{"own page", "POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"own page, old browser", "POST", []string{"Origin", "http://localhost:4000"}, 200},
		{"another page", "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another port", "POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"another page, old browser", "POST", []string{"Origin", "https://evil.example"}, 403},
		{"a page that is a file", "POST", []string{"Origin", "null"}, 403},
		{"another page deletes", "DELETE", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another page reads, which its browser keeps from it", "GET", []string{"Sec-Fetch-Site", "cross-site"}, 200},
	} {
		req := httptest.NewRequest(tt.method, "http://localhost:4000/v1/bans", nil)
		for i := 0; i+1 < len(tt.header); i += 2 {
			req.Header.Set(tt.header[i], tt.header[i+1])
		}
		if got := guarded(t, api.Guard{Hosts: listen.HostsOf(":4000")}, req); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// guarded returns the status; a refusal has to have a reason.
func guarded(t *testing.T, guard api.Guard, req *http.Request) int {
	t.Helper()
	w := httptest.NewRecorder()
	guard.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
		if err := json.Unmarshal(w.Body.Bytes(), &a.json); err != nil {
			t.Fatal(err)
		}
		if reason := a.reason(); reason != "HOST_NOT_ALLOWED" && reason != "CROSS_ORIGIN" {
			t.Errorf("reason: %s", reason)
		}
	}
	return w.Code
}
