package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// Config says where the origin is and how to treat it.
type Config struct {
	// Origin is the absolute URL that paths are added to.
	Origin *url.URL
	// HeaderTimeout is how long the origin may take to begin an answer; 0 is 60 s.
	HeaderTimeout time.Duration
	// Observe, if set, is told the outcome of each request, also of refreshes in
	// the background. It must not block.
	Observe func(cache.Outcome)
	// Log gets what no client can be told; slog.Default where nil.
	Log *slog.Logger
}

// Handler answers requests from the cache or from the origin.
type Handler struct {
	cache     *cache.Cache
	config    Config
	transport *http.Transport
	proxy     *httputil.ReverseProxy

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
	if config.Log == nil {
		config.Log = slog.Default()
	}
	h := &Handler{
		cache: c, config: config, transport: newTransport(config.HeaderTimeout),
		slots: make(chan struct{}, maxRefreshes),
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.proxy = &httputil.ReverseProxy{
		Rewrite:        h.rewrite,
		Transport:      roundTripper{h},
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
	h.transport.CloseIdleConnections()
}

// ServeHTTP answers a request that may pass.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed")
		return
	}
	if !addressed(r.URL) {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	out := newWriter(w)
	defer out.start() // what is still in the server's buffers is written after this
	request := view(r)
	d := h.cache.Begin(request)
	if d.Action != cache.Serve {
		h.forward(out, r, &exchange{request: request, decision: d, outcome: d.Outcome})
		return
	}
	h.config.Observe(d.Outcome)
	h.serve(out, r, d)
	if d.Refresh {
		h.refresh(r, d)
	}
}

// addressed tells whether a request target has an origin's path (RFC 9112, section
// 3.2). Others, as "x:opaque" and "*", have none to make a cache key of, and what
// the transport makes of them can name another host.
func addressed(u *url.URL) bool {
	return u.Opaque == "" && (u.Path == "" || u.Path[0] == '/')
}

// forward answers by way of the reverse proxy, whose transport comes back here.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, x *exchange) {
	x.answer = w.Header()
	h.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
}

// unkeyed are fields by which some frameworks let a client override the target or
// the method. They are not part of the cache key, so that one client's override
// would be the answer to all.
var unkeyed = []string{
	"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
}

// rewrite keeps path and query as the client sent them. What the client says of
// proxies before it is not passed on: it is not part of the cache key, and origins
// make links of it. The proxy itself has removed some of it already.
func (h *Handler) rewrite(p *httputil.ProxyRequest) {
	for name := range p.Out.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			p.Out.Header.Del(name)
		}
	}
	for _, name := range unkeyed {
		p.Out.Header.Del(name)
	}
	p.Out.URL.Opaque, p.Out.URL.User = "", nil
	p.SetURL(h.config.Origin)
	p.SetXForwarded()
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
		h.invalidate(res.Request.Context(), x.request)
	}
	if len(res.Header["Content-Type"]) == 0 {
		x.answer["Content-Type"] = nil // the server would guess one
	}
	h.config.Observe(x.outcome)
	res.Header.Add(cacheStatus, x.outcome.String())
	h.cache.HideTags(cache.Header(res.Header))
	return nil
}

// invalidate ends before the client hears of its success, whether or not the
// client still waits.
func (h *Handler) invalidate(ctx context.Context, r *cache.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	if err := h.cache.InvalidateURI(ctx, r); err != nil {
		h.config.Log.Error("what a request changed may come back from the cache after a restart", "error", err)
	}
}

// invalidateTimeout bounds how long an answer waits for the state file.
const invalidateTimeout = 10 * time.Second

// fail answers where the origin did not.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r)
	h.config.Observe(x.outcome)
	w.Header().Set(cacheStatus, x.outcome.String())
	if r.Context().Err() == nil {
		h.config.Log.Warn("origin did not answer", "url", r.URL.Redacted(), "error", err)
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		refuse(w, http.StatusGatewayTimeout, "origin_timeout")
		return
	}
	refuse(w, http.StatusBadGateway, "origin_unreachable")
}
