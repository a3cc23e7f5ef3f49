package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// rig is a cache with a state file and a clock of its own.
type rig struct {
	*Cache
	file  *stateFile
	clock *clock
}

func newRig(t testing.TB, config Config) *rig {
	t.Helper()
	r := &rig{file: newStateFile(t), clock: newClock()}
	config.Now = r.clock.Now
	if config.MaxBytes == 0 {
		config.MaxBytes, config.MaxEntries, config.MaxObject = 1<<20, 1000, 1<<16
	}
	r.Cache = New(config, NewFences(r.clock.Now), r.file)
	t.Cleanup(func() { r.end(t) })
	return r
}

// end closes the cache and sees that nothing is left of the fetches.
func (r *rig) end(t testing.TB) {
	r.Close()
	if n, m, k := r.filling.Load(), len(r.open), len(r.byURL); n != 0 || m != 0 || k != 0 {
		t.Errorf("at the end %d bytes are filling, %d flights are open, %d listed", n, m, k)
	}
}

func fieldsOf(lines ...string) Header {
	h := Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		name = textproto.CanonicalMIMEHeaderKey(name)
		h[name] = append(h[name], value)
	}
	return h
}

func get(target string, lines ...string) *Request {
	return &Request{Method: "GET", Scheme: "http", Host: "h", Target: target, Header: fieldsOf(lines...)}
}

