package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// fetchTimeout bounds one fetch of a JWKS, body included: a server that is slow
	// must not keep a refresh from ever ending.
	fetchTimeout = 10 * time.Second
	// maxRedirects bounds the detours of one fetch.
	maxRedirects = 3
	// maxAnswerHeader bounds the header of an answer in bytes, before its body counts.
	maxAnswerHeader = 64 << 10
)

// newClient makes a client for the fetches. It keeps to the scheme that it was given:
// a redirect from https to http would let anybody on the way name the keys.
func newClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxAnswerHeader,
			MaxIdleConns: 1, IdleConnTimeout: fetchTimeout,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Scheme != via[0].URL.Scheme {
				return fmt.Errorf("redirected to another scheme, %s", req.URL.Scheme)
			}
			if len(via) > maxRedirects {
				return errors.New("redirected too often")
			}
			return nil
		},
	}
}

// fetch gets the bytes of a JWKS, and for how long its server calls it fresh; 0: it
// does not say.
func fetch(ctx context.Context, client *http.Client, from *url.URL) (data []byte, fresh time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("ask for JWKS: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json") // RFC 7517, section 8.5
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("ask for JWKS: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("ask for JWKS: answer is %s", resp.Status)
	}
	if data, err = readBounded(resp.Body); err != nil {
		return nil, 0, fmt.Errorf("ask for JWKS: %w", err)
	}
	return data, freshness(resp.Header.Values("Cache-Control")), nil
}

// freshness reads max-age, and whatever forbids keeping as the least (RFC 9111,
// section 5.2.2).
func freshness(control []string) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(control, ",")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return minFresh
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return minFresh
			}
			return min(max(time.Duration(seconds)*time.Second, minFresh), maxFresh)
		}
	}
	return 0
}

// parseJWKSURL tells a URL from the name of a file.
func parseJWKSURL(text string) (from *url.URL, isURL bool, err error) {
	scheme, _, found := strings.Cut(text, "://")
	if !found {
		return nil, false, nil
	}
	if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
		return nil, false, fmt.Errorf("--jwt-jwks: want an http or https URL or the path of a file, not the scheme %s", scheme)
	}
	from, err = url.Parse(text)
	if err != nil || from.Host == "" {
		return nil, false, errors.New("--jwt-jwks: want a URL with a host, such as https://id.example/.well-known/jwks.json")
	}
	return from, true, nil
}
