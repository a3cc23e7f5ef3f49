package cache

import (
	"io"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// What another request had stored after this one was looked up answers it, unless
// it may not.
func TestStoredBeforeTheFetchBegins(t *testing.T) {
	t.Parallel()
	const again = "fwd=uri-miss; fwd-status=200; stored"
	page := []string{fresh, "Cache-Tag: a", "Vary: Accept-Language"}
	for name, row := range map[string]struct {
		late    *Request
		between func(t *testing.T, r *rig)
		want    string
	}{
		"stored":          {get("/"), nil, "hit; ttl=60"},
		"another URL":     {get("/2"), nil, again},
		"another variant": {get("/", "Accept-Language: de"), nil, again},
		"a reload":        {get("/", "Cache-Control: no-cache"), nil, again},
		"invalidated": {get("/"), func(t *testing.T, r *rig) {
			r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
		}, again},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Config{})
			d := r.Begin(row.late)
			body := "first"
			fetch := always(func() *Response { return respond(200, body, page...) })
			r.outcome(t, get("/"), fetch)
			if row.between != nil {
				row.between(t, r)
			}
			body = "second"
			a, err := r.Do(t.Context(), row.late, d, fetch)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			got, err := io.ReadAll(a.Body)
			if want := map[bool]string{true: "first", false: "second"}[a.Outcome.Hit]; string(got) != want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			if a.Outcome.String() != "ringcast; "+row.want {
				t.Errorf("%s, want %s", a.Outcome, row.want)
			}
		})
	}
}

// A refresh that began after another had ended asks nobody; one of an entry beside
// which another variant came does.
func TestRefreshOfWhatWasRefreshed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		other   *Request
		fetches int
	}{
		"the same":        {get("/", "Cache-Control: no-cache"), 2},
		"another variant": {get("/", "Accept-Language: de"), 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Config{})
			fetches := 0
			fetch := always(func() *Response {
				fetches++
				return respond(200, "", "Cache-Control: max-age=60, stale-while-revalidate=60", "Vary: Accept-Language")
			})
			r.outcome(t, get("/"), fetch)
			r.clock.advance(61 * time.Second)
			d := r.Begin(get("/"))
			if !d.Refresh {
				t.Fatal(d.Outcome)
			}
			r.outcome(t, row.other, fetch)
			a, err := r.Do(t.Context(), get("/"), d.ForRefresh(), fetch)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			d.EndRefresh()
			if fetches != row.fetches {
				t.Errorf("%d fetches, want %d", fetches, row.fetches)
			}
		})
	}
}