func respond(status int, body string, lines ...string) *Response {
	return &Response{
		Status: status, Header: fieldsOf(lines...), Length: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

func always(r func() *Response) FetchFunc {
	return func(context.Context, bool) (*Response, error) { return r(), nil }
}

// ask does what a server does, and reads the answer whole.
func (r *rig) ask(ctx context.Context, request *Request, fetch FetchFunc) (body string, o Outcome, err error) {
	d := r.Begin(request)
	if d.Action == Serve {
		if d.Refresh {
			d.EndRefresh()
		}
		return string(d.Entry.Body()), d.Outcome, nil
	}
	if d.Action == Forward {
		return "", d.Outcome, nil
	}
	a, err := r.Do(ctx, request, d, fetch)
	if err != nil {
		return "", d.Outcome, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return string(b), a.Outcome, err
}

func (r *rig) outcome(t testing.TB, request *Request, fetch FetchFunc) string {
	t.Helper()
	_, o, err := r.ask(t.Context(), request, fetch)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(o.String(), "ringcast; ")
}

func (r *rig) invalidate(t testing.TB, e *wire.CacheInvalidated) {
	t.Helper()
	apply(t, r.file, r.fences, e)
}

func TestWhatIsStored(t *testing.T) {
	t.Parallel()
	longTag := "X-Cache-Tags: " + strings.Repeat("t", maxTagBytes+1)
	var manyTags strings.Builder
	for i := range maxTags + 1 {
		fmt.Fprintf(&manyTags, "%d,", i)
	}
	for _, tt := range []struct {
		name    string
		status  int
		request []string
		answer  []string
		want    bool
	}{
		{"max-age", 200, nil, []string{"Cache-Control: max-age=60"}, true},
		{"s-maxage wins", 200, nil, []string{"Cache-Control: s-maxage=0, max-age=60"}, false},
		{"s-maxage alone", 200, nil, []string{"Cache-Control: s-maxage=60, max-age=0"}, true},
		{"nothing said", 200, nil, nil, false},
		{"no-store", 200, nil, []string{"Cache-Control: max-age=60, no-store"}, false},
		{"private", 200, nil, []string{"Cache-Control: max-age=60", "Cache-Control: PRIVATE"}, false},
		{"private fields", 200, nil, []string{`Cache-Control: max-age=60, private="Set-Cookie"`}, false},
		{"no-cache", 200, nil, []string{"Cache-Control: no-cache, max-age=60"}, false},
		{"quoted comma", 200, nil, []string{`Cache-Control: x="no-store, no-cache", max-age="60"`}, true},
		{"junk between", 200, nil, []string{"Cache-Control: ,;=, max-age=60,,"}, true},
		{"negative", 200, nil, []string{"Cache-Control: max-age=-1"}, false},
		{"not a number", 200, nil, []string{"Cache-Control: max-age=60s"}, false},
		{"first of two", 200, nil, []string{"Cache-Control: max-age=0, max-age=60"}, false},
		{"overflow", 200, nil, []string{"Cache-Control: max-age=99999999999999999999999"}, true},
		{"old already", 200, nil, []string{"Cache-Control: max-age=60", "Age: 60"}, false},
		{"not so old", 200, nil, []string{"Cache-Control: max-age=60", "Age: 59"}, true},
		{"stale but usable", 200, nil, []string{"Cache-Control: max-age=0, stale-if-error=9"}, true},
		{"stale but must revalidate", 200, nil, []string{"Cache-Control: max-age=0, stale-if-error=9, must-revalidate"}, false},
		{"expires", 200, nil, []string{"Date: Fri, 15 Jan 2027 08:00:00 GMT", "Expires: Fri, 15 Jan 2027 08:01:00 GMT"}, true},
		{"expired", 200, nil, []string{"Date: Fri, 15 Jan 2027 08:00:00 GMT", "Expires: Fri, 15 Jan 2027 08:00:00 GMT"}, false},
		{"expires 0", 200, nil, []string{"Expires: 0"}, false},
		{"max-age over expires", 200, nil, []string{"Expires: 0", "Cache-Control: max-age=1"}, true},
		{"cookie", 200, nil, []string{"Cache-Control: max-age=60", "Set-Cookie: a=b"}, false},
		{"vary *", 200, nil, []string{"Cache-Control: max-age=60", "Vary: Accept", "Vary: Origin, *"}, false},
		{"vary by what the edge says", 200, nil, []string{"Cache-Control: max-age=60", "Vary: x-forwarded-for"}, false},
		{"authorized", 200, []string{"Authorization: x"}, []string{"Cache-Control: max-age=60"}, false},
		{"authorized, public", 200, []string{"Authorization: x"}, []string{"Cache-Control: max-age=60, public"}, true},
		{"authorized, s-maxage", 200, []string{"Authorization: x"}, []string{"Cache-Control: s-maxage=60"}, true},
		{"authorized, must-revalidate", 200, []string{"Authorization: x"}, []string{"Cache-Control: max-age=60, must-revalidate"}, true},
		{"404", 404, nil, []string{"Cache-Control: max-age=60"}, true},
		{"500", 500, nil, []string{"Cache-Control: max-age=60"}, true},
		{"206", 206, nil, []string{"Cache-Control: max-age=60"}, false},
		{"304", 304, nil, []string{"Cache-Control: max-age=60"}, false},
		{"tag too long", 200, nil, []string{"Cache-Control: max-age=60", longTag}, false},
		{"too many tags", 200, nil, []string{"Cache-Control: max-age=60", "Cache-Tag: " + manyTags.String()}, false},
		{"reload", 200, []string{"Cache-Control: no-cache"}, []string{"Cache-Control: max-age=60"}, true},
		{"request no-store", 200, []string{"Cache-Control: no-store"}, []string{"Cache-Control: max-age=60"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Config{})
			fetch := always(func() *Response { return respond(tt.status, "body", tt.answer...) })
			first := r.outcome(t, get("/", tt.request...), fetch)
			second := r.outcome(t, get("/"), fetch)
			found := !strings.HasPrefix(second, "fwd=uri-miss")
			if found != tt.want || strings.Contains(first, "stored") != tt.want {
				t.Errorf("first %q, second %q; stored should be %v", first, second, tt.want)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	ok := always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=60", "Age: 3", "Vary: Accept")
	})
	steps := []struct {
		request *Request
		want    string
	}{
		{get("/a"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/a"), "hit; ttl=57"},
		{&Request{Method: "GET", Scheme: "HTTP", Host: "H:80", Target: "/a", Header: Header{}}, "hit; ttl=57"},
		{&Request{Method: "GET", Scheme: "https", Host: "h", Target: "/a", Header: Header{}}, "fwd=uri-miss; fwd-status=200; stored"},
		{get("/a?"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/A"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/%61"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/a", "Accept: text/html"), "fwd=vary-miss; fwd-status=200; stored"},
		{get("/a", "Accept: text/html"), "hit; ttl=57"},
		{get("/a", "Accept: "), "fwd=vary-miss; fwd-status=200; stored"},
		{get("/a"), "hit; ttl=57"},
		{get("/a", "Cache-Control: no-cache"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Cache-Control: max-age=0"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Cache-Control: no-store"), "fwd=request"},
		{get("/a", "Range: bytes=0-1"), "fwd=bypass"},
		{get("/a", "Upgrade: websocket"), "fwd=bypass"},
		{get("/a", "Connection: close, Accept"), "fwd=bypass"},
		{get("/a", "Connection: x", "Connection: te"), "fwd=bypass"},
		{get("/a", "Connection: Keep-Alive, TE,", "Connection: close, upgrade"), "hit; ttl=57"},
		{&Request{Method: "GET", Scheme: "http", Host: "h", Target: "/a", Header: Header{}, HasBody: true}, "fwd=bypass"},
		{&Request{Method: "POST", Scheme: "http", Host: "h", Target: "/a", Header: Header{}}, "fwd=method"},
		{&Request{Method: "HEAD", Scheme: "http", Host: "h", Target: "/a", Header: Header{}}, "hit; ttl=57"},
		{&Request{Method: "HEAD", Scheme: "http", Host: "h", Target: "/b", Header: Header{}}, "fwd=uri-miss; fwd-status=200"},
	}
	for i, step := range steps {
		if got := r.outcome(t, step.request, ok); got != step.want {
			t.Errorf("%d: %s %s: %q, want %q", i, step.request.Method, step.request.Target, got, step.want)
		}
	}
	r.clock.advance(57 * time.Second)
	if got, want := r.outcome(t, get("/a"), ok), "fwd=stale; fwd-status=200; stored"; got != want {
		t.Errorf("after its lifetime: %q, want %q", got, want)
	}
}

func TestStaleWithinItsWindows(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, bool) (*Response, error) { return nil, errors.New("no route") }
	unavailable := always(func() *Response { return respond(503, "sorry", "Cache-Control: max-age=60") })
	for _, soft := range []bool{false, true} {
		r := newRig(t, Config{})
		fill := always(func() *Response {
			return respond(200, "old", "X-Cache-Tags: a",
				"Cache-Control: max-age=60, stale-while-revalidate=10, stale-if-error=30")
		})
		r.outcome(t, get("/"), fill)
		if soft {
			r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true})
		} else {
			r.clock.advance(60 * time.Second)
		}
		late := ""
		check := func(want string, fetch FetchFunc) {
			t.Helper()
			if got := r.outcome(t, get("/"), fetch); got != want {
				t.Errorf("soft %v, %s: %q, want %q", soft, late, got, want)
			}
		}
		check("hit; ttl=0", broken)
		r.clock.advance(9 * time.Second)
		if soft { // another soft fence gives no new grace to an entry in use
			r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true})
		}
		check("hit; ttl=-9", broken)
		r.clock.advance(time.Second)
		late = "after stale-while-revalidate"
		check("fwd=stale; ttl=-10", broken)
		check("fwd=stale; fwd-status=503; ttl=-10", unavailable)
		r.clock.advance(20 * time.Second)
		late = "after stale-if-error"
		if _, _, err := r.ask(t.Context(), get("/"), broken); err == nil {
			t.Errorf("soft %v: no error after the window", soft)
		}
		check("fwd=stale; fwd-status=503; stored", unavailable)
	}
}

func TestHardFenceLeavesNothingForErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.outcome(t, get("/"), always(func() *Response {
		return respond(200, "old", "Cache-Control: max-age=60, stale-while-revalidate=99, stale-if-error=99")
	}))
	r.invalidate(t, &wire.CacheInvalidated{Keys: []string{"/"}})
	broken := func(context.Context, bool) (*Response, error) { return nil, errors.New("no route") }
	if body, _, err := r.ask(t.Context(), get("/"), broken); err == nil {
		t.Errorf("got %q", body)
	}
}

func TestOnlyOneRefreshes(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=1, stale-while-revalidate=60") })
	r.outcome(t, get("/"), fetch)
	r.clock.advance(2 * time.Second)
	first, second := r.Begin(get("/")), r.Begin(get("/"))
	if !first.Refresh || second.Refresh || second.Action != Serve {
		t.Fatalf("first refreshes: %v, second: %v", first.Refresh, second.Refresh)
	}
	a, err := r.Do(t.Context(), get("/"), first.ForRefresh(), fetch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(a.Body); err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	first.EndRefresh()
	if d := r.Begin(get("/")); d.Action != Serve || d.Refresh || d.Outcome.TTL != 1 {
		t.Errorf("after the refresh: %+v", d)
	}
}

func TestSettlingResponsesAreNotStored(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60", "Cache-Tag: a") })
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Settle: "2s"})
	for range 2 {
		if got := r.outcome(t, get("/"), fetch); got != "fwd=uri-miss; fwd-status=200" {
			t.Errorf("while settling: %q", got)
		}
	}
	r.clock.advance(2 * time.Second)
	r.outcome(t, get("/"), fetch)
	if got := r.outcome(t, get("/"), fetch); got != "hit; ttl=60" {
		t.Errorf("after it: %q", got)
	}
}

func TestInvalidateURI(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60") })
	for _, target := range []string{"/a", "/ab", "/a*"} {
		r.outcome(t, get(target), fetch)
	}
	if err := r.InvalidateURI(t.Context(), get("/nothing")); err != nil || r.fences.Generation() != 0 {
		t.Errorf("nothing stored: %v, generation %d", err, r.fences.Generation())
	}
	if err := r.InvalidateURI(t.Context(), get("/a*")); err != nil || r.fences.Generation() != 1 {
		t.Errorf("one stored: %v, generation %d", err, r.fences.Generation())
	}
	for target, want := range map[string]Action{"/a": Serve, "/ab": Serve, "/a*": Fetch} {
		if got := r.Begin(get(target)).Action; got != want {
			t.Errorf("%s: action %v, want %v", target, got, want)
		}
	}
}

func TestInvalidateURIOfAFetchUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	held, done := newHeldFetch(), make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = r.ask(t.Context(), get("/a"), held.fetch)
	}()
	<-held.asked
	if err := r.InvalidateURI(t.Context(), get("/a")); err != nil {
		t.Fatal(err)
	}
	held.answer <- respond(200, "before", "Cache-Control: max-age=60")
	<-done
	if got := r.Begin(get("/a")).Action; got != Fetch {
		t.Error("what was fetched before is served")
	}
}

