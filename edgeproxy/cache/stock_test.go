package cache

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/wire"
)

// stock is a cache on disk beside a plain list of all that was ever fetched.
type stock struct {
	*diskRig
	versions []*version
	flights  map[int]*heldFlight
}

// version is one response of the origin.
type version struct {
	place   place
	tags    []string
	body    string
	began   time.Time
	purged  bool // an invalidation came after its fetch began
	settles bool // and another before, so that it must not be stored
	stored  bool // by what the cache says
	latest  bool // of those stored for its URL
}

// heldFlight is a fetch whose answer is held back.
type heldFlight struct {
	*heldFetch
	version *version
	done    chan string
	cancel  context.CancelFunc
}

// lasting is an invalidation whose fence has something to do until some time: to
// keep out what is fetched before then, unless it is soft.
type lasting struct {
	event *wire.CacheInvalidated
	until time.Time
	soft  bool
}

func (s *stock) draw(t *rapid.T, lasts []lasting) *version {
	v := &version{
		place: newPlace("http", genHost.Draw(t, "host"), genTarget.Draw(t, "target")),
		tags:  rapid.SliceOfNDistinct(genTag, 0, 2, rapid.ID).Draw(t, "tags"),
		began: s.clock.Now(), body: fmt.Sprint("version ", len(s.versions)),
	}
	for _, l := range lasts {
		f := modelFence{event: l.event}
		v.settles = v.settles || !l.soft && f.covers(v.place, v.tags) && v.began.Before(l.until)
	}
	s.versions = append(s.versions, v)
	return v
}

func (s *stock) last(lasts []lasting) bool {
	return slices.ContainsFunc(lasts, func(l lasting) bool { return s.clock.Now().Before(l.until) })
}

func (v *version) request() *Request {
	// Others are not shared, and what is stored is not asked about.
	q := get(v.place.target, "Cache-Control: no-cache")
	q.Host = v.place.origin()[len("http://"):]
	return q
}

func (v *version) response() *Response {
	lines := []string{"Cache-Control: max-age=99999999"}
	for _, tag := range v.tags {
		lines = append(lines, "Cache-Tag: "+tag)
	}
	return respond(200, v.body, lines...)
}

func (s *stock) tellOf(v *version) {
	_, o, err := s.ask(context.Background(), v.request(), always(v.response))
	if err != nil {
		s.t.Fatal(err)
	}
	s.note(v, o.Stored)
}

func (s *stock) takeOff(v *version) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &heldFlight{newHeldFetch(), v, make(chan string, 1), cancel}
	go func() {
		_, o, err := s.ask(ctx, v.request(), h.fetch)
		h.done <- fmt.Sprint(o.Stored, " ", err)
	}()
	<-h.asked
	s.flights[len(s.versions)] = h
}

func (s *stock) land(n int) {
	h := s.flights[n]
	delete(s.flights, n)
	h.answer <- h.version.response()
	got := <-h.done
	h.cancel()
	synctest.Wait() // for the end of the fetch
	s.note(h.version, got == "true <nil>")
}

func (s *stock) landAll() {
	for _, n := range slices.Sorted(maps.Keys(s.flights)) {
		s.land(n)
	}
}

// note holds the cache to what it says of a version.
func (s *stock) note(v *version, stored bool) {
	if stored && (v.purged || v.settles) {
		s.t.Fatal(fmt.Sprintf("%s is stored: %+v", v.body, v))
	}
	v.stored = stored
	if !stored {
		return
	}
	for _, w := range s.versions {
		if w.place == v.place && w.latest && w.began.After(v.began) {
			return // what was fetched later stays
		}
	}
	for _, w := range s.versions {
		w.latest = w.latest && w.place != v.place
	}
	v.latest = true
}

func (s *stock) purge(e *wire.CacheInvalidated) {
	f := modelFence{event: e}
	for _, v := range s.versions {
		v.purged = v.purged || f.covers(v.place, v.tags)
	}
}

func (s *stock) purgeURL(url string) {
	for _, v := range s.versions {
		v.purged = v.purged || v.place.url == url
	}
}

// killed loses what was not written: what was there before may come back, if it
// was not purged.
func (s *stock) killed() {
	synctest.Wait() // the file is not copied amid a commit
	s.kill()
	for _, v := range s.versions {
		v.latest = false
	}
}

func (s *stock) check(t *rapid.T) {
	served := map[string]string{}
	for _, v := range s.versions {
		q := v.request()
		q.Header = Header{}
		d := s.Begin(q)
		if d.Action == Serve {
			served[v.place.url] = string(d.Entry.Body())
		}
	}
	for _, v := range s.versions {
		body, found := served[v.place.url]
		switch {
		case found && body == v.body && (v.purged || !v.stored):
			t.Fatalf("%s is served: %+v", body, v)
		case v.latest && !v.purged && body != v.body:
			t.Fatalf("%q is served in place of %+v", body, v)
		}
	}
}
