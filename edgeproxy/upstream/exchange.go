package upstream

import (
	"net/http"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// exchange is what the handler and the transport below the reverse proxy know of
// one request. It travels in the context.
type exchange struct {
	request  *cache.Request
	decision cache.Decision
	outcome  cache.Outcome
	// answer is the header of the answer to the client.
	answer http.Header
	// answered: the cache gave the answer, and outcome is final.
	answered bool
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// view is the request as the cache sees it. The target is what rewrite sends.
func view(r *http.Request) *cache.Request {
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
		Method: r.Method, Scheme: scheme, Host: r.Host, Target: target, Header: r.Header,
		HasBody: r.ContentLength != 0,
	}
}

// roundTripper asks the origin by way of the cache.
type roundTripper struct{ h *Handler }

// RoundTrip gives the answer of the cache's fetch, or the origin's own where the
// cache takes no part.
func (t roundTripper) RoundTrip(out *http.Request) (*http.Response, error) {
	x := exchangeOf(out)
	if x.decision.Action == cache.Forward {
		return t.h.transport.RoundTrip(out)
	}
	fetch := &fetch{transport: t.h.transport, out: out}
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
	res := &http.Response{
		StatusCode: answer.Entry.Status(), ProtoMajor: 1, ProtoMinor: 1, Request: out,
		Header: header(answer, t.h.cache), Body: answer.Body, ContentLength: answer.Length,
	}
	if out.Method == http.MethodHead {
		res.Body = http.NoBody
		return res, answer.Body.Close()
	}
	return res, nil
}
