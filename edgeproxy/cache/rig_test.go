package cache

import (
	"context"
	"io"
	"net/textproto"
	"strings"
	"testing"

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

// ask does what a server does, and reads the answer whole.
func (r *rig) ask(ctx context.Context, request *Request, fetch FetchFunc) (body string, o Outcome, err error) {
	d := r.Begin(request)
	if d.Action == Serve {
		if d.Refresh {
			d.EndRefresh()
		}
		return string(d.Entry.Body()), d.Outcome, nil
	}
	if d.Action == Forward || d.Action == Fail {
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
	return func(context.Context, Question) (*Response, error) { return r(), nil }
}

const fresh = "Cache-Control: max-age=60"
