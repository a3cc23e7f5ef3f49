package upstream

import (
	"cmp"
	"io"
	"net/http"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// exchange is what the handler and the transport below the reverse proxy know of
// one request. It travels in the context.
type exchange struct {
	*caller
	request  *cache.Request
	decision cache.Decision
	outcome  cache.Outcome
	// answer is the header of the answer to the client.
	answer http.Header
	// answered: the cache gave the answer, and outcome is final.
	answered bool
	// background: there is no client, the answer is for the cache.
	background bool
	// broken: such an answer was not whole.
	broken bool
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// view is the request as the cache sees it. The target and the fields are those
// that rewrite sends.
func view(r *http.Request, who *caller) *cache.Request {
	target := r.URL.EscapedPath()
	if target == "" {
		target = "/"
	}
	if r.URL.ForceQuery || r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &cache.Request{
		Method: r.Method, Scheme: cmp.Or(who.client.Scheme, scheme), Host: r.Host, Target: target,
		Header: fields{r.Header, who}, HasBody: r.ContentLength != 0,
		Client: who.client.Addr, Identified: who.subject != "",
	}
}

// roundTripper asks the origin by way of the cache.
type roundTripper struct{ h *Handler }

// RoundTrip gives the answer of the cache's fetch, or the origin's own where the
// cache takes no part.
func (t roundTripper) RoundTrip(out *http.Request) (*http.Response, error) {
	x := exchangeOf(out)
	if x.decision.Action == cache.Forward {
		return t.h.origin.RoundTrip(out)
	}
	fetch := &fetch{transport: t.h.origin, out: out}
	answer, err := t.h.cache.Do(out.Context(), x.request, x.decision, fetch.do)
	if err != nil {
		return nil, err
	}
	x.outcome, x.answered = answer.Outcome, true
	if answer.Own {
		fetch.response.Body = answer.Body
		fetch.response.Request = out
		return fetch.response, nil
	}
	return t.response(answer, x, fetch)
}

// response is the answer that a client gets who shares it with others, or has what
// it brings already.
func (t roundTripper) response(a *cache.Answer, x *exchange, f *fetch) (*http.Response, error) {
	res := &http.Response{ProtoMajor: 1, ProtoMinor: 1, Request: f.out, Header: http.Header{}}
	switch {
	case a.Whole:
		m := reply(res.Header, a.Entry, x.request, t.h.cache.Now())
		res.StatusCode, res.Body, res.ContentLength = m.status, readCloser{m.reader(), a.Body}, m.length
		if f.out.Method == http.MethodHead {
			res.Body = http.NoBody
			return res, a.Body.Close()
		}
		return res, nil
	case a.Entry.NotModified(x.request.Header):
		m := reply(res.Header, a.Entry, x.request, t.h.cache.Now())
		res.StatusCode, res.Body = m.status, http.NoBody
		if a.Leads {
			unstored(res.Header, f.response.Header)
		}
		return res, a.Body.Close()
	default:
		res.StatusCode, res.Body, res.ContentLength = a.Entry.Status(), a.Body, a.Length
		if a.Leads {
			res.Header = f.response.Header.Clone() // also what is not stored
		} else {
			res.Header = streaming(a, t.h.cache)
		}
		return res, nil
	}
}

// readCloser closes something else than it reads.
type readCloser struct {
	io.Reader
	io.Closer
}

// unstored adds to a 304 what the origin meant for this client alone.
func unstored(h, origin http.Header) {
	for name, values := range origin {
		if cache.InNotModified(name) {
			h[name] = values
		}
	}
}
