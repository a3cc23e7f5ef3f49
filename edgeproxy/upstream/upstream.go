package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/client"
)

// Config says where the origin is and how to treat it.
type Config struct {
	// Origin is the absolute URL that paths are added to.
	Origin *url.URL
	// HeaderTimeout is how long the origin may take to begin an answer; 0 is 60 s.
	HeaderTimeout time.Duration
	// Client gives who asks; who has the connection where nil. The origin is told
	// its chain and scheme, and the scheme is part of the cache key.
	Client func(*http.Request) client.Client
	// IdentityHeader names the field that tells the origin who was identified; ""
	// for none. It is as ParseIdentityHeader gives it. What clients send under the
	// name is removed.
	IdentityHeader string
	// Identity gives the verified subject of a request, "" where there is none. A
	// request that has one is to the cache as one with Authorization. Nobody has one
	// where nil.
	Identity func(*http.Request) string
	// MaxBody bounds the body of a request, in bytes; 0 for no bound. What is longer
	// gets 413, or is cut off where its length was not announced.
	MaxBody int64
	// Hosts are those for which a path is preloaded until clients have had answers
	// stored for others.
	Hosts []string
	// ShowKey tells the cache key in Cache-Status.
	ShowKey bool
	// Answered, if set, is told who got an answer with which status. It must not block.
	Answered func(client netip.Addr, status int)
	// Refused, if set, is told whose request was none for an origin: the status and the
	// reason that it got. Answered is not told of it. It must not block.
	Refused func(client netip.Addr, status int, reason string)
	// Observe, if set, is told the outcome of each request, also of those to the
	// origin that refreshes and preloads make. It must not block.
	Observe func(cache.Outcome)
	// Log gets what no client can be told; slog.Default where nil.
	Log *slog.Logger
}

// Handler answers requests from the cache or from the origin.
type Handler struct {
	cache     *cache.Cache
	config    Config
	transport *transport
	origin    http.RoundTripper
	proxy     *httputil.ReverseProxy
	hosts     hosts
	// identityKey is config.IdentityHeader in the form in which names are compared.
	identityKey string

	// ctx ends the refreshes in the background, slots bounds and refreshes waits
	// for them. mu guards closed and the adding to refreshes.
	ctx       context.Context
	cancel    context.CancelFunc
	slots     chan struct{}
	mu        sync.Mutex
	closed    bool
	refreshes sync.WaitGroup
}

// New gives a handler with the cache before the origin. Close ends it.
func New(config Config, c *cache.Cache) *Handler {
	if config.Observe == nil {
		config.Observe = func(cache.Outcome) {}
	}
	if config.Answered == nil {
		config.Answered = func(netip.Addr, int) {}
	}
	if config.Refused == nil {
		config.Refused = func(netip.Addr, int, string) {}
	}
	if config.Client == nil {
		config.Client = connected
	}
	if config.Identity == nil {
		config.Identity = func(*http.Request) string { return "" }
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	h := &Handler{
		cache: c, config: config, transport: newTransport(config.Origin, config.HeaderTimeout),
		slots: make(chan struct{}, maxRefreshes), identityKey: lower(config.IdentityHeader),
	}
	h.origin = via{h.transport}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.proxy = &httputil.ReverseProxy{
		Rewrite:        h.rewrite,
		Transport:      roundTripper{h},
		BufferPool:     new(buffers),
		FlushInterval:  -1, // clients that share a fetch see each part as it comes
		ModifyResponse: h.finish,
		ErrorHandler:   h.fail,
		ErrorLog:       slog.NewLogLogger(config.Log.Handler(), slog.LevelWarn),
	}
	return h
}

// Close ends the refreshes in the background and closes idle connections. Requests
// should have ended before. It can be called again.
func (h *Handler) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.refreshes.Wait()
	h.transport.close()
}

// ServeHTTP answers a request that may pass.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest := h.Begin(w, r); rest != nil {
		rest(w, r)
	}
}

// Begin answers a request that may pass, and gives nil, where the origin need not be
// asked. Otherwise it gives what does that. It keeps neither w nor r: the rest is called
// with them or with others of the same request.
func (h *Handler) Begin(w http.ResponseWriter, r *http.Request) (rest http.HandlerFunc) {
	if status, reason := h.unfit(r); status != 0 {
		h.reject(w, h.config.Client(r).Addr, status, reason)
		return nil
	}
	if lastHop(r) {
		answerOptions(newWriter(w))
		return nil
	}
	who := h.caller(r)
	request := view(r, who)
	d := h.cache.Begin(request)
	if d.Action != cache.Serve && d.Action != cache.Fail {
		return func(w http.ResponseWriter, r *http.Request) { h.ask(w, r, who, d) }
	}
	out := newWriter(w)
	defer out.start() // what is still in the server's buffers is written after this
	h.config.Observe(d.Outcome)
	if d.Action == cache.Fail {
		out.Header().Set(cacheStatus, h.status(d.Outcome, request))
		refuse(out, http.StatusGatewayTimeout, "only_if_cached")
		return nil
	}
	h.serve(out, request, d)
	if d.Refresh {
		h.refresh(r, who, d)
	}
	return nil
}

