package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	const shop = "https://shop.example"
	for _, row := range []struct {
		origins             []string
		origin, allow, vary string
	}{
		{nil, shop, "", ""},
		{[]string{shop, "http://localhost:8080"}, shop, shop, "Origin"},
		{[]string{shop, "http://localhost:8080"}, "http://localhost:8080", "http://localhost:8080", "Origin"},
		{[]string{shop}, "https://shop.example.evil.example", "", "Origin"},
		{[]string{shop}, "http://shop.example", "", "Origin"},
		{[]string{shop}, "null", "", "Origin"},
		{[]string{shop}, "", "", "Origin"},
		{[]string{"*"}, shop, "*", ""},
		{[]string{shop, "*"}, "", "*", ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/events", nil)
		if row.origin != "" {
			r.Header.Set("Origin", row.origin)
		}
		withCORS(row.origins, http.NotFoundHandler()).ServeHTTP(w, r)
		if h := w.Header(); h.Get("Access-Control-Allow-Origin") != row.allow || h.Get("Vary") != row.vary || w.Code != http.StatusNotFound {
			t.Errorf("%q of %q: %d %v", row.origin, row.origins, w.Code, h)
		}
	}
}

func TestCheckOrigins(t *testing.T) {
	t.Parallel()
	if err := checkOrigins([]string{"*", "https://a.example", "http://localhost:8080", "http://[::1]:80", "app://x"}); err != nil {
		t.Error(err)
	}
	for _, origin := range []string{"", "a.example", "https://", "https://a.example/", "https://A.example", "https://*.a.example/x", "https://u@a.example", "null", "https://a.example?x"} {
		if err := checkOrigins([]string{origin}); err == nil {
			t.Errorf("%q is taken", origin)
		}
	}
}
