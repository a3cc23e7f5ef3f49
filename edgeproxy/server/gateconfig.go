package server

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/autoban"
	"github.com/ringcast/ringcast/edgeproxy/client"
	"github.com/ringcast/ringcast/edgeproxy/token"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/config"
)

// GateConfig says who may pass.
type GateConfig struct {
	TrustedProxy    []netip.Prefix `flag:"trusted-proxy" value:"CIDR" help:"addresses of proxies before the edge, which say for whom they ask"`
	ForwardedHeader string         `flag:"forwarded-header" default:"auto" value:"NAME" help:"in which field they do: auto, x-forwarded-for or forwarded"`
	Allow           []netip.Prefix `flag:"allow" value:"CIDR" help:"addresses that pass whatever bans cover them"`
	MaxRequestBody  config.Bytes   `flag:"max-request-body" default:"1GiB" value:"SIZE" help:"longest body that a request may have; 0 for no bound"`

	MaxStaleness time.Duration `flag:"max-staleness" value:"DURATION" help:"how long the log may not have been heard of before the edge counts as stale, at least the silence that an open stream may keep; never if 0"`
	OnStale      string        `flag:"on-stale" default:"serve" value:"WHAT" help:"what a stale edge does: serve, unready (and serve on) or deny (refuse every request)"`

	JWT               string        `flag:"jwt" default:"off" value:"MODE" help:"whether bearer tokens are verified: off, optional or required"`
	JWTPath           []string      `flag:"jwt-path" value:"PREFIX=MODE" help:"another mode for a path and what is below it, of which the longest counts"`
	JWTJWKS           string        `flag:"jwt-jwks" value:"URL-OR-FILE" help:"the issuer's public keys, as a JSON Web Key Set"`
	JWTSecretFile     string        `flag:"jwt-secret-file" value:"FILE" help:"secret of the HMAC algorithms, at least 32 bytes"`
	JWTIssuer         string        `flag:"jwt-issuer" value:"TEXT" help:"what iss has to be; anything if not given"`
	JWTAudience       []string      `flag:"jwt-audience" value:"TEXT" help:"of which aud has to have one; anything if not given"`
	JWTAlgorithm      []string      `flag:"jwt-algorithm" value:"NAME" help:"algorithms that are accepted, as ES256; all that fit the keys if not given, and never none"`
	JWTLeeway         time.Duration `flag:"jwt-leeway" default:"30s" value:"DURATION" help:"how far the clocks of issuer and edge may be apart"`
	JWTCookie         string        `flag:"jwt-cookie" value:"NAME" help:"cookie that may bear the token instead of Authorization"`
	JWTIdentityHeader string        `flag:"jwt-identity-header" value:"NAME" help:"field in which the origin is told the verified subject"`

	AutobanFailures int           `flag:"autoban-failures" value:"N" help:"failures of one client within the window that make a ban; none ever if 0"`
	AutobanWindow   time.Duration `flag:"autoban-window" default:"1m" value:"DURATION" help:"the sliding window"`
	AutobanFor      time.Duration `flag:"autoban-for" default:"10m" value:"DURATION" help:"how long the first ban lasts; each that follows soon lasts twice as long"`
	AutobanStatuses []string      `flag:"autoban-statuses" value:"STATUS" help:"statuses of answers that count as failures beside refused tokens, as 401,403"`
	AutobanScope    string        `flag:"autoban-scope" default:"local" value:"SCOPE" help:"local, or fleet to have every edge ban as well"`
}

// What an edge does that has not heard of the log for too long.
const (
	staleServe   = "serve"
	staleUnready = "unready"
	staleDeny    = "deny"
)

// gates are a GateConfig that has been checked.
type gates struct {
	clients  *client.Resolver
	tokens   token.Config
	autoban  autoban.Config
	identity string
}

func (c *GateConfig) check() (g gates, err error) {
	header, err := client.ParseHeader(c.ForwardedHeader)
	if err != nil {
		err = fmt.Errorf("--forwarded-header: %w", err)
	}
	errs := []error{err, c.checkStaleness()}
	g.clients = client.New(client.Config{Trusted: c.TrustedProxy, Header: header})
	if c.JWTIdentityHeader != "" {
		if g.identity, err = upstream.ParseIdentityHeader(c.JWTIdentityHeader); err != nil {
			errs = append(errs, fmt.Errorf("--jwt-identity-header: %w", err))
		}
	}
	if c.MaxRequestBody < 0 {
		errs = append(errs, errors.New("--max-request-body is not negative"))
	}
	g.tokens = token.Config{
		Mode: c.JWT, Paths: c.JWTPath, Issuer: c.JWTIssuer, Audiences: c.JWTAudience, Algorithms: c.JWTAlgorithm,
		Leeway: c.JWTLeeway, Cookie: c.JWTCookie, JWKS: c.JWTJWKS, SecretFile: c.JWTSecretFile,
	}
	g.autoban, err = c.autoban()
	return g, errors.Join(append(errs, err)...)
}

func (c *GateConfig) checkStaleness() error {
	if c.MaxStaleness < 0 {
		return errors.New("--max-staleness is not negative")
	}
	if !slices.Contains([]string{staleServe, staleUnready, staleDeny}, c.OnStale) {
		return fmt.Errorf("--on-stale %q: want %s, %s or %s", c.OnStale, staleServe, staleUnready, staleDeny)
	}
	if c.OnStale != staleServe && c.MaxStaleness == 0 {
		return fmt.Errorf("--on-stale %s needs --max-staleness", c.OnStale)
	}
	return nil
}

// autoban leaves the rest of the checks to the package.
func (c *GateConfig) autoban() (autoban.Config, error) {
	a := autoban.Config{Failures: c.AutobanFailures, Window: c.AutobanWindow, For: c.AutobanFor, Scope: autoban.Scope(c.AutobanScope)}
	for _, text := range c.AutobanStatuses {
		status, err := strconv.Atoi(text)
		if err != nil || status < 100 || status > 599 {
			return a, fmt.Errorf("--autoban-statuses %q: want statuses such as 401", text)
		}
		a.Statuses = append(a.Statuses, status)
	}
	if err := a.Check(); err != nil {
		return a, fmt.Errorf("--autoban-%w", err)
	}
	return a, nil
}