// ask answers by way of the origin.
func (h *Handler) ask(w http.ResponseWriter, r *http.Request, who *caller, d cache.Decision) {
	out := newWriter(w)
	defer out.start() // as in Begin
	r = h.limitBody(w, r, out.controller)
	h.forward(out, r, &exchange{caller: who, request: view(r, who), decision: d, outcome: d.Outcome})
}

// unfit gives the answer to a request that is none for an origin, 0 where it is one.
func (h *Handler) unfit(r *http.Request) (status int, reason string) {
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		// There is no tunnel here, and a TRACE would show scripts what they must not see.
		return http.StatusMethodNotAllowed, "method_not_allowed"
	case !addressed(r):
		return http.StatusBadRequest, "bad_request"
	case h.config.MaxBody > 0 && r.ContentLength > h.config.MaxBody:
		return http.StatusRequestEntityTooLarge, tooLarge
	}
	return 0, ""
}

// reject refuses what is the client's own doing.
func (h *Handler) reject(w http.ResponseWriter, who netip.Addr, status int, reason string) {
	h.config.Refused(who, status, reason)
	refuse(newWriter(w), status, reason)
}

// addressed tells whether a request has an origin's path (RFC 9112, section 3.2) and
// a host that is one. Other targets, as "x:opaque" and "*", have none to make a cache key
// of, and what the transport makes of them can name another host. net/http checks the
// Host field, but not the host of a target in its place.
func addressed(r *http.Request) bool {
	u := r.URL
	return u.Opaque == "" && (u.Path == "" || u.Path[0] == '/') && cache.ValidHost(r.Host)
}

// forward answers by way of the reverse proxy, whose transport comes back here.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, x *exchange) {
	x.answer = w.Header()
	h.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
}

// rewrite keeps path and query as the client sent them. What the client says of
// proxies before it is not passed on: it is not part of the cache key, and origins
// make links of it.
func (h *Handler) rewrite(p *httputil.ProxyRequest) {
	x := exchangeOf(p.In)
	dropUnkeyed(p.Out.Header, x.identityKey)
	p.Out.Header.Add("Via", strings.TrimPrefix(p.In.Proto, "HTTP/")+" "+cache.CacheName)
	p.Out.URL.Opaque, p.Out.URL.User = "", nil
	p.SetURL(h.config.Origin)
	x.tell(p.Out.Header, cache.CanonicalHost(x.request.Scheme, p.In.Host), x.request.Scheme)
	countHop(p.Out)
	p.Out.URL.RawQuery = joinQuery(h.config.Origin.RawQuery, p.In.URL.RawQuery)
}

func joinQuery(origin, client string) string {
	if origin == "" || client == "" {
		return origin + client
	}
	return origin + "&" + client
}

// finish completes every answer that came by way of the reverse proxy.
func (h *Handler) finish(res *http.Response) error {
	x := exchangeOf(res.Request)
	if x.outcome.Status == 0 && !x.answered {
		x.outcome.Status = res.StatusCode
	}
	if !x.request.Safe() && res.StatusCode >= 200 && res.StatusCode < 400 {
		h.invalidate(res.Request.Context(), x.request, res.Header)
	}
	if len(res.Header["Content-Type"]) == 0 {
		x.answer["Content-Type"] = nil // the server would guess one
	}
	h.config.Observe(x.outcome)
	if x.outcome.Stored && !x.background {
		h.hosts.add(x.request.Scheme, x.request.Host)
	}
	h.answered(x.request, x.background, res.StatusCode)
	res.Header.Add(cacheStatus, h.status(x.outcome, x.request))
	h.cache.HideTags(cache.Header(res.Header))
	if x.background {
		h.swallow(res, x)
	}
	return nil
}

// invalidate ends before the client hears of its success, whether or not the
// client still waits.
func (h *Handler) invalidate(ctx context.Context, r *cache.Request, answer http.Header) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	if err := h.cache.Invalidate(ctx, r, cache.Header(answer)); err != nil {
		h.config.Log.Error("what a request changed may come back from the cache after a restart", "error", err)
	}
}

// invalidateTimeout bounds how long an answer waits for the state file.
const invalidateTimeout = 10 * time.Second

// fail answers where the origin did not.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r)
	h.config.Observe(x.outcome)
	w.Header().Set(cacheStatus, h.status(x.outcome, x.request))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		h.reject(w, x.request.Client, http.StatusRequestEntityTooLarge, tooLarge)
		return
	}
	h.warn(r, "origin did not answer", err)
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		refuse(w, http.StatusGatewayTimeout, "origin_timeout")
		return
	}
	refuse(w, http.StatusBadGateway, "origin_unreachable")
}

// warn says what went wrong with the origin, unless nobody waits for it any more.
func (h *Handler) warn(r *http.Request, message string, err error) {
	if r.Context().Err() == nil {
		h.config.Log.Warn(message, "url", r.URL.Redacted(), "error", err)
	}
}