func TestInvalidateURIWithoutADisk(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.outcome(t, get("/a"), always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60") }))
	held := newHeldFetch()
	done := make(chan string)
	go func() {
		body, _, _ := r.ask(t.Context(), get("/a", "Cache-Control: no-cache"), held.fetch)
		done <- body
	}()
	<-held.asked
	r.file.fail = errors.New("disk full")
	if err := r.InvalidateURI(t.Context(), get("/a")); !errors.Is(err, r.file.fail) {
		t.Errorf("error is %v", err)
	}
	if got := r.Begin(get("/a")).Action; got != Fetch {
		t.Errorf("it is still served")
	}
	held.answer <- respond(200, "before", "Cache-Control: max-age=60")
	if body := <-done; body != "before" {
		t.Errorf("who asked before got %q", body)
	}
	if got := r.Begin(get("/a")).Action; got != Fetch {
		t.Errorf("a fetch that began before was stored")
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	fetch := always(func() *Response { return respond(200, strings.Repeat("x", 1000), "Cache-Control: max-age=60") })
	for name, tt := range map[string]struct {
		config Config
		most   int
	}{
		"entries": {Config{MaxBytes: 1 << 30, MaxEntries: 20, MaxObject: 1 << 20}, 20},
		"bytes":   {Config{MaxBytes: 100_000, MaxEntries: 1 << 30, MaxObject: 1 << 20}, 66},
	} {
		r := newRig(t, tt.config)
		for i := range 500 {
			r.outcome(t, get(fmt.Sprintf("/%d", i)), fetch)
		}
		r.store.resources.CleanUp()
		if n := r.Stats().URLs; n > tt.most || n < tt.most*3/4 {
			t.Errorf("%s: %d entries, want about %d", name, n, tt.most)
		}
	}
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60", "Vary: A") })
	for i := range 3 * maxVariants {
		r.clock.advance(time.Millisecond)
		r.outcome(t, get("/", fmt.Sprintf("A: %d", i)), fetch)
	}
	if n := len(r.store.get("http://h/").variants); n != maxVariants {
		t.Errorf("%d variants, want %d", n, maxVariants)
	}
	if got := r.outcome(t, get("/", fmt.Sprintf("A: %d", 3*maxVariants-1)), fetch); !strings.HasPrefix(got, "hit") {
		t.Errorf("the latest is gone: %q", got)
	}
}

func TestEarlierFetchDoesNotReplaceALaterOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	held := newHeldFetch()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = r.ask(t.Context(), get("/"), held.fetch)
	}()
	<-held.asked
	r.clock.advance(time.Second)
	r.outcome(t, get("/", "Cache-Control: no-cache"), always(func() *Response { return respond(200, "new", "Cache-Control: max-age=60") }))
	held.answer <- respond(200, "old", "Cache-Control: max-age=60")
	<-done
	if d := r.Begin(get("/")); string(d.Entry.Body()) != "new" {
		t.Errorf("stored is %q", d.Entry.Body())
	}
}

