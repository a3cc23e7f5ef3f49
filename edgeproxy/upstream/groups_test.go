package upstream_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/wire"
)

// newGroupEdge stands before an origin whose pages have the groups that the query
// of a GET says, and whose other answers invalidate those.
func newGroupEdge(t *testing.T) *edge {
	t.Helper()
	var version atomic.Int64
	return newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if status := r.Header.Get("Status"); status != "" {
			w.Header().Set("Cache-Group-Invalidation", r.Header.Get("Groups"))
			var code int
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header()["Cache-Groups"] = r.Header["Groups"]
		_, _ = fmt.Fprint(w, version.Add(1))
	}), upstream.Config{}, nil)
}

const (
	shop  = "shop.example"
	other = "other.example"
)

// stock stores pages in groups. Both hosts have the same.
func stockGroups(t *testing.T, e *edge) {
	t.Helper()
	for _, host := range []string{shop, other} {
		e.as(t, host, "GET", "/one", `Groups: "a"`)
		e.as(t, host, "GET", "/two", `Groups: "a", "b c";param`)
		e.as(t, host, "GET", "/upper", `Groups: "A"`)
		e.as(t, host, "GET", "/none")
		e.as(t, host, "GET", "/broken", `Groups: "a", unquoted`)
		e.as(t, host, "GET", "/lines", `Groups: "d"`, `Groups: "a"`)
	}
}

// goneGroups names the pages that are no longer served, and stores them again.
func goneGroups(t *testing.T, e *edge) string {
	t.Helper()
	var gone []string
	for _, host := range []string{shop, other} {
		for _, page := range []string{"/one", "/two", "/upper", "/none", "/broken", "/lines"} {
			if a := e.as(t, host, "GET", page); !strings.HasPrefix(a.cache, "hit") {
				gone = append(gone, strings.TrimSuffix(host, ".example")+page)
			}
		}
	}
	return strings.Join(gone, " ")
}

func TestCacheGroupInvalidation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, status, groups, want string }{
		{"POST", "200", `"a"`, "shop/one shop/two shop/lines"},
		{"POST", "303", `"a"`, "shop/one shop/two shop/lines"},
		{"MADE-UP", "204", `"b c"`, "shop/two"},
		{"POST", "200", `"A", "d";x=1`, "shop/upper shop/lines"},
		{"POST", "200", `"unquoted"`, ""},
		{"POST", "200", `"a*"`, ""},
		{"POST", "200", `"a", unquoted`, ""},
		{"POST", "200", `a`, ""},
		{"POST", "404", `"a"`, ""},
		{"POST", "500", `"a"`, ""},
		{"GET", "200", `"a"`, ""},
		{"HEAD", "200", `"a"`, ""},
		{"OPTIONS", "200", `"a"`, ""},
	} {
		t.Run(tt.method+" "+tt.status+" "+tt.groups, func(t *testing.T) {
			t.Parallel()
			e := newGroupEdge(t)
			e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			stockGroups(t, e)
			e.as(t, shop, tt.method, "/act", "Status: "+tt.status, "Groups: "+tt.groups)
			if got := goneGroups(t, e); got != tt.want {
				t.Errorf("gone: %q, want %q", got, tt.want)
			}
		})
	}
}

// TestCacheGroupsAreTags: an invalidation from the control plane is not of one
// origin.
func TestCacheGroupsAreTags(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"a":   "shop/one shop/two shop/lines other/one other/two other/lines",
		"b*":  "shop/two other/two",
		"A":   "shop/upper other/upper",
		"b c": "shop/two other/two",
	} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			e := newGroupEdge(t)
			stockGroups(t, e)
			e.invalidate(t, &wire.CacheInvalidated{Tags: []string{tag}})
			if got := goneGroups(t, e); got != want {
				t.Errorf("gone: %q, want %q", got, want)
			}
		})
	}
}

// TestGroupsDoNotLeave: they are for caches, as the other tags are.
func TestGroupsDoNotLeave(t *testing.T) {
	t.Parallel()
	e := newGroupEdge(t)
	for range 2 {
		if a := e.as(t, shop, "GET", "/", `Groups: "a"`); len(a.Header["Cache-Groups"]) > 0 {
			t.Errorf("the answer has %v", a.Header)
		}
	}
}
