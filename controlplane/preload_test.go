package controlplane_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestNewPreload(t *testing.T) {
	t.Parallel()
	good := []string{
		"/", "//", "//x", "/a?b=c", "/a?", "/%2F", "/a//b/../c", "/a:b", "/日本", "/a?q=%zz",
		"http://h", "http://h?q", "https://example.com/a?b", "http://[::1]:8080/", "HTTPS://Example.com/",
		"/" + strings.Repeat("x", controlplane.MaxKeyBytes-1),
	}
	given := slices.Concat(good, []string{"/", "/a?b=c"})
	got, err := controlplane.NewPreload(controlplane.Preload{Routes: given})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(good, got.Routes); diff != "" {
		t.Errorf("repeats are dropped and the order stays (-want +got):\n%s", diff)
	}
	if given[len(given)-1] != "/a?b=c" || len(given) != len(good)+2 {
		t.Errorf("the caller's own list changed: %q", given)
	}
}

func TestNewPreloadRefuses(t *testing.T) {
	t.Parallel()
	for _, none := range [][]string{nil, {}} {
		_, err := controlplane.NewPreload(controlplane.Preload{Routes: none})
		expectRefusal(t, "nothing", err, controlplane.ReasonNothingSelected)
	}
	for _, route := range []string{
		"", "*", "/*", "/a*b", "https://h/*", "/a#b", "/#", "https://h/#top", "/a b", " /a", "/a ", "/a\n", "/a\tb", "/\x00", "/\x7f", "/\u0085", "/\xff",
		"a", "a/b", "./a", "?a", "h/a", "h:80/a", "://a", "http:", "http:/a", "http:a", "http://", "http:///a", "https://:80/",
		"ftp://h/", "file:///etc/passwd", "javascript:alert(1)", "ws://h/", "https://user@h/", "https://user:secret@h/", "http://[::1/", "http://h:port/",
		"/%zz", "/%", "/a%2", "http://h/%zz", "/" + strings.Repeat("x", controlplane.MaxKeyBytes),
	} {
		_, err := controlplane.NewPreload(controlplane.Preload{Routes: []string{"/good", route}})
		expectRefusal(t, "route "+route, err, controlplane.ReasonInvalidRoute)
	}
}

// TestLargestPreloadFitsAFrame takes bytes of which JSON makes six each, up to the
// bound; a byte more is refused.
func TestLargestPreloadFitsAFrame(t *testing.T) {
	t.Parallel()
	var routes []string
	for i := range controlplane.MaxSelectionBytes / controlplane.MaxKeyBytes {
		route := fmt.Sprintf("/%d?", i)
		routes = append(routes, route+strings.Repeat("&", controlplane.MaxKeyBytes-len(route)))
	}
	preload, err := controlplane.NewPreload(controlplane.Preload{Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	e := newState().apply(t, preload.Decide)
	if _, err := wire.AppendEvent(nil, wire.Cursor{Epoch: "a", Position: 1}, e.Type, e.Data); err != nil {
		t.Errorf("%d routes make an event of %d bytes: %v", len(routes), len(e.Data), err)
	}
	_, err = controlplane.NewPreload(controlplane.Preload{Routes: append(routes, "/")})
	expectRefusal(t, "a route more", err, controlplane.ReasonSelectionTooLarge)
}

// TestPreloadDecide wants a moment event, whose list is there even if it is empty.
func TestPreloadDecide(t *testing.T) {
	t.Parallel()
	for want, routes := range map[string][]string{
		`{"routes":["/b","/a"],"timestamp":1800000000}`: {"/b", "/a", "/b"},
		`{"routes":[],"timestamp":1800000000}`:          nil,
	} {
		e := newState().apply(t, controlplane.Preload{Routes: routes}.Decide)
		expectData(t, e, want)
		if !e.Moment() || e.Type != wire.TypePreloadHinted || !e.ExpiresAt.IsZero() || e.Tombstone {
			t.Errorf("%+v is no moment event", e)
		}
	}
}