func TestStoredFields(t *testing.T) {
	t.Parallel()
	h := fieldsOf("Connection: close, x-hop", "X-Hop: 1", "Keep-Alive: 5", "Age: 4", "Content-Length: 3",
		"Cache-Tag: a", "Surrogate-Key: b", `Cache-Groups: "c"`, "Etag: \"e\"", "X-B: 1", "X-B: 2")
	var names []string
	for _, f := range storedFields(h, false) {
		names = append(names, f.Name)
		if cap(f.Values) > len(f.Values) {
			t.Errorf("%s: two answers that append would share memory", f.Name)
		}
	}
	if got := strings.Join(names, " "); got != "Etag X-B" {
		t.Errorf("stored %q", got)
	}
	if n := len(storedFields(h, true)); n != 5 {
		t.Errorf("%d fields with tags exposed, want 5", n)
	}
}

// heldFetch is an origin that answers when it is told to.
type heldFetch struct {
	asked  chan struct{}
	answer chan *Response
	count  atomic.Int64
}

func newHeldFetch() *heldFetch {
	return &heldFetch{asked: make(chan struct{}, 100), answer: make(chan *Response, 100)}
}

func (h *heldFetch) fetch(ctx context.Context, _ bool) (*Response, error) {
	h.count.Add(1)
	h.asked <- struct{}{}
	select {
	case r := <-h.answer:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func BenchmarkHit(b *testing.B) {
	r := newRig(b, Config{})
	r.clock.now = time.Now()
	r.outcome(b, get("/a"), always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=60", "Cache-Tag: a,b,c", "Vary: Accept-Encoding")
	}))
	request := get("/a", "Accept-Encoding: gzip")
	r.outcome(b, request, always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=60", "Cache-Tag: a,b,c", "Vary: Accept-Encoding")
	}))
	b.ReportAllocs()
	for b.Loop() {
		if r.Begin(request).Action != Serve {
			b.Fatal("not a hit")
		}
	}
}
