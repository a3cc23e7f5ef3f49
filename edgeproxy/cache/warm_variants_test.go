package cache

import (
	"fmt"
	"testing"
	"time"
)

func TestVariantsComeBackFromDisk(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	page := func(body string) FetchFunc {
		return always(func() *Response { return respond(200, body, fresh, "Vary: Accept-Language") })
	}
	for _, body := range []string{"en 1", "de 1", "de 2"} {
		r.tell(get("/", "Cache-Control: no-cache", "Accept-Language: "+body[:2]), page(body))
		r.clock.advance(time.Second)
		r.forgetMemory() // the others must not go with it
	}
	for range 2 {
		r.want(get("/", "Accept-Language: en"), nobody, "en 1 hit; ttl=57")
		r.want(get("/", "Accept-Language: DE"), nobody, "de 2 hit; ttl=59")
		r.want(get("/"), nobody, "the origin is asked")
		r.restart()
	}
	r.clock.advance(time.Second)
	for i := range maxVariants {
		r.tell(get("/", "Accept-Language: x"+fmt.Sprint(i)), page("other"))
	}
	r.restart()
	r.want(get("/", "Accept-Language: en"), nobody, "the origin is asked")
	r.want(get("/", "Accept-Language: x0"), nobody, "other hit; ttl=60")
}

// TestEvictionDuringAFetch: what is stored must not hide the other variants.
func TestEvictionDuringAFetch(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	for _, language := range []string{"en", "de"} {
		r.tell(get("/", "Accept-Language: "+language), always(func() *Response {
			r.forgetMemory()
			return respond(200, language, fresh, "Vary: Accept-Language")
		}))
	}
	r.want(get("/", "Accept-Language: en"), nobody, "en hit; ttl=60")
	r.want(get("/", "Accept-Language: de"), nobody, "de hit; ttl=60")
}
