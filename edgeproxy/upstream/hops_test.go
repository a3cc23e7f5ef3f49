package upstream_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// TestMaxForwards: RFC 9110, section 7.6.2.
func TestMaxForwards(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Got", fmt.Sprint(r.Header["Max-Forwards"]))
	}), upstream.Config{}, nil)
	for _, row := range []struct{ method, value, want string }{
		{"OPTIONS", "0", "204"}, {"OPTIONS", "1", "200 [0]"}, {"OPTIONS", "10", "200 [9]"}, {"OPTIONS", "x", "200 [x]"},
		{"OPTIONS", "-1", "200 [-1]"}, {"GET", "0", "200 [0]"}, {"TRACE", "5", "405"},
	} {
		a := e.do(t.Context(), row.method, "/"+row.method+row.value, "Max-Forwards: "+row.value)
		got := strings.TrimSpace(fmt.Sprint(a.StatusCode, " ", a.Header.Get("X-Got")))
		if got != row.want {
			t.Errorf("%s with %s: %s, want %s", row.method, row.value, got, row.want)
		}
		if row.value == "0" && a.StatusCode == 204 && !strings.Contains(a.Header.Get("Allow"), "GET") {
			t.Errorf("%v", a.Header)
		}
	}
}
