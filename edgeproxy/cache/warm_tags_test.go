package cache

import (
	"slices"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// TestExposedTagsAreHiddenAfterARestart that no longer exposes them; they count all
// the same.
func TestExposedTagsAreHiddenAfterARestart(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{MaxBytes: 1 << 20, MaxEntries: 1000, MaxObject: 1 << 16, ExposeTags: true})
	r.tell(get("/"), always(func() *Response {
		return respond(200, "x", fresh, "A: 1", "Cache-Groups: \"g\"", "Cache-Tag: a", "Cache-Tags: b", "Surrogate-Key: c", "X: 2", "X-Cache-Tags: d")
	}))
	shown := []string{"A", "Cache-Control", "Cache-Groups", "Cache-Tag", "Cache-Tags", "Date", "Surrogate-Key", "X", "X-Cache-Tags"}
	hidden := []string{"A", "Cache-Control", "Date", "X"}
	for _, expose := range []bool{true, false} {
		r.config.ExposeTags = expose
		r.restart()
		want := hidden
		if expose {
			want = shown
		}
		for _, when := range []string{"from disk", "from memory"} {
			var got []string
			for _, f := range r.Begin(get("/")).Entry.Fields() {
				got = append(got, f.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("exposed: %t, %s: got %q, want %q", expose, when, got, want)
			}
		}
	}
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"d"}})
	r.want(get("/"), nobody, "the origin is asked")
}
